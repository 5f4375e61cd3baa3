//! The status issue over the real command line, against a fake GitHub: what happens when it cannot be reached or refuses.

use runbook_core::{Verdict, event::EventKind};
use runbook_testkit::{HttpTarget, Reply, github::FakeGitHub};

use crate::bench::{World, stage};

#[tokio::test]
async fn there_is_one_issue_and_it_says_what_was_measured() {
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github);
    let report = world.json(&["deploy", "v1.0.0"]).await.exits(0).report(Verdict::Succeeded);
    let issue = report.issue.expect("an issue");
    world.service.fails("v1.1.0");
    world.json(&["deploy", "v1.1.0"]).await.exits(6);
    world.run(&["update-status"]).await.exits(0);
    let issues = github.issues();
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!(issues[0].number, issue.number);
    assert_eq!(issues[0].title, "🤖 AI Agent Autonomous Runbook Status");
    assert_eq!(issues[0].labels, ["ai-agent", "automated", "runbook"]);
    let body = issues[0].body.clone().unwrap_or_default();
    assert!(body.contains("✅ OPERATIONAL") && body.contains("v1.0.0"), "{body}");
}

#[tokio::test]
async fn an_update_takes_two_requests_and_the_report_counts_them() {
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github).put("live", "v1.0.0");
    world.run(&["update-status"]).await.exits(0);
    github.forget_requests();
    let report = world.json(&["update-status"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(report.issue.expect("an issue").requests, Some(2));
    let calls: Vec<String> = github.requests().into_iter().map(|call| call.method).collect();
    assert_eq!(calls, ["GET", "PATCH"]);
    let published = world.events().into_iter().rev().find_map(|event| match event.kind {
        EventKind::StatusPublished { requests, .. } => Some(requests),
        _ => None,
    });
    assert_eq!(published, Some(Some(2)));
}

#[tokio::test]
async fn a_copy_made_by_hand_is_closed_by_the_next_run() {
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github).put("live", "v1.0.0");
    world.run(&["update-status"]).await.exits(0);
    let ours = github.issues().remove(0);
    github.set_permission("mona", "write");
    let copy = github.add_issue(&ours.title, ours.body.as_deref().unwrap_or_default(), &[], "mona");
    world.run(&["update-status"]).await.exits(0);
    let open: Vec<u64> = github.issues().iter().filter(|issue| issue.open).map(|issue| issue.number).collect();
    assert_eq!(open, [ours.number]);
    assert!(github.comments(copy)[0].body.contains(&format!("is kept in #{}", ours.number)));
}

#[tokio::test]
async fn one_that_cannot_be_reached_fails_the_report_and_not_the_deploy() {
    let nobody = HttpTarget::start(Reply::new(200)).await;
    nobody.refuse().await;
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github).set("GITHUB_API_URL", nobody.url(""));
    let ran = world.json(&["deploy", "v1.0.0"]).await;
    let report = ran.exits(0).report(Verdict::Succeeded);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    let (outcome, reason) = stage(&report, "report");
    assert_eq!(outcome, "failed");
    assert!(reason.contains(&nobody.url("")) && reason.contains("could not be reached"), "{reason}");
    assert_eq!(report.issue, None);

    let ran = world.json(&["update-status"]).await;
    let report = ran.exits(5).report(Verdict::Failed);
    let why = report.verdict_reason.unwrap_or_default();
    assert!(why.contains("status issue") && why.contains("could not be reached"), "{why}");
    ran.hides(&github.token());
    world.run(&["update-status"]).await.exits(5).shows(&["could not be reached"]);
    world.run(&["status"]).await.exits(0).shows(&["OPERATIONAL"]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_told() {
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github).set("GITHUB_TOKEN", "ghp_0123456789012345678901234567890123456");
    let ran = world.json(&["update-status"]).await;
    let report = ran.exits(5).report(Verdict::Failed);
    let (outcome, reason) = stage(&report, "report");
    assert_eq!(outcome, "failed");
    assert!(reason.contains("GITHUB_TOKEN was not accepted") && reason.contains("it has expired"), "{reason}");
    ran.hides("ghp_0123456789");
    world.json(&["deploy", "v1.0.0"]).await.exits(0).report(Verdict::Succeeded);
    assert!(github.issues().is_empty());
}

#[tokio::test]
async fn without_a_token_or_repository_the_report_says_what_is_missing() {
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github).unset("GITHUB_TOKEN");
    let report = world.json(&["deploy", "v1.0.0"]).await.exits(0).report(Verdict::Succeeded);
    let (outcome, reason) = stage(&report, "report");
    assert_eq!(outcome, "skipped");
    assert!(reason.contains("GITHUB_TOKEN is not set"), "{reason}");
    world.publish_to(&github).unset("GITHUB_REPOSITORY");
    let report = world.json(&["update-status"]).await.exits(0).report(Verdict::Succeeded);
    assert!(stage(&report, "report").1.contains("[project] repository"), "{report:?}");
    assert!(github.requests().is_empty());
}
