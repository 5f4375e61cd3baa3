//! `/issues`: <https://docs.github.com/rest/issues/issues>.

use serde_json::Value;

use super::{desk::Desk, labels};
use crate::github::{
    answer::{Answer, Reply},
    model::{Issue, Slot},
};

/// The longest body of an issue or a comment, in characters.
pub(super) const LONGEST_BODY: usize = 65_536;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 256;

pub(super) fn route(desk: &mut Desk<'_>, method: &str, path: &[&str]) -> Reply {
    enabled(desk)?;
    match (method, path) {
        ("GET", []) => list(desk),
        ("POST", []) => create(desk),
        ("GET", [number]) => {
            desk.may_read("issues")?;
            let number = here(desk, number)?;
            Answer::ok(&shown(desk, number))
        }
        ("PATCH", [number]) => {
            desk.may_write("issues")?;
            let number = here(desk, number)?;
            patch(desk, number)
        }
        _ => Err(Answer::not_found()),
    }
}

/// Refuses everything about issues where the repository has none.
pub(super) fn enabled(desk: &Desk<'_>) -> Result<(), Answer> {
    if desk.repository().has_issues {
        return Ok(());
    }
    Err(Answer::refusal(410, "Issues has been disabled in this repository."))
}

/// The number of an issue that is still here: deleted is 410, transferred is 301, never there is 404.
pub(super) fn here(desk: &Desk<'_>, number: &str) -> Result<u64, Answer> {
    let number: u64 = number.parse().map_err(|_| Answer::not_found())?;
    match desk.repository().issues.get(&number) {
        Some(Slot::Here(_)) => Ok(number),
        Some(Slot::Deleted) => Err(Answer::refusal(410, "This issue was deleted")),
        Some(Slot::Moved { repository, number }) => {
            let url = format!("{}/repositories/{repository}/issues/{number}", desk.world.base);
            let mut moved = Answer::refusal(301, "Moved Permanently");
            if let Ok(Value::Object(mut body)) = serde_json::from_slice(&moved.body) {
                body.insert("url".to_owned(), url.clone().into());
                moved.body = Value::Object(body).to_string().into_bytes();
            }
            Err(moved.with("location", url))
        }
        None => Err(Answer::not_found()),
    }
}

/// An issue's JSON; null where there is none.
fn shown(desk: &Desk<'_>, number: u64) -> Value {
    match desk.repository().issues.get(&number) {
        Some(Slot::Here(issue)) => desk.shape().issue(issue),
        _ => Value::Null,
    }
}

fn list(desk: &Desk<'_>) -> Reply {
    desk.may_read("issues")?;
    let call = &desk.call;
    let state = call.query_word("state", &["open", "closed", "all"])?;
    let sort = call.query_word("sort", &["created", "updated", "comments"])?;
    let ascending = call.query_word("direction", &["desc", "asc"])? == "asc";
    let since = call.query_time("since")?;
    let labels: Vec<String> =
        call.query("labels").map_or_else(Vec::new, |names| names.split(',').map(str::to_lowercase).collect());
    let creator = call.query("creator");

    let repository = desk.repository();
    let mut found: Vec<&Issue> = repository
        .issues_here()
        .filter(|issue| match state {
            "open" => issue.open,
            "closed" => !issue.open,
            _ => true,
        })
        .filter(|issue| since.is_none_or(|since| issue.updated_at >= since))
        .filter(|issue| creator.is_none_or(|creator| issue.author.eq_ignore_ascii_case(creator)))
        .filter(|issue| labels.iter().all(|wanted| issue.labels.iter().any(|label| label.to_lowercase() == *wanted)))
        .collect();
    let comments = |issue: &Issue| repository.comments.iter().filter(|comment| comment.issue == issue.number).count();
    match sort {
        "updated" => found.sort_by_key(|issue| (issue.updated_at, issue.number)),
        "comments" => found.sort_by_key(|issue| (comments(issue), issue.number)),
        _ => found.sort_by_key(|issue| (issue.created_at, issue.number)),
    }
    if !ascending {
        found.reverse();
    }
    let shape = desk.shape();
    desk.page(found.into_iter().map(|issue| shape.issue(issue)).collect())
}

fn create(desk: &mut Desk<'_>) -> Reply {
    desk.may_write("issues")?;
    let fields = desk.call.fields()?;
    let title = checked_title(fields.required_text("title")?)?;
    let body = checked_body(fields.text("body")?)?;
    let labels = labels::put_on(desk, fields.names("labels")?.unwrap_or_default())?;
    let (id, now, author) = (desk.world.next_id(), desk.world.now(), desk.login());
    let repository = desk.repository_mut();
    let number = next_number(&repository.issues);
    let issue = Issue {
        id,
        number,
        title,
        body,
        open: true,
        state_reason: None,
        labels,
        author,
        locked: false,
        pull_request: false,
        created_at: now,
        updated_at: now,
        closed_at: None,
        closed_by: None,
    };
    repository.issues.insert(number, Slot::Here(Box::new(issue)));
    let issue = shown(desk, number);
    let location = issue["url"].as_str().unwrap_or_default().to_owned();
    Answer::created(&issue).map(|answer| answer.with("location", location))
}

/// The number after the highest ever given: a deleted issue's number never comes back.
pub(in crate::github) fn next_number(issues: &std::collections::BTreeMap<u64, Slot>) -> u64 {
    issues.last_key_value().map_or(0, |(number, _)| *number) + 1
}

fn patch(desk: &mut Desk<'_>, number: u64) -> Reply {
    // Everything is checked before anything is changed.
    let fields = desk.call.fields()?;
    let title = fields.text("title")?.map(checked_title).transpose()?;
    let body = fields.get("body").map(|_| fields.text("body")).transpose()?.map(checked_body).transpose()?;
    let state = fields.text("state")?;
    if state.as_deref().is_some_and(|state| state != "open" && state != "closed") {
        return Err(Answer::invalid("Issue", "state", "invalid", None));
    }
    let reason = fields.text("state_reason")?;
    let reasons = ["completed", "not_planned", "duplicate", "reopened"];
    if reason.as_deref().is_some_and(|reason| !reasons.contains(&reason)) {
        return Err(Answer::invalid("Issue", "state_reason", "invalid", None));
    }
    let labels = fields.names("labels")?.map(|names| labels::put_on(desk, names)).transpose()?;

    let (now, login) = (desk.world.now(), desk.login());
    let issue = desk.repository_mut().issue_mut(number).ok_or_else(Answer::not_found)?;
    issue.updated_at = now;
    if let Some(title) = title {
        issue.title = title;
    }
    if let Some(body) = body {
        issue.body = body;
    }
    if let Some(labels) = labels {
        issue.labels = labels;
    }
    match state.as_deref() {
        Some("open") if !issue.open => issue.reopen(),
        Some("closed") if issue.open => issue.close(reason.unwrap_or_else(|| "completed".to_owned()), login, now),
        _ => {}
    }
    Answer::ok(&shown(desk, number))
}

fn checked_title(title: String) -> Result<String, Answer> {
    if title.trim().is_empty() {
        return Err(Answer::invalid("Issue", "title", "missing_field", None));
    }
    if title.chars().count() > LONGEST_TITLE {
        let message = format!("title is too long (maximum is {LONGEST_TITLE} characters)");
        return Err(Answer::invalid("Issue", "title", "custom", Some(&message)));
    }
    Ok(title)
}

fn checked_body(body: Option<String>) -> Result<Option<String>, Answer> {
    if body.as_ref().is_some_and(|body| body.chars().count() > LONGEST_BODY) {
        let message = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Answer::invalid("Issue", "body", "custom", Some(&message)));
    }
    Ok(body)
}
