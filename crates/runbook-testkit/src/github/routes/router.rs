//! Which request goes to which file.

use super::{actions, checks, comments, deployments, desk::Desk, issues, labels, pulls, refs, repository};
use crate::github::{
    answer::{Answer, Reply},
    call::Call,
    grant::{Grant, Level},
    model::Slot,
    shape,
    world::World,
};

/// Answers a request of somebody who was let in.
pub(in crate::github) fn route(world: &mut World, grant: &Grant, call: Call) -> Reply {
    let path: Vec<String> = call.path.clone();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (place, rest) = match path.as_slice() {
        ["user"] if call.method == "GET" => return me(world, grant),
        ["repos", owner, name, rest @ ..] => (world.find(owner, name), rest),
        // GitHub's own links and redirects name a repository by its id.
        ["repositories", id, rest @ ..] => (world.repositories.iter().position(|r| r.id.to_string() == *id), rest),
        _ => return Err(Answer::not_found()),
    };
    let mut desk = Desk { place: place.ok_or_else(Answer::not_found)?, world, grant, call };
    // Whoever may not look at a private repository is not told that it exists.
    if desk.repository().private && grant.level("metadata") < Level::Read {
        return Err(Answer::not_found());
    }
    let method = desk.call.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => repository::get(&desk),
        ("GET", ["collaborators", login, "permission"]) => repository::permission(&desk, login),
        ("POST", ["dispatches"]) => actions::repository_dispatch(&mut desk),
        (method, ["actions", rest @ ..]) => actions::route(&mut desk, method, rest),
        (method, ["issues", "comments", rest @ ..]) => comments::route(&mut desk, method, rest),
        (method, ["issues", number, "comments"]) => comments::of_issue(&mut desk, method, number),
        (method, ["issues", number, "labels", rest @ ..]) => labels::of_issue(&mut desk, method, number, rest),
        (method, ["issues", rest @ ..]) => issues::route(&mut desk, method, rest),
        (method, ["labels", rest @ ..]) => labels::route(&mut desk, method, rest),
        (method, ["git", rest @ ..]) => refs::route(&mut desk, method, rest),
        ("GET", ["commits", rest @ ..]) => checks::route(&desk, rest),
        (method, ["pulls", rest @ ..]) => pulls::route(&mut desk, method, rest),
        (method, ["deployments", rest @ ..]) => deployments::route(&mut desk, method, rest),
        _ => Err(Answer::not_found()),
    }
}

fn me(world: &World, grant: &Grant) -> Reply {
    if grant.installation {
        return Err(Answer::not_accessible("metadata", "read"));
    }
    Answer::ok(&shape::me(&world.base, &grant.login, world.now()))
}

/// The page that an issue's `html_url` leads to, as plain text: enough to look at in a demonstration.
pub(in crate::github) fn page(world: &World, call: &Call) -> Option<Answer> {
    let [owner, name, issues, number] = call.path.as_slice() else { return None };
    if call.method != "GET" || issues != "issues" {
        return None;
    }
    let repository = &world.repositories[world.find(owner, name)?];
    let Some(Slot::Here(issue)) = repository.issues.get(&number.parse().ok()?) else { return None };
    let mut text = format!("{} #{}\n\n{}\n", issue.title, issue.number, issue.body.as_deref().unwrap_or_default());
    for comment in repository.comments.iter().filter(|comment| comment.issue == issue.number) {
        text.push_str(&format!("\n--- {} at {}\n\n{}\n", comment.author, comment.created_at, comment.body));
    }
    Some(Answer::text(200, "text/plain; charset=utf-8", text))
}
