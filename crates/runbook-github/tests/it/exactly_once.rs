//! Exactly one: whatever goes wrong with whichever call of an update, that update and a clean one after it leave one open
//! issue with the newest text, each comment once, and nothing else touched. And what an error says it left is true.

use std::{sync::Arc, time::Duration};

use runbook_core::{LeftBehind, ports::IssueUpdate};
use runbook_github::StatusIssue;
use runbook_testkit::{
    VirtualClock,
    github::{Comment, FakeGitHub, Fault, FaultKind, Issue},
};

use crate::support::{LABELS, RUN, Scene, marker, page_of, publish, settings, view};

const NEXT_RUN: &str = "0190a1b2-0000-7000-8000-000000000002";

/// Every fault, with its name.
fn faults() -> Vec<(&'static str, Fault)> {
    let of = Fault::new;
    let html = |code| Fault::new(FaultKind::Html { code });
    let limit = |retry_after| Fault::new(FaultKind::RateLimitedSecondary { retry_after });
    vec![
        ("an error before", of(FaultKind::LostRequest)),
        ("an error after the change", of(FaultKind::LostResponse)),
        ("half an answer", of(FaultKind::Truncated)),
        ("a time-out before", of(FaultKind::Hang)),
        ("a time-out after the change", of(FaultKind::Hang).carried_out(true)),
        ("a secondary limit", limit(None)),
        ("a secondary limit with its header", limit(Some(Duration::from_secs(1)))),
        ("a primary limit", of(FaultKind::RateLimitedPrimary)),
        ("404", Fault::status(404, "Not Found")),
        ("410", Fault::status(410, "This issue was deleted")),
        ("422", Fault::status(422, "Validation Failed")),
        ("500", Fault::status(500, "Server Error")),
        ("502 after the change", Fault::status(502, "Bad Gateway").carried_out(true)),
        ("503", Fault::status(503, "Service Unavailable")),
        ("a page", html(200)),
        ("a page after the change", html(200).carried_out(true)),
        ("a page of a proxy", html(403)),
        ("a page of trouble", html(502)),
        ("a page of trouble after the change", html(502).carried_out(true)),
    ]
}

/// A process of its own, as each run is.
fn tracker(github: &FakeGitHub, call: Duration) -> StatusIssue {
    let mut settings = settings(github, &github.token());
    settings.deadlines.call = call;
    settings.clock = Arc::new(VirtualClock::auto("2026-11-23T10:15:00Z".parse().unwrap()));
    StatusIssue::new(settings).unwrap()
}

/// An update that has a comment; what it says is told by the number of services.
fn update(github: &FakeGitHub, run: &str, services: usize, known: Option<u64>) -> IssueUpdate {
    let mut view = view(services);
    view.run = run.parse().unwrap();
    IssueUpdate { view, known_number: known, known_url: known.map(|number| page_of(github, number)), comment: true }
}

/// All that people have there.
fn picture(github: &FakeGitHub) -> Vec<(Issue, Vec<Comment>)> {
    let with_comments = |issue: Issue| {
        let comments = github.comments(issue.number);
        (issue, comments)
    };
    github.issues().into_iter().map(with_comments).collect()
}

fn is_marked(issue: &Issue) -> bool {
    issue.body.as_deref().unwrap_or_default().starts_with(&marker())
}

/// How many comments begin with this.
fn said(picture: &[(Issue, Vec<Comment>)], beginning: &str) -> usize {
    picture.iter().flat_map(|(_, comments)| comments).filter(|comment| comment.body.starts_with(beginning)).count()
}

/// Lets every fault strike every call, once and from then on. `arrange` says under which number the journal knows it.
async fn every_fault(arrange: fn(&Scene) -> Option<u64>) {
    let patient = Duration::from_secs(5);
    let scene = Scene::new().await;
    let known = arrange(&scene);
    publish(&tracker(&scene.github, patient), &update(&scene.github, RUN, 1, known)).await.unwrap();
    let calls: Vec<String> =
        scene.github.requests().iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    assert!(calls.len() >= 4, "{calls:?}");
    for (at, call) in (1..).zip(&calls) {
        for (name, fault) in faults() {
            struck(arrange, &format!("{name} at {call}"), fault.clone().nth(at)).await;
            struck(arrange, &format!("{name} from {call} on"), fault.from_nth(at)).await;
        }
    }
}

async fn struck(arrange: fn(&Scene) -> Option<u64>, what: &str, fault: Fault) {
    let scene = Scene::new().await;
    let known = arrange(&scene);
    let github = &scene.github;
    let before = picture(github);
    let hangs = fault.kind == FaultKind::Hang;
    let call = if hangs { Duration::from_millis(100) } else { Duration::from_secs(5) };

    github.fail(fault);
    let first = publish(&tracker(github, call), &update(github, RUN, 1, known)).await;
    github.heal();
    let after = picture(github);
    let run = format!("<!-- runbook:run:{RUN} -->");
    match &first {
        Ok(issue) => {
            let body = github.issue(issue.number).and_then(|issue| issue.body).unwrap_or_default();
            assert!(body.contains("Service 0"), "{what}: it said that it was published: {body}");
            assert_eq!(said(&after, &run), 1, "{what}: it said that it was told");
            // One that was too late may never have arrived there.
            assert!(hangs || issue.requests == github.requests().len() as u64, "{what}: {issue:?}");
        }
        Err(error) if error.left == LeftBehind::NoChange => assert!(after == before, "{what}: {error}, but it changed"),
        Err(error) => assert!(said(&after, &run) <= 1, "{what}: {error}"),
    }

    let known = first.as_ref().map_or(known, |issue| Some(issue.number));
    let second = publish(&tracker(github, Duration::from_secs(5)), &update(github, NEXT_RUN, 2, known)).await;
    let second = second.unwrap_or_else(|error| panic!("{what}: the clean update failed: {error:?}"));
    let now = picture(github);
    let open: Vec<&Issue> = now.iter().map(|(issue, _)| issue).filter(|issue| issue.open && is_marked(issue)).collect();
    let [open] = open[..] else { panic!("{what}: {} are open: {open:?}", open.len()) };
    assert_eq!(open.number, second.number, "{what}");
    assert!(open.body.as_deref().unwrap_or_default().contains("Service 1"), "{what}: {open:?}");
    assert_eq!(open.title, "🤖 AI Agent Autonomous Runbook Status", "{what}");
    assert!(LABELS.iter().all(|label| open.labels.iter().any(|has| has == label)), "{what}: {:?}", open.labels);

    assert!(said(&now, &run) <= 1, "{what}: the first comment is doubled");
    assert_eq!(said(&now, &format!("<!-- runbook:run:{NEXT_RUN} -->")), 1, "{what}");
    let told = &github.comments(open.number).last().map(|comment| comment.body.clone()).unwrap_or_default();
    assert!(told.contains(NEXT_RUN), "{what}: the last that is told is the newest: {told}");
    let marked = |picture: &[(Issue, Vec<Comment>)]| picture.iter().filter(|(issue, _)| is_marked(issue)).count();
    assert!(marked(&now) <= marked(&before) + 1, "{what}: more than one was made");
    for (issue, comments) in &now {
        let links = comments.iter().filter(|one| one.body.starts_with("<!-- runbook:duplicate-of:")).count();
        let retired = usize::from(is_marked(issue) && issue.number != open.number);
        assert_eq!(links, retired, "{what}: #{} has {links} links to the one that stays", issue.number);
        if !is_marked(issue) {
            assert!(before.iter().any(|(other, said)| other == issue && said == comments), "{what}: {issue:?} changed");
        }
    }
}

#[tokio::test]
async fn where_there_is_none() {
    every_fault(|scene| {
        scene.github.add_issue("a bug", "of somebody", &["bug"], "octocat");
        None
    })
    .await;
}

#[tokio::test]
async fn where_it_is_known() {
    every_fault(|scene| Some(scene.add_status_issue("runbook[bot]"))).await;
}

#[tokio::test]
async fn where_it_is_there_and_nobody_remembers_it() {
    every_fault(|scene| {
        scene.add_status_issue("runbook[bot]");
        None
    })
    .await;
}

#[tokio::test]
async fn where_it_was_made_by_somebody_who_may_write() {
    every_fault(|scene| {
        scene.github.set_permission("mona", "write");
        scene.add_status_issue("mona");
        None
    })
    .await;
}

#[tokio::test]
async fn where_it_was_closed() {
    every_fault(|scene| {
        let number = scene.add_status_issue("runbook[bot]");
        scene.github.close_issue(number);
        Some(number)
    })
    .await;
}

#[tokio::test]
async fn where_it_was_deleted() {
    every_fault(|scene| {
        let number = scene.add_status_issue("runbook[bot]");
        scene.github.delete_issue(number);
        Some(number)
    })
    .await;
}

#[tokio::test]
async fn where_it_was_made_twice_by_hand() {
    every_fault(|scene| {
        let number = scene.add_status_issue("runbook[bot]");
        scene.add_status_issue("runbook[bot]");
        Some(number)
    })
    .await;
}

#[tokio::test]
async fn where_it_stands_behind_150_others() {
    every_fault(|scene| {
        scene.add_status_issue("runbook[bot]");
        for n in 0..150 {
            scene.github.add_issue(&format!("issue {n}"), "", &[], "octocat");
        }
        None
    })
    .await;
}
