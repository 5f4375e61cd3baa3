//! The published exit codes, each by what it stands for.

use std::fs;

use runbook_core::{OperationalStatus, Verdict};
use serde_json::json;

use crate::bench::{CONFIG, World, stage};

const SECOND: &str = r#"
[[service]]
id = "side"
url = "${API_URL}"
critical = false

[[service.probe]]
kind = "http"
path = "/side"
expect = { json = { "/version" = "v1.1.0" } }
"#;

#[tokio::test]
async fn check_summarises_health() {
    let world = World::with(&CONFIG.replace("\n[monitor]", &format!("{SECOND}\n[monitor]"))).await;
    world.run(&["check"]).await.exits(5).shows(&["CRITICAL", "The API is unhealthy"]);
    world.put("live", "v1.1.0");
    world.run(&["check"]).await.exits(0).shows(&["OPERATIONAL"]);
    world.put("live", "v1.0.0");
    let degraded = world.json(&["check"]).await;
    assert_eq!(degraded.exits(4).json()["operational_status"], "DEGRADED");
    world.run(&["check", "--all"]).await.exits(4).shows(&["DEGRADED", "side"]);
    world.run(&["check", "api"]).await.exits(0).shows(&["OPERATIONAL"]);
    let one = world.json(&["check", "side"]).await;
    assert_eq!(one.json()["services"].as_array().map(Vec::len), Some(1), "{one}");
    assert_eq!(world.journal(), "", "check keeps nothing");
    assert!(!world.state_dir().exists());
}

#[tokio::test]
async fn status_says_only_what_is_known() {
    let world = World::new().await;
    let unknown = world.json(&["status"]).await;
    assert_eq!(unknown.exits(4).json()["services"][0]["health"], "unknown", "nothing was measured yet");
    assert!(!world.state_dir().exists(), "looking makes nothing");
    world.deployed("v1.0.0").await;
    world.run(&["status"]).await.exits(0).shows(&["OPERATIONAL", "v1.0.0"]);
    world.service.fails("v1.0.0");
    world.run(&["status"]).await.exits(0).shows(&["OPERATIONAL"]);
    world.run(&["update-status"]).await.exits(0);
    world.run(&["status"]).await.exits(5).shows(&["CRITICAL", "500"]);
}

#[tokio::test]
async fn update_status_ends_with_0_whatever_it_measured_unless_asked_otherwise() {
    let world = World::with(&CONFIG.replace("\n[monitor]", &format!("{SECOND}\n[monitor]"))).await;
    let levels = ["never", "critical", "degraded", "unknown"];
    for (live, codes) in [(None, [0, 5, 5, 5]), (Some("v1.0.0"), [0, 0, 4, 4]), (Some("v1.1.0"), [0, 0, 0, 0])] {
        match live {
            Some(release) => world.put("live", release),
            None => assert!(world.live().is_none()),
        }
        for (level, code) in levels.iter().zip(codes) {
            world.run(&["update-status", "--fail-on", level]).await.exits(code);
        }
        world.run(&["update-status"]).await.exits(0);
    }
}

#[tokio::test]
async fn what_could_not_be_measured_is_unknown_and_fails_only_where_that_was_asked() {
    let mut world = World::with(&CONFIG.replace("${API_URL}", "https://no-such-host.invalid")).await;
    world.unset("API_URL").put("live", "v1.0.0");
    world.configure(|text| text.replace("timeout = \"2s\"", "timeout = \"5s\""));
    let ran = world.json(&["check"]).await;
    assert_eq!(ran.exits(4).json()["services"][0]["health"], "unknown", "{ran}");
    world.run(&["update-status", "--fail-on", "degraded"]).await.exits(0);
    world.run(&["update-status", "--fail-on", "unknown"]).await.exits(4);
}

#[tokio::test]
async fn a_good_deploy_ends_with_0() {
    let world = World::new().await;
    let ran = world.json(&["deploy", "v1.0.0", "--reason", "a test"]).await;
    let report = ran.exits(0).report(Verdict::Succeeded);
    assert_eq!(report.operational_status, OperationalStatus::Operational);
    assert_eq!(json!(report.releases), json!({ "before": { "api": null }, "after": { "api": "v1.0.0" } }));
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    let again = world.json(&["deploy", "v1.0.0"]).await;
    again.exits(0).report(Verdict::Succeeded);
    let log = fs::read_to_string(world.machine("log")).unwrap();
    assert_eq!(log, "deploy v1.0.0\n", "what is live already is not deployed again");
}

#[tokio::test]
async fn without_a_version_the_current_head_is_deployed() {
    let world = World::new().await;
    world.run(&["deploy"]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
    let commit = world.repository.find_ref("refs/tags/v1.0.0").unwrap();
    world.run(&["deploy", &commit.as_str()[..7]]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"), "a commit is called by its tag");
}

#[tokio::test]
async fn a_deploy_that_changed_nothing_ends_with_5() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.put("break-v1.1.0", "there is no room on the disk");
    let ran = world.json(&["deploy", "v1.1.0"]).await;
    let report = ran.exits(5).report(Verdict::Failed);
    let (outcome, reason) = stage(&report, "deploy");
    assert_eq!(outcome, "failed");
    assert!(reason.contains("exit code 9") && reason.contains("there is no room on the disk"), "{reason}");
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn a_bad_release_is_rolled_back_and_ends_with_6() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.service.fails("v1.1.0");
    let ran = world.json(&["deploy", "v1.1.0"]).await;
    let report = ran.exits(6).report(Verdict::RolledBack);
    let rollback = report.rollback.as_ref().expect("a rollback");
    assert!(rollback.verified && rollback.automatic, "{rollback:?}");
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    let branch = rollback.branch.as_deref().expect("a branch");
    assert!(world.repository.find_ref(&format!("refs/heads/{branch}")).is_some(), "{branch}");
    world.run(&["status"]).await.exits(0).shows(&["v1.0.0"]);
    // It is remembered: the same release is told to have failed before.
    world.run(&["deploy", "v1.1.0", "--dry-run"]).await.exits(0);
}

#[tokio::test]
async fn a_rollback_by_hand_ends_with_0() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.deployed("v1.1.0").await;
    let report = world.json(&["rollback", "v1.0.0", "--reason", "a test"]).await.exits(0).report(Verdict::Succeeded);
    assert!(report.rollback.is_some_and(|rollback| !rollback.automatic && rollback.verified));
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn a_bad_release_without_a_way_back_ends_with_7() {
    let world = World::new().await;
    world.service.fails("v1.0.0");
    let ran = world.json(&["deploy", "v1.0.0"]).await;
    let report = ran.exits(7).report(Verdict::NeedsOperator);
    assert!(report.verdict_reason.is_some_and(|reason| !reason.is_empty()));
}

#[tokio::test]
async fn a_deploy_whose_end_nobody_knows_ends_with_7_and_keeps_others_out() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.put("blind-v1.1.0", "");
    let ran = world.json(&["deploy", "v1.1.0"]).await;
    let report = ran.exits(7).report(Verdict::NeedsOperator);
    let (_, reason) = stage(&report, "deploy");
    assert!(reason.contains("nobody could measure what is live now"), "{reason}");
    assert!(reason.contains("the link to the machine is gone"), "{reason}");
    world.run(&["deploy", "v1.0.0"]).await.exits(3);
}

#[tokio::test]
async fn stop_and_resume() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let ran = world.json(&["emergency-stop", "--reason", "a drill"]).await;
    ran.exits(0).report(Verdict::Succeeded);
    assert_eq!(world.live(), None);
    let before = world.outside();
    for command in [&["deploy", "v1.0.0"][..], &["rollback", "v1.0.0"], &["update-component", "api"]] {
        world.run(command).await.exits(3).shows(&["the stop latch is set", "runbook resume --reason"]);
    }
    assert_eq!(world.outside(), before);
    world.run(&["update-status"]).await.exits(0);
    world.run(&["emergency-stop"]).await.exits(0);
    world.run(&["resume"]).await.exits(2).says(&["--reason"]);
    world.run(&["resume", "--reason", " "]).await.exits(3).shows(&["to resume needs a reason"]);
    world.run(&["deploy", "v1.0.0"]).await.exits(3);
    world.run(&["resume", "--reason", "the drill is over"]).await.exits(0);
    world.deployed("v1.0.0").await;
}

#[tokio::test]
async fn a_service_that_cannot_be_stopped_needs_an_operator() {
    let world = World::with(&CONFIG.replace("stop = [\"sh\", \"ops/stop.sh\"]\n", "")).await;
    world.deployed("v1.0.0").await;
    let ran = world.json(&["emergency-stop"]).await;
    ran.exits(7).report(Verdict::NeedsOperator);
    world.run(&["deploy", "v1.1.0"]).await.exits(3).shows(&["the stop latch is set"]);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn without_a_deployer_a_deploy_only_observes() {
    let deploy = CONFIG.split("[service.deploy]").nth(1).unwrap().split("[[service.probe]]").next().unwrap();
    let world = World::with(&CONFIG.replace(&format!("[service.deploy]{deploy}"), "")).await;
    world.put("live", "v1.0.0");
    let report = world.json(&["deploy", "v1.1.0"]).await.exits(0).report(Verdict::Succeeded);
    let (outcome, reason) = stage(&report, "deploy");
    assert_eq!(outcome, "skipped", "{reason}");
    assert!(reason.contains("no deployer"), "{reason}");
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}
