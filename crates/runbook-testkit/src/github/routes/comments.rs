//! Comments and the reactions to them: <https://docs.github.com/rest/issues/comments>,
//! <https://docs.github.com/rest/reactions/reactions>.

use super::{
    desk::Desk,
    issues::{LONGEST_BODY, enabled, here},
};
use crate::github::{
    answer::{Answer, Reply},
    model::{Comment, Reaction},
};

const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];

/// `/issues/{number}/comments`.
pub(super) fn of_issue(desk: &mut Desk<'_>, method: &str, number: &str) -> Reply {
    enabled(desk)?;
    match method {
        "GET" => {
            desk.may_read("issues")?;
            let number = here(desk, number)?;
            list(desk, Some(number))
        }
        "POST" => {
            desk.may_write("issues")?;
            let number = here(desk, number)?;
            create(desk, number)
        }
        _ => Err(Answer::not_found()),
    }
}

/// `/issues/comments`.
pub(super) fn route(desk: &mut Desk<'_>, method: &str, path: &[&str]) -> Reply {
    enabled(desk)?;
    match method {
        "GET" => desk.may_read("issues")?,
        _ => desk.may_write("issues")?,
    }
    let Some((id, rest)) = path.split_first() else {
        return if method == "GET" { list(desk, None) } else { Err(Answer::not_found()) };
    };
    let at = position(desk, id)?;
    match (method, rest) {
        ("GET", []) => Answer::ok(&desk.shape().comment(&desk.repository().comments[at])),
        // GitHub still takes POST where a client cannot PATCH, and octocrab 0.54 relies on it.
        ("PATCH" | "POST", []) => update(desk, at),
        ("DELETE", []) => {
            desk.repository_mut().comments.remove(at);
            Answer::no_content()
        }
        ("GET", ["reactions"]) => {
            let shape = desk.shape();
            desk.page(
                desk.repository().comments[at].reactions.iter().map(|reaction| shape.reaction(reaction)).collect(),
            )
        }
        ("POST", ["reactions"]) => react(desk, at),
        _ => Err(Answer::not_found()),
    }
}

fn position(desk: &Desk<'_>, id: &str) -> Result<usize, Answer> {
    desk.repository().comments.iter().position(|comment| comment.id.to_string() == id).ok_or_else(Answer::not_found)
}

/// The comments of one issue in the order in which they were written; over all issues, `sort` and `direction` count.
fn list(desk: &Desk<'_>, issue: Option<u64>) -> Reply {
    let call = &desk.call;
    let since = call.query_time("since")?;
    let mut found: Vec<&Comment> = desk
        .repository()
        .comments
        .iter()
        .filter(|comment| issue.is_none_or(|issue| comment.issue == issue))
        .filter(|comment| since.is_none_or(|since| comment.updated_at >= since))
        .collect();
    if issue.is_none() {
        let updated = call.query_word("sort", &["created", "updated"])? == "updated";
        found.sort_by_key(|comment| (if updated { comment.updated_at } else { comment.created_at }, comment.id));
        if call.query_word("direction", &["asc", "desc"])? == "desc" {
            found.reverse();
        }
    }
    let shape = desk.shape();
    desk.page(found.into_iter().map(|comment| shape.comment(comment)).collect())
}

fn checked_body(desk: &Desk<'_>) -> Result<String, Answer> {
    let body = desk.call.fields()?.required_text("body")?;
    let refuse = |message: &str| Answer::invalid("IssueComment", "data", "unprocessable", Some(message));
    if body.trim().is_empty() {
        return Err(refuse("Body cannot be blank"));
    }
    if body.chars().count() > LONGEST_BODY {
        return Err(refuse(&format!("Body is too long (maximum is {LONGEST_BODY} characters)")));
    }
    Ok(body)
}

fn create(desk: &mut Desk<'_>, number: u64) -> Reply {
    let body = checked_body(desk)?;
    let (id, now, author) = (desk.world.next_id(), desk.world.now(), desk.login());
    let may_write = desk.repository().may_write(&author);
    let repository = desk.repository_mut();
    let issue = repository.issue_mut(number).ok_or_else(Answer::not_found)?;
    if issue.locked && !may_write {
        return Err(Answer::refusal(403, "Unable to create comment because issue is locked."));
    }
    issue.updated_at = now;
    let comment = Comment { id, issue: number, body, author, created_at: now, updated_at: now, reactions: Vec::new() };
    repository.comments.push(comment.clone());
    Answer::created(&desk.shape().comment(&comment))
}

fn update(desk: &mut Desk<'_>, at: usize) -> Reply {
    let body = checked_body(desk)?;
    let now = desk.world.now();
    let comment = &mut desk.repository_mut().comments[at];
    (comment.body, comment.updated_at) = (body, now);
    Answer::ok(&desk.shape().comment(&desk.repository().comments[at]))
}

/// A reaction that this login made already is answered with 200 instead of 201, and stays one.
fn react(desk: &mut Desk<'_>, at: usize) -> Reply {
    let content = desk.call.fields()?.required_text("content")?;
    if !REACTIONS.contains(&content.as_str()) {
        return Err(Answer::invalid("Reaction", "content", "invalid", None));
    }
    let (id, created_at, author) = (desk.world.next_id(), desk.world.now(), desk.login());
    let reactions = &mut desk.repository_mut().comments[at].reactions;
    if let Some(same) = reactions.iter().find(|one| one.author == author && one.content == content).cloned() {
        return Answer::ok(&desk.shape().reaction(&same));
    }
    let reaction = Reaction { id, author, content, created_at };
    reactions.push(reaction.clone());
    Answer::created(&desk.shape().reaction(&reaction))
}
