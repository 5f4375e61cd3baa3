//! `/pulls`: <https://docs.github.com/rest/pulls/pulls>. Title, body and state are those of the issue of the same number.

use serde_json::Value;

use super::{desk::Desk, issues::next_number};
use crate::github::{
    answer::{Answer, Reply},
    model::{Issue, PullRequest, Slot},
};

pub(super) fn route(desk: &mut Desk<'_>, method: &str, path: &[&str]) -> Reply {
    match method {
        "GET" => desk.may_read("pull_requests")?,
        _ => desk.may_write("pull_requests")?,
    }
    match (method, path) {
        ("GET", []) => list(desk),
        ("POST", []) => create(desk),
        ("GET", [number]) => {
            let number = number.parse::<u64>().map_err(|_| Answer::not_found())?;
            match shown(desk, number, true) {
                Some(value) => Answer::ok(&value),
                None => Err(Answer::not_found()),
            }
        }
        _ => Err(Answer::not_found()),
    }
}

/// The JSON of one; `whole` with what only its own address tells.
fn shown(desk: &Desk<'_>, number: u64, whole: bool) -> Option<Value> {
    let repository = desk.repository();
    let pull = repository.pulls.get(&number)?;
    let Some(Slot::Here(issue)) = repository.issues.get(&number) else { return None };
    Some(desk.shape().pull_request(issue, pull, whole))
}

fn list(desk: &Desk<'_>) -> Reply {
    let call = &desk.call;
    let state = call.query_word("state", &["open", "closed", "all"])?;
    let ascending = call.query_word("direction", &["desc", "asc"])? == "asc";
    // Like GitHub's: a head without its owner filters nothing.
    let head = call.query("head").and_then(|head| head.split_once(':'));
    let base = call.query("base");
    let repository = desk.repository();
    let mut found: Vec<u64> = repository
        .pulls
        .iter()
        .filter(|(number, pull)| {
            let open = matches!(repository.issues.get(number), Some(Slot::Here(issue)) if issue.open);
            (state == "all" || (state == "open") == open)
                && base.is_none_or(|base| pull.base == base)
                && head
                    .is_none_or(|(owner, branch)| repository.owner.eq_ignore_ascii_case(owner) && pull.head == branch)
        })
        .map(|(number, _)| *number)
        .collect();
    if !ascending {
        found.reverse();
    }
    desk.page(found.into_iter().filter_map(|number| shown(desk, number, false)).collect())
}

fn create(desk: &mut Desk<'_>) -> Reply {
    let fields = desk.call.fields()?;
    let (title, head) = (fields.required_text("title")?, fields.required_text("head")?);
    let base = fields.required_text("base")?;
    let body = fields.text("body")?;
    let draft = fields.flag("draft")?.unwrap_or(false);
    let owner = desk.repository().owner.clone();
    let head = match head.split_once(':') {
        Some((of, branch)) if of.eq_ignore_ascii_case(&owner) => branch.to_owned(),
        _ => head,
    };
    let commit = |branch: &str| desk.repository().refs.get(&format!("refs/heads/{branch}")).cloned();
    let invalid = |field: &str| Answer::invalid("PullRequest", field, "invalid", None);
    let (head_sha, base_sha) =
        (commit(&head).ok_or_else(|| invalid("head"))?, commit(&base).ok_or_else(|| invalid("base"))?);
    let refused = |message: &str| Answer::invalid("PullRequest", "", "custom", Some(message));
    if desk.repository().is_ancestor(&head_sha, &base_sha) {
        return Err(refused(&format!("No commits between {base} and {head}")));
    }
    let repository = desk.repository();
    let is_open = |number: &u64| matches!(repository.issues.get(number), Some(Slot::Here(issue)) if issue.open);
    if repository.pulls.iter().any(|(number, pull)| pull.head == head && pull.base == base && is_open(number)) {
        return Err(refused(&format!("A pull request already exists for {owner}:{head}.")));
    }
    let (id, pull_id, now, author) = (desk.world.next_id(), desk.world.next_id(), desk.world.now(), desk.login());
    let repository = desk.repository_mut();
    let number = next_number(&repository.issues);
    let issue = Issue {
        id,
        number,
        title,
        body,
        open: true,
        state_reason: None,
        labels: Vec::new(),
        author,
        locked: false,
        pull_request: true,
        created_at: now,
        updated_at: now,
        closed_at: None,
        closed_by: None,
    };
    repository.issues.insert(number, Slot::Here(Box::new(issue)));
    repository.pulls.insert(number, PullRequest { id: pull_id, number, head, head_sha, base, base_sha, draft });
    match shown(desk, number, true) {
        Some(value) => Answer::created(&value),
        None => Err(Answer::not_found()),
    }
}
