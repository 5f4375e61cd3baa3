//! Runs that are killed: the real binary gets SIGKILL after each event, and inside each effect; `recover` then brings the
//! run to an end that is true, whichever home the journal has. And the lock in a person's hand.

use std::{process::Stdio, time::Duration};

use runbook_core::{
    Verdict,
    event::{Event, EventKind, Landed, Operation},
    state::EnvironmentState,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::bench::{CONFIG, World};

const LONGEST: Duration = Duration::from_secs(60);

/// A world with v1.0.0 live and proven, and v1.1.0 to come.
async fn world(config: &str) -> World {
    let world = World::with(config).await;
    world.deployed("v1.0.0").await;
    world
}

fn events(world: &World) -> Vec<Event> {
    world.journal().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Starts a command and kills it once it has printed so many events. False when it ended before.
async fn killed_after(world: &World, arguments: &[&str], count: usize) -> bool {
    let mut command = world.command(&[arguments, &["--format", "events"]].concat());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    while let Some(line) = tokio::time::timeout(LONGEST, lines.next_line()).await.unwrap().unwrap() {
        seen += usize::from(line.contains("runbook/event/v1"));
        if seen == count {
            kill_process(pid, Signal::KILL).unwrap();
            child.wait().await.unwrap();
            return true;
        }
    }
    child.wait().await.unwrap();
    false
}

/// What must hold once everything that was interrupted is recovered.
async fn settled(world: &World, what: &str) {
    let recovered = world.json(&["recover"]).await;
    assert!(matches!(recovered.code, Some(0 | 3 | 6 | 7 | 130)), "{what}: {recovered}");
    world.run(&["history", "--verify"]).await.exits(0);
    let events = events(world);
    let state = EnvironmentState::replay(&events);
    assert!(state.open_runs.is_empty() && state.lock.is_none(), "{what}: {:?} {:?}", state.open_runs, state.lock);

    // An effect is asked for again only when it was found not to have happened.
    let not_done = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::EffectSettled { landed: Landed::DidNotHappen, .. }));
    let log = std::fs::read_to_string(world.machine("log")).unwrap();
    let intended = events.iter().filter(|event| {
        matches!(
            &event.kind,
            EventKind::EffectIntended { operation: Operation::Deploy { .. } | Operation::Activate { .. }, .. }
        )
    });
    let deploys = log.lines().filter(|line| line.starts_with("deploy")).count();
    assert!(deploys <= intended.count(), "{what}: no effect without an intent: {log}");
    let v1_1_0 = log.lines().filter(|line| *line == "deploy v1.1.0").count();
    assert!(v1_1_0 <= 1 + not_done.count(), "{what}: a deploy that happened is not repeated: {log}");

    // The verdict says what is there.
    if let Some((_, action, verdict, _)) = &state.last_run {
        let live = world.live();
        match (verdict, action.to_string().as_str()) {
            (Verdict::Succeeded, "deploy") => assert_eq!(live.as_deref(), Some("v1.1.0"), "{what}"),
            (Verdict::RolledBack, _) => assert_eq!(live.as_deref(), Some("v1.0.0"), "{what}"),
            (Verdict::Succeeded, "emergency-stop") => assert_eq!(live, None, "{what}"),
            (Verdict::Aborted, _) => assert_eq!(live.as_deref(), Some("v1.0.0"), "{what}"),
            (Verdict::NeedsOperator, _) => {}
            other => panic!("{what}: {other:?}"),
        }
    }
    // Nothing keeps the next one from its work.
    world.run(&["resume", "--reason", "tested"]).await.exits(0);
    world.service.heals("v1.1.0");
    world.run(&["deploy", "v1.0.0"]).await.exits(0);
}

async fn each_event(arguments: &[&str], is_bad: bool) {
    for count in 1.. {
        let world = world(CONFIG).await;
        if is_bad {
            world.service.fails("v1.1.0");
        }
        if !killed_after(&world, arguments, count).await {
            assert!(count > 8, "{arguments:?} has more events than {count}");
            return;
        }
        settled(&world, &format!("{arguments:?} killed after event {count}")).await;
    }
}

#[tokio::test]
async fn a_deploy_is_recovered_from_a_kill_after_each_event() {
    each_event(&["deploy", "v1.1.0"], false).await;
}

#[tokio::test]
async fn a_rollback_is_recovered_from_a_kill_after_each_event() {
    each_event(&["deploy", "v1.1.0"], true).await;
}

#[tokio::test]
async fn a_stop_is_recovered_from_a_kill_after_each_event() {
    each_event(&["emergency-stop"], false).await;
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
