//! What is known of a commit: <https://docs.github.com/rest/checks/runs>, <https://docs.github.com/rest/commits/statuses>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::desk::Desk;
use crate::github::{
    answer::{Answer, Reply},
    model::CommitStatus,
    world::Repository,
};

/// `/commits/{ref}/…`; a ref may have slashes.
pub(super) fn route(desk: &Desk<'_>, path: &[&str]) -> Reply {
    let (what, name) = path.split_last().ok_or_else(Answer::not_found)?;
    match *what {
        "check-runs" => desk.may_read("checks")?,
        "status" => desk.may_read("statuses")?,
        _ => return Err(Answer::not_found()),
    }
    let name = name.join("/");
    let sha = desk
        .repository()
        .resolve(&name)
        .ok_or_else(|| Answer::refusal(422, format!("No commit found for SHA: {name}")))?;
    if *what == "check-runs" { check_runs(desk, &sha) } else { combined(desk, &sha) }
}

/// Of runs with the same name the newest counts, unless `filter=all`.
fn check_runs(desk: &Desk<'_>, sha: &str) -> Reply {
    let (call, shape) = (&desk.call, desk.shape());
    let all = call.query_word("filter", &["latest", "all"])? == "all";
    let runs: Vec<_> = desk.repository().check_runs.iter().filter(|run| run.sha == sha).collect();
    let found = runs.iter().enumerate().filter(|(at, run)| {
        (all || !runs[at + 1..].iter().any(|later| later.name == run.name))
            && call.query("check_name").is_none_or(|name| run.name == name)
            && call.query("status").is_none_or(|status| run.status == status)
    });
    desk.page_in("check_runs", found.map(|(_, run)| shape.check_run(run)).collect())
}

fn combined(desk: &Desk<'_>, sha: &str) -> Reply {
    let (shape, newest) = (desk.shape(), newest(desk.repository(), sha));
    let statuses: Vec<Value> = newest.values().map(|status| shape.status(status)).collect();
    let mut answer = desk.page_in("statuses", statuses)?;
    let more = json!({
        "state": state(newest.values().copied()),
        "sha": sha,
        "repository": shape.minimal_repository(),
        "commit_url": format!("{}/commits/{sha}", shape.api()),
        "url": format!("{}/commits/{sha}/status", shape.api()),
    });
    if let (Ok(Value::Object(mut body)), Value::Object(more)) = (serde_json::from_slice(&answer.body), more) {
        body.extend(more);
        answer.body = Value::Object(body).to_string().into_bytes();
    }
    Ok(answer)
}

/// The newest status of each context.
fn newest<'a>(repository: &'a Repository, sha: &str) -> BTreeMap<&'a str, &'a CommitStatus> {
    repository
        .statuses
        .iter()
        .filter(|status| status.sha == sha)
        .map(|status| (status.context.as_str(), status))
        .collect()
}

/// One word for all: failure where any failed; pending where any is, or where there is none; else success.
fn state<'a>(statuses: impl Iterator<Item = &'a CommitStatus>) -> &'static str {
    let states: Vec<&str> = statuses.map(|status| status.state.as_str()).collect();
    if states.iter().any(|state| ["error", "failure"].contains(state)) {
        "failure"
    } else if states.is_empty() || states.contains(&"pending") {
        "pending"
    } else {
        "success"
    }
}

/// The contexts of a commit that are not a success: what a deployment is refused for.
pub(super) fn unsuccessful(repository: &Repository, sha: &str) -> Vec<String> {
    let newest = newest(repository, sha);
    newest.values().filter(|status| status.state != "success").map(|status| status.context.clone()).collect()
}
