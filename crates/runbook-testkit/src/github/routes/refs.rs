//! `/git/refs`: <https://docs.github.com/rest/git/refs>. Commits come from
//! [`add_commit`](crate::github::FakeGitHub::add_commit); objects cannot be made over HTTP here.

use super::desk::Desk;
use crate::github::answer::{Answer, Reply};

pub(super) fn route(desk: &mut Desk<'_>, method: &str, path: &[&str]) -> Reply {
    match method {
        "GET" => desk.may_read("contents")?,
        _ => desk.may_write("contents")?,
    }
    match (method, path) {
        ("GET", ["ref", rest @ ..]) => {
            let name = full_name(rest);
            let sha = desk.repository().refs.get(&name).ok_or_else(Answer::not_found)?;
            Answer::ok(&desk.shape().git_ref(&name, sha))
        }
        ("GET", ["matching-refs", rest @ ..]) => {
            let (prefix, shape) = (full_name(rest), desk.shape());
            let found = desk.repository().refs.iter().filter(|(name, _)| name.starts_with(&prefix));
            desk.page(found.map(|(name, sha)| shape.git_ref(name, sha)).collect())
        }
        ("POST", ["refs"]) => create(desk),
        ("PATCH", ["refs", rest @ ..]) => update(desk, &full_name(rest)),
        ("DELETE", ["refs", rest @ ..]) => match desk.repository_mut().refs.remove(&full_name(rest)) {
            Some(_) => Answer::no_content(),
            None => Err(Answer::refusal(422, "Reference does not exist")),
        },
        _ => Err(Answer::not_found()),
    }
}

fn full_name(parts: &[&str]) -> String {
    format!("refs/{}", parts.join("/"))
}

fn known_commit(desk: &Desk<'_>, sha: &str) -> Result<(), Answer> {
    if !desk.repository().commits.contains_key(sha) {
        return Err(Answer::refusal(422, "Object does not exist"));
    }
    Ok(())
}

fn create(desk: &mut Desk<'_>) -> Reply {
    let fields = desk.call.fields()?;
    let (name, sha) = (fields.required_text("ref")?, fields.required_text("sha")?);
    if !name.starts_with("refs/") || name.matches('/').count() < 2 {
        return Err(Answer::refusal(422, "Reference name must start with 'refs/' and have at least two slashes."));
    }
    known_commit(desk, &sha)?;
    if desk.repository().refs.contains_key(&name) {
        return Err(Answer::refusal(422, "Reference already exists"));
    }
    desk.repository_mut().refs.insert(name.clone(), sha.clone());
    Answer::created(&desk.shape().git_ref(&name, &sha))
}

fn update(desk: &mut Desk<'_>, name: &str) -> Reply {
    let fields = desk.call.fields()?;
    let sha = fields.required_text("sha")?;
    let force = fields.flag("force")?.unwrap_or(false);
    let Some(old) = desk.repository().refs.get(name) else {
        return Err(Answer::refusal(422, "Reference does not exist"));
    };
    known_commit(desk, &sha)?;
    if !force && !desk.repository().is_ancestor(old, &sha) {
        return Err(Answer::refusal(422, "Update is not a fast forward"));
    }
    desk.repository_mut().refs.insert(name.to_owned(), sha.clone());
    Answer::ok(&desk.shape().git_ref(name, &sha))
}
