//! Runs that were interrupted, in a few stories with their whole end; `crash` kills everywhere else. And the lock in a
//! person's hand.

use runbook_core::Verdict;

use crate::{
    bench::{CONFIG, World},
    crash::kill::killed_after,
};

/// A world with v1.0.0 live and proven, and v1.1.0 to come.
async fn world(config: &str) -> World {
    let world = World::with(config).await;
    world.deployed("v1.0.0").await;
    world
}

/// How the deploy script kills runbook itself, once.
const KILL: &str = "if [ -e \"$MACHINE/kill\" ]; then rm \"$MACHINE/kill\"; kill -9 $PPID; exit 1; fi\n";
const STATE: &str = "if [ \"$(cat \"$MACHINE/live\")\" = v1.1.0 ]; then echo happened; else echo did-not-happen; fi\n";

/// Killed in the middle of the deploy of v1.1.0. What is then recovered: the exit code, the verdict and how often the
/// deploy was begun.
async fn killed_inside(config: &str, script: &str, code: i32, verdict: &str, deploys: usize) -> World {
    let world = World::with(config).await;
    world.repository.write("ops/deploy.sh", script);
    world.repository.write("ops/state.sh", STATE);
    world.repository.commit("A script that kills");
    world.deployed("v1.0.0").await;
    world.put("kill", "");
    let ran = world.run(&["deploy", "v1.1.0"]).await;
    assert_eq!(ran.code, None, "it was killed: {ran}");
    world.json(&["recover", "--dry-run"]).await.exits(0);
    let recovered = world.json(&["recover"]).await;
    let document = recovered.exits(code).json();
    assert_eq!(document["schema"], "runbook/recovery/v1");
    assert_eq!(document["recovered"][0]["verdict"], verdict, "{recovered}");
    let log = std::fs::read_to_string(world.machine("log")).unwrap();
    assert_eq!(log.lines().filter(|line| *line == "deploy v1.1.0").count(), deploys, "{log}");
    world.run(&["recover"]).await.exits(0).shows(&["no run was interrupted"]);
    world
}

#[tokio::test]
async fn a_deploy_that_happened_is_not_repeated() {
    let script = format!("echo \"deploy $1\" >> \"$MACHINE/log\"\nprintf '%s' \"$1\" > \"$MACHINE/live\"\n{KILL}");
    let world = killed_inside(CONFIG, &script, 0, "succeeded", 1).await;
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
}

#[tokio::test]
async fn one_of_which_nobody_knows_needs_an_operator() {
    let script = format!("echo \"deploy $1\" >> \"$MACHINE/log\"\n{KILL}printf '%s' \"$1\" > \"$MACHINE/live\"\n");
    let world = killed_inside(CONFIG, &script, 7, "needs_operator", 1).await;
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn one_that_is_known_not_to_have_happened_is_done() {
    let script = format!("echo \"deploy $1\" >> \"$MACHINE/log\"\n{KILL}printf '%s' \"$1\" > \"$MACHINE/live\"\n");
    let config = CONFIG.replace("live = [", "state = [\"sh\", \"ops/state.sh\"]\nlive = [");
    let world = killed_inside(&config, &script, 0, "succeeded", 2).await;
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
}

/// Between plan and recovery somebody changed the configuration: nothing more is done with the old plan.
#[tokio::test]
async fn with_another_configuration_a_run_only_reports() {
    let world = world(CONFIG).await;
    assert!(killed_after(&world, &["deploy", "v1.1.0"], 3).await);
    world.configure(|text| text.replace("150ms", "160ms"));
    let document = world.json(&["recover"]).await.exits(3).json();
    assert_eq!(document["recovered"][0]["verdict"], "aborted");
    assert!(document["recovered"][0]["verdict_reason"].as_str().unwrap().contains("the configuration has changed"));
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn in_git_the_same_story_is_told() {
    let world = world(&format!("{CONFIG}\n[journal]\nhome = \"local\"\n")).await;
    assert!(world.journal().is_empty(), "no file is kept beside it");
    assert!(killed_after(&world, &["deploy", "v1.1.0"], 9).await);
    world.json(&["recover"]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
    world.run(&["history", "--verify"]).await.exits(0).shows(&["refs/runbook/journal/production"]);
    world.run(&["status"]).await.exits(0).shows(&["OPERATIONAL"]);
    world.run(&["history", "--start-volume", "--dry-run"]).await.exits(0).shows(&["would begin"]);
    world.run(&["history", "--start-volume"]).await.exits(0).shows(&["refs/runbook/journal/production.2"]);
    world.run(&["history"]).await.exits(0).shows(&["v1.1.0 live"]);
    world.run(&["rollback", "v1.0.0"]).await.exits(0);
}

#[tokio::test]
async fn two_machines_share_one_journal() {
    let home = tempfile::tempdir().unwrap();
    let bare = home.path().join("remote.git");
    let made = std::process::Command::new("git").args(["init", "--quiet", "--bare"]).arg(&bare).status().unwrap();
    assert!(made.success());
    let config = format!("{CONFIG}\n[journal]\nhome = \"remote\"\nremote = \"file://{}\"\n", bare.display());
    let (one, other) = (world(&config).await, World::with(&config).await);
    other.run(&["history"]).await.exits(0).shows(&["deploy", "succeeded"]);
    one.run(&["lock", "--reason", "the auditors are here"]).await.exits(0);
    other.run(&["deploy", "v1.1.0"]).await.exits(3).says(&["the auditors are here", "runbook unlock"]);
    other.run(&["unlock", "--reason", "they left"]).await.exits(0);
    other.run(&["deploy", "v1.1.0"]).await.exits(0);
    one.run(&["history"]).await.exits(0);
    std::fs::remove_dir_all(&bare).unwrap();
    let ran = one.json(&["deploy", "v1.1.0"]).await;
    ran.exits(1).fault("journal");
}

#[tokio::test]
async fn a_persons_lock_keeps_runs_away_until_it_is_taken_away() {
    let world = world(CONFIG).await;
    world.run(&["lock", "--reason", " "]).await.exits(2);
    world.run(&["unlock", "--reason", "x"]).await.exits(3).says(&["the lock is free"]);
    world.run(&["lock", "--reason", "database work", "--dry-run"]).await.exits(0);
    let taken = world.json(&["lock", "--reason", "database work"]).await.exits(0).json();
    assert_eq!((&taken["schema"], &taken["locked"]), (&"runbook/lock/v1".into(), &true.into()));
    world.run(&["lock", "--reason", "again"]).await.exits(3).says(&["database work"]);
    let before = world.outside();
    world.json(&["deploy", "v1.1.0"]).await.exits(3).report(Verdict::Blocked);
    assert_eq!(world.outside(), before);
    world.run(&["update-status"]).await.exits(0);
    world.run(&["unlock", "--reason", "done"]).await.exits(0);
    world.run(&["deploy", "v1.1.0"]).await.exits(0);
    world.run(&["lock", "--reason", "a stop waits for nobody"]).await.exits(0);
    world.run(&["emergency-stop"]).await.exits(0);
    assert_eq!(world.live(), None);
}
