//! The gate rule `checks`: what is not known to have passed is not deployed, and what has not ended is waited for.

use std::{sync::Arc, time::Duration};

use runbook_core::{
    Action, Outcome, RuleVerdict, StepId, StepResult, Verdict,
    engine::RunResult,
    ports::{
        CheckState::{Failed, Passed, Pending, Unknown},
        Checks, Clock, Forge,
    },
};
use runbook_testkit::MemoryChecks;

use crate::{
    commits::{Commits, commit_of},
    harness::{CONFIG, World, deploy, reason, request},
};

/// A world whose deploys need the checks `build` and `test / unit`.
fn checked(checks: &Arc<MemoryChecks>) -> World {
    let policy = "[policy]\nrequired_checks = [\"build\", \"test / unit\"]\nchecks_wait = \"1m\"\n\n[rollback]";
    let mut world = World::configured(&CONFIG.replace("[rollback]", policy));
    world.version_control = Some(Arc::new(Commits::default()));
    world.forge.checks = Ok(Arc::clone(checks) as Arc<dyn Checks>);
    world
}

fn rule(result: &RunResult) -> (RuleVerdict, String) {
    let gate = result.run.step(&StepId::new("safety-gate").unwrap()).unwrap();
    let rule = gate.rules.iter().find(|rule| rule.id == "checks").expect("the rule was answered");
    (rule.verdict, rule.evidence.clone())
}

#[tokio::test(start_paused = true)]
async fn what_passed_is_deployed_and_the_gate_says_of_which_commit() {
    let checks = Arc::new(MemoryChecks::new());
    checks.then([("build", Passed), ("test / unit", Passed), ("lint", Failed)]);
    let result = checked(&checks).deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    let (verdict, evidence) = rule(&result);
    assert_eq!(verdict, RuleVerdict::Pass, "lint is not required");
    assert_eq!(evidence, "passed of commit 000000000000: build, test / unit");
    assert_eq!(checks.asked(), [commit_of("v1")]);
}

#[tokio::test(start_paused = true)]
async fn what_has_not_ended_or_is_not_there_yet_is_waited_for() {
    let checks = Arc::new(MemoryChecks::new());
    checks.then([("build", Pending)]).then([("build", Passed)]).then_fail(true);
    checks.then([("build", Passed), ("test / unit", Passed)]);
    let world = checked(&checks);
    let before = world.clock.now();
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(checks.asked().len(), 4, "pending, missing, an outage, and then all of it");
    let gate = result.run.step(&StepId::new("safety-gate").unwrap()).unwrap();
    assert_eq!(gate.elapsed_ms, 35_000, "5, 10 and 20 s");
    assert!(gate.step.timeout_ms >= 60_000 + 120_000, "the gate has the time that it may wait");
    assert!(world.clock.now() > before);
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_blocks_when_the_budget_is_used_up() {
    let checks = Arc::new(MemoryChecks::new());
    checks.then([("build", Passed)]);
    let result = checked(&checks).deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Blocked);
    let (verdict, evidence) = rule(&result);
    assert_eq!(verdict, RuleVerdict::Block);
    assert_eq!(evidence, "there is no check \"test / unit\" of commit 000000000000, after 60 s");
    assert_eq!(checks.asked().len(), 5, "at 0, 5, 15, 35 and 60 s");
}

#[tokio::test(start_paused = true)]
async fn what_failed_or_cannot_be_classified_blocks_at_once() {
    for (state, words) in [(Failed, "failed (failed)"), (Unknown, "says neither yes nor no (unknown)")] {
        let checks = Arc::new(MemoryChecks::new());
        checks.then([("build", Passed), ("test / unit", state), ("test / unit", Passed)]);
        let world = checked(&checks);
        let result = world.deploy("v1").await;
        assert_eq!(result.verdict(), Verdict::Blocked, "{state}");
        assert!(rule(&result).1.contains(words), "{}", rule(&result).1);
        assert_eq!(checks.asked().len(), 1, "{state}: two sources of one name, and the worse counts");
        assert!(world.deployer.ordered().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_blocks_and_says_why() {
    let broken = Arc::new(MemoryChecks::new());
    broken.then_fail(false);
    let result = checked(&broken).deploy("v1").await;
    assert!(rule(&result).1.contains("could not be read: as the test ordered"), "{}", rule(&result).1);
    assert_eq!((result.verdict(), broken.asked().len()), (Verdict::Blocked, 1));

    let mut without = checked(&broken);
    without.forge = Forge::none("GITHUB_TOKEN is not set");
    let result = without.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Blocked);
    assert_eq!(rule(&result).1, "the required checks cannot be read: GITHUB_TOKEN is not set");

    let mut commitless = checked(&broken);
    commitless.version_control = None;
    let result = commitless.deploy("v1").await;
    assert!(rule(&result).1.contains("the commit of v1 is not known"), "{}", rule(&result).1);
    assert_eq!(result.verdict(), Verdict::Blocked);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_checks_of_what_is_blocked_anyway() {
    let checks = Arc::new(MemoryChecks::new());
    checks.then([("build", Pending)]);
    let world = checked(&checks);
    world.run(request(Action::EmergencyStop)).await;
    let before = world.clock.now();
    let result = world.deploy("v1").await;
    assert_eq!((result.verdict(), checks.asked().len()), (Verdict::Blocked, 1), "{}", reason(&result));
    assert!(world.clock.now().duration_since(before).as_secs() < 5);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait() {
    let checks = Arc::new(MemoryChecks::new());
    checks.then([("build", Pending)]);
    let world = checked(&checks);
    let (engine, cancel) = (world.engine(), runbook_core::engine::Cancel::default());
    let stop = async {
        world.clock.sleep(Duration::from_secs(7)).await;
        world.run(request(Action::EmergencyStop)).await
    };
    let (result, stopped) = tokio::join!(world.run_on(&engine, deploy("v1"), &cancel), stop);
    assert_eq!(stopped.verdict(), Verdict::Succeeded);
    assert!(rule(&result).1.contains("the stop latch is set"), "{}", rule(&result).1);
    assert_ne!(result.verdict(), Verdict::Succeeded);
    assert!(checks.asked().len() <= 3, "it did not wait to the end");
}

#[tokio::test(start_paused = true)]
async fn the_way_back_never_waits_for_checks() {
    let checks = Arc::new(MemoryChecks::new());
    checks.then([("build", Passed), ("test / unit", Passed)]);
    let world = checked(&checks);
    world.deploy("v1").await;
    world.deploy("v2").await;
    let asked = checks.asked().len();
    let back = world.run(runbook_core::Request { version: Some("v1".to_owned()), ..request(Action::Rollback) }).await;
    assert_eq!(back.verdict(), Verdict::Succeeded, "{}", reason(&back));
    assert_eq!(checks.asked().len(), asked);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_does_not_answer_for_the_checks_blocks() {
    let checks = Arc::new(MemoryChecks::new());
    let mut world = checked(&checks);
    let silent = runbook_core::ports::stage_fn(runbook_core::plan::Access::ReadOnly, |_| {
        Box::pin(async { Ok(Outcome::Passed) })
    });
    world.registry.stage_value(runbook_core::plan::stage_kind::SAFETY_GATE, silent);
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Blocked);
    assert!(reason(&result).contains("did not answer") && reason(&result).contains("checks"), "{}", reason(&result));
    let gate = result.run.step(&StepId::new("safety-gate").unwrap()).unwrap();
    assert!(matches!(gate.result(), Some(StepResult::Ended(Outcome::Passed))), "whatever it says");
}
