//! Templates of the repository's own, over the real command line: used where they can be, and never at a report's cost.

use runbook_core::{Report, Verdict};
use runbook_testkit::github::FakeGitHub;

use crate::bench::{World, stage};

/// A world that publishes, with one template of its own.
async fn world_with(github: &FakeGitHub, name: &str, text: &str) -> World {
    let mut world = World::new().await;
    world.publish_to(github).put("live", "v1.0.0");
    world.repository.write(&format!("ops/texts/{name}"), text);
    world.configure(|config| format!("{config}\n[status_issue]\ntemplates = \"ops/texts\"\n"));
    world
}

/// The report of an update that worked, and what the issue says.
async fn updated(world: &World, github: &FakeGitHub) -> (Report, String) {
    let report = world.json(&["update-status"]).await.exits(0).report(Verdict::Succeeded);
    (report, github.issues().remove(0).body.unwrap_or_default())
}

#[tokio::test]
async fn one_replaces_the_built_in_template_of_its_name() {
    let github = FakeGitHub::start().await;
    let world = world_with(&github, "status-issue.md.hbs", "Ours says {{status.word}}.").await;
    let (report, body) = updated(&world, &github).await;
    assert!(body.contains("Ours says OPERATIONAL.") && !body.contains("## System Health"), "{body}");
    assert!(body.starts_with("<!-- runbook:status:v1 environment=production -->"), "{body}");
    assert_eq!(stage(&report, "report").0, "passed");
    world.json(&["update-status", "--dry-run"]).await.exits(0);
}

#[tokio::test]
async fn a_mistake_is_told_with_its_place_and_the_report_is_made() {
    let github = FakeGitHub::start().await;
    let world = world_with(&github, "status-issue.md.hbs", "one\n {{{actor}}}").await;
    let (report, body) = updated(&world, &github).await;
    assert!(body.contains("## System Health"), "{body}");
    let (outcome, reason) = stage(&report, "report");
    assert_eq!(outcome, "warned");
    assert!(reason.contains("ops/texts/status-issue.md.hbs:2:2: it inserts a value unescaped"), "{reason}");
    assert!(reason.contains("the built-in template was used"), "{reason}");

    let ran = world.json(&["deploy", "--dry-run"]).await;
    let (message, _) = ran.exits(2).fault("configuration");
    assert!(message.starts_with("ops/texts/status-issue.md.hbs:2:2: "), "{message}");
}

#[tokio::test]
async fn what_only_a_run_can_show_is_told_by_it() {
    let github = FakeGitHub::start().await;
    let world = world_with(&github, "stages.md.hbs", "{{#each stages}}{{nme}}{{/each}}").await;
    let (report, body) = updated(&world, &github).await;
    assert!(body.contains("| Job | Outcome |"), "{body}");
    let (outcome, reason) = stage(&report, "report");
    assert_eq!(outcome, "warned");
    assert!(reason.contains("template stages.md.hbs:1:") && reason.contains("nme"), "{reason}");
}

#[tokio::test]
async fn a_file_that_is_no_template_of_a_page_is_told() {
    let github = FakeGitHub::start().await;
    for (name, why) in
        [("slack-text.hbs", "messages to chats"), ("comments.md.hbs", "there is no template of this name")]
    {
        let world = world_with(&github, name, "hello").await;
        let ran = world.json(&["update-status", "--dry-run"]).await;
        let (message, hint) = ran.exits(2).fault("configuration");
        assert!(message.starts_with(&format!("ops/texts/{name}: {why}")), "{message}");
        assert!(hint.contains("status-issue.md.hbs"), "{hint}");
    }
}

#[tokio::test]
async fn an_emergency_stop_waits_for_no_template() {
    let github = FakeGitHub::start().await;
    let world = world_with(&github, "comment.md.hbs", "{{#if actor}}").await;
    world.run(&["emergency-stop", "--reason", "drill"]).await.exits(0);
    assert_eq!(world.live(), None);
    assert_eq!(github.comments(github.issues()[0].number).len(), 1, "it was told all the same");
}
