//! What the safety gate holds back: exit code 3, the reason and the way out; and nothing outside was changed.

use std::fs;

use runbook_core::{RuleVerdict, Verdict};
use runbook_testkit::{HttpTarget, Reply};

use crate::bench::{CONFIG, World, stage};

#[tokio::test]
async fn a_dirty_worktree_blocks_with_the_files_named() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.repository.write("VERSION", "patched by hand");
    world.repository.write("notes.txt", "unknown to git");
    let before = world.outside();
    world.run(&["deploy", "v1.1.0"]).await.exits(3).shows(&["VERSION", "notes.txt", "commit or stash them"]);
    let ran = world.json(&["deploy", "v1.1.0"]).await;
    let report = ran.exits(3).report(Verdict::Blocked);
    let (outcome, reason) = stage(&report, "safety-gate");
    assert_eq!(outcome, "blocked");
    assert!(reason.contains("VERSION") && reason.contains("notes.txt"), "{reason}");
    let gate = report.stages.iter().find(|stage| stage.id.as_str() == "safety-gate").unwrap();
    let blocking: Vec<_> = gate.rules.iter().filter(|rule| rule.verdict == RuleVerdict::Block).collect();
    assert_eq!(blocking.len(), 1, "{gate:?}");
    assert!(report.stages.iter().all(|stage| stage.id.as_str() != "deploy" || stage.outcome != "passed"), "{report:?}");
    assert_eq!(world.outside(), before);
}

#[tokio::test]
async fn a_dirty_worktree_is_only_told_where_the_policy_allows_it() {
    let world = World::with(&format!("{CONFIG}\n[policy]\nrequire_clean = false\n")).await;
    world.repository.write("notes.txt", "unknown to git");
    let ran = world.json(&["deploy", "v1.0.0"]).await;
    let report = ran.exits(0).report(Verdict::Succeeded);
    let (outcome, reason) = stage(&report, "safety-gate");
    assert_eq!(outcome, "warned");
    assert!(reason.contains("notes.txt"), "{reason}");
}

#[tokio::test]
async fn a_port_that_somebody_else_has_blocks_with_the_port_named() {
    let stranger = HttpTarget::start(Reply::text("I was here first")).await;
    let port = stranger.address().port();
    let deploy = CONFIG.split("[service.deploy]").nth(1).unwrap().split("[[service.probe]]").next().unwrap();
    let text = CONFIG.replace(deploy, "\nkind = \"process\"\nargv = [\"sh\", \"-c\", \"sleep 60\"]\n\n");
    let mut world = World::with(&text).await;
    world.set("API_URL", stranger.url(""));
    let before = world.outside();
    let ran = world.run(&["deploy", "v1.0.0"]).await;
    ran.exits(3).shows(&[&port.to_string()]);
    let report = world.json(&["deploy", "v1.0.0"]).await.exits(3).report(Verdict::Blocked);
    let (_, reason) = stage(&report, "safety-gate");
    assert!(reason.contains(&format!("port {port}")), "{reason}");
    assert!(reason.contains("stop") || reason.contains("free"), "it says how to mend it: {reason}");
    assert_eq!(world.outside(), before);
    assert_eq!(stranger.requests().len(), 0, "a stranger is not asked for the health of a service that did not start");
}

#[tokio::test]
async fn a_rollback_without_a_target_blocks_and_says_why() {
    let world = World::new().await;
    let before = world.outside();
    let ran = world.json(&["rollback"]).await;
    let report = ran.exits(3).report(Verdict::Blocked);
    let (_, reason) = stage(&report, "safety-gate");
    assert!(
        reason.contains("no last known good release yet") && reason.contains("runbook rollback VERSION"),
        "{reason}"
    );
    assert_eq!(world.outside(), before);
    world.deployed("v1.0.0").await;
    let ran = world.run(&["rollback"]).await;
    ran.exits(3).shows(&["nothing to roll back", "v1.0.0 is live already"]);
}

#[tokio::test]
async fn a_deployer_whose_program_is_missing_blocks_before_anything_is_tried() {
    let world = World::with(&CONFIG.replace("[\"sh\", \"ops/deploy.sh\"", "[\"no-such-program\"")).await;
    let before = world.outside();
    world.run(&["deploy", "v1.0.0"]).await.exits(3).shows(&["no-such-program"]);
    assert_eq!(world.outside(), before);
}

#[tokio::test]
async fn a_release_whose_deployer_cannot_tell_what_is_live_blocks() {
    let world = World::new().await;
    world.put("blind", "");
    let before = world.outside();
    world.run(&["deploy", "v1.0.0"]).await.exits(3).shows(&["the `live` command ended with exit code 1"]);
    fs::remove_file(world.machine("blind")).unwrap();
    assert_eq!(world.outside(), before);
    world.deployed("v1.0.0").await;
}
