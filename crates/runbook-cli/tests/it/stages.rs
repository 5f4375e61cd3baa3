//! One run, carried by several processes one after the other, as by the jobs of a workflow: each does its stage, and none
//! does another one's.

use runbook_core::{Verdict, state::EnvironmentState};
use serde_json::Value;

use crate::bench::{CONFIG, Ran, World, stage};

/// A world with v1.0.0 live and proven, and v1.1.0 to come.
async fn world(config: &str) -> World {
    let world = World::with(config).await;
    world.deployed("v1.0.0").await;
    world
}

/// Begins a deploy of v1.1.0 and leaves it after the gate; the run's id.
async fn begun(world: &World) -> String {
    let ran = world.json(&["deploy", "v1.1.0", "--until", "safety-gate"]).await;
    let document = ran.exits(0).json();
    assert_eq!(document["next"], "ci");
    assert_eq!((&document["schema"], &document["verdict"]), (&"runbook/report/v1".into(), &Value::Null));
    document["run"].as_str().unwrap().to_owned()
}

async fn go_on(world: &World, run: &str, step: &str) -> Ran {
    world.json(&["stage", step, "--run", run]).await
}

fn environment(world: &World) -> EnvironmentState {
    let events: Vec<_> = world.journal().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    EnvironmentState::replay(&events)
}

#[tokio::test]
async fn each_stage_is_a_process_of_its_own() {
    let world = world(CONFIG).await;
    let run = begun(&world).await;
    assert_eq!(world.live().as_deref(), Some("v1.0.0"), "the gate changes nothing");
    let ran = world.run(&["stage", "ci", "--run", &run]).await;
    ran.exits(0).shows(&["going on with run", &format!("left for the next stage: runbook stage baseline --run {run}")]);
    // What only looks is done along with what follows it.
    assert_eq!(go_on(&world, &run, "deploy").await.exits(0).json()["next"], "monitor");
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
    let lock = environment(&world).lock.expect("the run keeps the lock between its stages");
    assert_eq!(lock.run.to_string(), run);
    assert_eq!(go_on(&world, &run, "monitor").await.exits(0).json()["next"], "report");
    let skipped = go_on(&world, &run, "rollback").await;
    let report = skipped.exits(0).report(Verdict::Succeeded);
    assert_eq!(stage(&report, "rollback").0, "skipped", "there was no need");
    let report = go_on(&world, &run, "report").await.exits(0).report(Verdict::Succeeded);
    assert_eq!(report.run.to_string(), run);
    let after = environment(&world);
    assert!(after.open_runs.is_empty() && after.lock.is_none());
    world.run(&["history", "--verify"]).await.exits(0);
    go_on(&world, &run, "report").await.exits(2).fault("usage");
}

#[tokio::test]
async fn a_bad_release_is_rolled_back_and_verified_by_the_stage_rollback() {
    let world = world(CONFIG).await;
    world.service.fails("v1.1.0");
    let run = begun(&world).await;
    for step in ["ci", "deploy", "monitor"] {
        go_on(&world, &run, step).await.exits(0);
    }
    assert_eq!(world.live().as_deref(), Some("v1.1.0"), "to return is the next job's");
    let report = go_on(&world, &run, "rollback").await.exits(6).report(Verdict::RolledBack);
    assert_eq!((stage(&report, "rollback").0, stage(&report, "verify").0), ("passed".to_owned(), "passed".to_owned()));
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    go_on(&world, &run, "report").await.exits(6).report(Verdict::RolledBack);
}

#[tokio::test]
async fn no_stage_does_the_change_of_another() {
    let world = world(CONFIG).await;
    let run = begun(&world).await;
    let before = world.outside();
    let (message, _) = go_on(&world, &run, "monitor").await.exits(3).fault("turn");
    assert!(message.contains("deploy of run") && message.contains("has not had its turn"), "{message}");
    assert_eq!(world.outside(), before);
    // The report never waits, and says what was not done.
    let report = go_on(&world, &run, "report").await.exits(3).report(Verdict::Aborted);
    assert!(report.verdict_reason.unwrap().contains("deploy had no turn; nothing was changed"));
    assert_eq!(world.outside(), before);
    assert!(environment(&world).open_runs.is_empty());

    let run = begun(&world).await;
    go_on(&world, &run, "deploy").await.exits(0);
    let report = go_on(&world, &run, "report").await.exits(7).report(Verdict::NeedsOperator);
    assert!(report.verdict_reason.unwrap().contains("monitor had no turn, and something was changed"));
}

#[tokio::test]
async fn a_run_that_was_left_keeps_its_lock_and_is_not_closed() {
    let world = world(CONFIG).await;
    let run = begun(&world).await;
    go_on(&world, &run, "deploy").await.exits(0);
    let ran = world.json(&["rollback", "v1.0.0"]).await;
    let (_, reason) = stage(&ran.exits(3).report(Verdict::Blocked), "safety-gate");
    assert!(
        reason.contains("waits for its next stage") && reason.contains(&format!("runbook recover {run}")),
        "{reason}"
    );
    // Not by itself either: somebody has to say which.
    world.run(&["recover"]).await.exits(0).shows(&["no run was interrupted", "it waits for its next stage"]);
    assert!(environment(&world).open_runs.len() == 1);
    let document = world.json(&["recover", &run]).await.exits(0).json();
    assert_eq!(document["recovered"][0]["verdict"], "succeeded", "it was watched to the end");
    assert!(environment(&world).lock.is_none());
}

#[tokio::test]
async fn a_stop_in_between_ends_the_run() {
    let world = world(CONFIG).await;
    let run = begun(&world).await;
    go_on(&world, &run, "ci").await.exits(0);
    world.run(&["emergency-stop", "--until", "stop"]).await.exits(2);
    world.run(&["emergency-stop"]).await.exits(0);
    let ran = go_on(&world, &run, "deploy").await;
    ran.exits(3).report(Verdict::Aborted);
    assert_eq!(world.live(), None, "nothing is begun after a stop");
    go_on(&world, &run, "report").await.exits(3).report(Verdict::Aborted);
}

#[tokio::test]
async fn any_machine_goes_on_with_what_another_began() {
    let home = tempfile::tempdir().unwrap();
    let bare = home.path().join("remote.git");
    assert!(std::process::Command::new("git").args(["init", "-q", "--bare"]).arg(&bare).status().unwrap().success());
    let config = format!("{CONFIG}\n[journal]\nhome = \"remote\"\nremote = \"file://{}\"\n", bare.display());
    let one = world(&config).await;
    // Another checkout with another state directory, which deploys to the same machine.
    let mut other = World::with(&config).await;
    other.set("MACHINE", one.machine("").display().to_string()).set("API_URL", one.service.url());
    let run = begun(&one).await;
    for (at, step) in ["ci", "deploy", "monitor", "report"].into_iter().enumerate() {
        go_on(if at % 2 == 0 { &other } else { &one }, &run, step).await.exits(0);
    }
    assert_eq!(one.live().as_deref(), Some("v1.1.0"));
    other.run(&["history"]).await.exits(0).shows(&["v1.1.0 live and watched"]);
    one.run(&["history", "--verify"]).await.exits(0);
}

#[tokio::test]
async fn a_killed_stage_is_gone_on_with() {
    let world = world(CONFIG).await;
    let run = begun(&world).await;
    world.put("hang", "");
    let mut deploying = world.start(&["stage", "deploy", "--run", &run]);
    while !world.machine("hanging").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (message, _) = go_on(&world, &run, "deploy").await.exits(3).fault("lock");
    assert!(message.contains("is at work"), "{message}");
    deploying.kill().await.unwrap();
    // Whether it happened nobody can say: the script had begun, and what is live is not what was to be.
    let report = go_on(&world, &run, "deploy").await.exits(7).report(Verdict::NeedsOperator);
    assert_eq!(stage(&report, "deploy").0, "interrupted");
    go_on(&world, &run, "report").await.exits(7);
    assert!(environment(&world).open_runs.is_empty());
}

#[tokio::test]
async fn jobs_of_a_workflow_find_their_run_and_hand_on_what_is_next() {
    let mut world = world(CONFIG).await;
    let outputs = world.beside("outputs");
    for (name, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "octo/bench"),
        ("GITHUB_RUN_ID", "4242"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("GITHUB_EVENT_NAME", "workflow_dispatch"),
        ("GITHUB_ACTOR", "mona"),
        ("RUNNER_ENVIRONMENT", "self-hosted"),
    ] {
        world.set(name, value);
    }
    world.set("GITHUB_OUTPUT", outputs.display().to_string()).set("GITHUB_JOB", "safety-gate");
    begun(&world).await;
    let told = std::fs::read_to_string(&outputs).unwrap();
    assert!(
        told.contains("action") && told.contains("deploy") && told.contains("next") && told.contains("ci"),
        "{told}"
    );
    world.set("GITHUB_JOB", "deploy");
    go_on(&world, "auto", "deploy").await.exits(0);
    world.set("GITHUB_RUN_ID", "4243");
    let (message, _) = go_on(&world, "auto", "monitor").await.exits(2).fault("usage");
    assert!(message.contains("4243"), "{message}");
    world.set("GITHUB_RUN_ID", "4242").set("GITHUB_JOB", "monitor");
    go_on(&world, "auto", "monitor").await.exits(0);
    go_on(&world, "auto", "report").await.exits(0).report(Verdict::Succeeded);
}

#[tokio::test]
async fn a_step_that_the_plan_does_not_have_is_a_misuse() {
    let world = world(CONFIG).await;
    let (message, hint) = world.json(&["deploy", "v1.1.0", "--until", "smoke"]).await.exits(2).fault("usage");
    assert!(message.contains("no step \"smoke\"") && hint.contains("safety-gate, ci, baseline"), "{message} {hint}");
    world.run(&["stage", "ci", "--run", "0000"]).await.exits(2).says(&["no run without an end begins with"]);
    world.run(&["stage", "ci", "--run", "auto"]).await.exits(2).says(&["this is no job of it"]);
    let run = begun(&world).await;
    world.run(&["stage", "ci", "--run", &run, "--dry-run"]).await.exits(0).shows(&["would go on with run"]);
}
