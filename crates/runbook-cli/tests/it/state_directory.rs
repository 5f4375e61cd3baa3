//! A state directory that cannot be used: a clear word, nothing half-done; and a stop that goes on without it.

use std::{fs, os::unix::fs::PermissionsExt};

use runbook_core::Verdict;
use runbook_testkit::github::FakeGitHub;

use crate::bench::World;

#[tokio::test]
async fn a_file_in_its_place_stops_everything_that_writes() {
    let world = World::new().await;
    fs::write(world.state_dir(), "not a folder").unwrap();
    let before = world.outside();
    for command in [&["deploy", "v1.0.0"][..], &["rollback"], &["update-status"], &["resume", "--reason", "x"]] {
        let ran = world.run(command).await;
        ran.exits(2).says(&["state directory", &world.state_dir().display().to_string(), "RUNBOOK_STATE_DIR"]);
        world.json(command).await.exits(2).fault("usage");
    }
    assert_eq!(world.outside(), before);
    assert_eq!(fs::read_to_string(world.state_dir()).unwrap(), "not a folder");
    world.put("live", "v1.0.0");
    world.run(&["check"]).await.exits(0);
}

#[tokio::test]
async fn one_that_is_read_only_stops_everything_that_writes() {
    let world = World::new().await;
    fs::create_dir(world.state_dir()).unwrap();
    fs::set_permissions(world.state_dir(), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(world.state_dir().join("try"), "").is_ok() {
        // Whoever may write everywhere (root) has no read-only folders; the test above covers the same words.
        return;
    }
    let before = world.outside();
    world.run(&["deploy", "v1.0.0"]).await.exits(2).says(&["state directory", "RUNBOOK_STATE_DIR"]);
    assert_eq!(world.outside(), before);
}

#[tokio::test]
async fn an_emergency_stop_goes_on_without_it_and_says_so() {
    let github = FakeGitHub::start().await;
    let mut world = World::new().await;
    world.publish_to(&github);
    world.deployed("v1.0.0").await;
    let file = world.beside("a-file");
    fs::write(&file, "not a folder").unwrap();
    world.set("RUNBOOK_STATE_DIR", file.display().to_string());
    let ran = world.json(&["emergency-stop", "--reason", "fire"]).await;
    let report = ran.exits(7).report(Verdict::NeedsOperator);
    assert_eq!(world.live(), None, "the service was stopped all the same");
    let reason = report.verdict_reason.unwrap_or_default();
    assert!(reason.contains("latch not shared") && reason.contains("a-file"), "{reason}");
    let body = github.issues()[0].body.clone().unwrap_or_default();
    assert!(body.contains("🔴 CRITICAL"), "people are told where it matters most: {body}");
}

#[tokio::test]
async fn by_default_it_is_beside_the_configuration_and_git_does_not_see_it() {
    let mut world = World::new().await;
    world.unset("RUNBOOK_STATE_DIR");
    world.deployed("v1.0.0").await;
    let state = world.repository.path().join(".runbook");
    assert!(state.join("journal/production.jsonl").is_file());
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    world.run(&["deploy", "v1.1.0"]).await.exits(0).shows(&["v1.1.0"]);
    let status = world.repository.git().statuses(None).unwrap();
    let dirty: Vec<_> =
        status.iter().filter(|entry| !entry.status().is_ignored()).map(|e| e.path().map(str::to_owned)).collect();
    assert!(dirty.is_empty(), "{dirty:?}");
}
