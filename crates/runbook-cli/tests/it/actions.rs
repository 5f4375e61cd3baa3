//! As a job of GitHub Actions: summary, outputs, annotations, and where a run comes from.

use std::fs;

use runbook_core::Verdict;
use runbook_testkit::github::{FakeGitHub, Fault};

use crate::bench::World;

/// Lets the world look like a job that mona started by hand.
fn as_job(world: &mut World) {
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "mona"),
        ("GITHUB_EVENT_NAME", "workflow_dispatch"),
        ("GITHUB_JOB", "deployment"),
        ("GITHUB_REF", "refs/heads/release-train"),
        ("GITHUB_REPOSITORY", "octo-org/octo-repo"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_RUN_ID", "4242"),
        ("GITHUB_SERVER_URL", "https://github.example.com"),
        ("GITHUB_TRIGGERING_ACTOR", "hubot"),
        ("RUNNER_ENVIRONMENT", "self-hosted"),
    ] {
        world.set(name, value);
    }
    let sha = world.repository.head().to_string();
    world.set("GITHUB_SHA", sha);
    for (name, file) in [("GITHUB_STEP_SUMMARY", "summary.md"), ("GITHUB_OUTPUT", "output")] {
        let file = world.beside(file);
        fs::write(&file, "").unwrap();
        world.set(name, file.display().to_string());
    }
}

/// The outputs of a job, as the runner reads them.
fn output(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    let end = lines.find_map(|line| line.strip_prefix(&format!("{name}<<")))?;
    Some(lines.take_while(|line| *line != end).collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn summary_outputs_and_origin_are_written() {
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github);
    as_job(&mut world);
    github.know_commit(world.repository.head().as_str(), None);
    let ran = world.json(&["deploy"]).await;
    let report = ran.exits(0).report(Verdict::Succeeded);
    assert_eq!((report.trigger.as_str(), report.actor.as_str()), ("workflow_dispatch", "hubot"));
    assert_eq!(report.branch.as_deref(), Some("release-train"));
    assert_eq!(report.commit, Some(world.repository.head()));
    assert_eq!(world.live().as_deref(), Some("v1.1.0"), "the triggering commit");

    let summary = fs::read_to_string(world.beside("summary.md")).unwrap();
    assert!(summary.contains("OPERATIONAL") && summary.contains("The API"), "{summary}");
    let outputs = fs::read_to_string(world.beside("output")).unwrap();
    assert_eq!(output(&outputs, "run"), Some(report.run.to_string()));
    assert_eq!(output(&outputs, "verdict").as_deref(), Some("succeeded"));
    assert_eq!(output(&outputs, "operational-status").as_deref(), Some("OPERATIONAL"));
    assert_eq!(output(&outputs, "issue"), report.issue.map(|issue| issue.number.to_string()));

    let body = github.issues()[0].body.clone().unwrap_or_default();
    for words in [
        "workflow_dispatch",
        "release-train",
        "https://github.example.com/octo-org/octo-repo/actions/runs/4242/attempts/2",
    ] {
        assert!(body.contains(words), "{words} is not in the issue: {body}");
    }
    ran.says(&["::group::safety-gate", "::endgroup::"]);
    assert!(!ran.stderr.contains("::warning") && !ran.stderr.contains("::error"), "{ran}");
}

#[tokio::test]
async fn what_is_unhealthy_is_annotated() {
    let mut world = World::new().await;
    as_job(&mut world);
    world.put("live", "v1.0.0");
    world.service.answers("v1.0.0", 500, "::error::injected\n::set-output name=x::y");
    let ran = world.run(&["update-status"]).await;
    ran.exits(0).says(&["::warning title=The API is unhealthy::"]);
    let commands = ran.stderr.lines().filter(|line| line.starts_with("::error") || line.starts_with("::set-output"));
    assert_eq!(commands.count(), 0, "{ran}");
    world.put("break-v1.1.0", "no");
    world.run(&["deploy"]).await.exits(5).says(&["::error title=deploy"]);
}

#[tokio::test]
async fn a_report_that_did_not_go_well_is_annotated() {
    let github = FakeGitHub::start().await;
    github.fail(Fault::status(403, "no").on("POST", "/issues").always());
    let mut world = World::new().await;
    world.publish_to(&github);
    as_job(&mut world);
    let ran = world.run(&["deploy"]).await;
    ran.exits(0).says(&["::warning title=the report failed::", "the token may not write issues"]);
    let ran = world.run(&["update-status"]).await;
    ran.exits(5).says(&["::error title=update-status"]);
    assert!(!ran.stderr.contains("::warning title=the report"), "it is said once: {ran}");
}

#[tokio::test]
async fn a_lent_machine_has_no_services_of_its_own() {
    let mut world = World::new().await;
    as_job(&mut world);
    world.set("RUNNER_ENVIRONMENT", "github-hosted");
    world.run(&["init", "--template", "forge", "--force"]).await.exits(0);
    let ran = world.json(&["check"]).await;
    let document = ran.exits(4).json();
    for (service, variable) in
        document["services"].as_array().unwrap().iter().zip(["FASTAPI_URL", "FLASK_URL", "GRADIO_URL"])
    {
        assert_eq!(service["health"], "unknown", "{ran}");
        let evidence = service["evidence"].as_str().unwrap();
        assert!(evidence.contains(&format!("{variable} is not set")), "{evidence}");
    }
    let summary_is_empty = fs::read_to_string(world.beside("summary.md")).unwrap().is_empty();
    assert!(summary_is_empty, "a check publishes nothing");
    world.set("RUNNER_ENVIRONMENT", "self-hosted");
    world.json(&["check"]).await.exits(5);
}

#[tokio::test]
async fn only_a_person_resumes() {
    let mut world = World::new().await;
    as_job(&mut world);
    world.run(&["emergency-stop"]).await.exits(0);
    world.set("GITHUB_TRIGGERING_ACTOR", "some-app[bot]");
    world.run(&["resume", "--reason", "I am sure"]).await.exits(3).shows(&["only a person may resume"]);
    world.set("GITHUB_TRIGGERING_ACTOR", "mona").set("GITHUB_EVENT_NAME", "schedule");
    world.run(&["resume", "--reason", "I am sure"]).await.exits(3).shows(&["only a person may resume"]);
    world.set("GITHUB_EVENT_NAME", "workflow_dispatch");
    world.run(&["resume", "--reason", "I am sure"]).await.exits(0);
}

#[tokio::test]
async fn a_summary_that_cannot_be_written_changes_no_verdict() {
    let mut world = World::new().await;
    as_job(&mut world);
    world.set("GITHUB_STEP_SUMMARY", "/nowhere/at/all").set("GITHUB_OUTPUT", "/nowhere/either");
    let ran = world.json(&["deploy"]).await;
    ran.exits(0).report(Verdict::Succeeded);
    ran.says(&["the step summary was not written", "/nowhere/at/all", "/nowhere/either"]);
}
