//! Every word is measured: a stage that does nothing and says that it passed never makes a run end well. Each test takes
//! one stage out and tells the good and the bad story.

use std::sync::Arc;

use async_trait::async_trait;
use runbook_core::{
    Action, Health, Outcome, Verdict,
    engine::StageContext,
    plan::{Access, stage_kind},
    ports::{Stage, StageError, StageFn, stage_fn},
    registry::{BuildError, Ports, StageDefinition},
    stages::{Monitor, NoSettings},
};

use crate::harness::{World, deploy, reason, request};

/// Does nothing and says this.
fn says(outcome: Outcome) -> StageFn {
    stage_fn(Access::ReadOnly, move |_| {
        let outcome = outcome.clone();
        Box::pin(async move { Ok(outcome) })
    })
}

fn lies() -> [Outcome; 2] {
    [Outcome::Passed, Outcome::Warned("all good, nearly".to_owned())]
}

/// `v1` is good and known to be; `v2` is bad; the stage is a stub from now on.
async fn bad_release_without(kind: &'static str, lie: Outcome) -> World {
    let mut world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    world.registry.stage_value(kind, says(lie));
    world
}

fn without(kind: &'static str, lie: Outcome) -> World {
    let mut world = World::new();
    world.registry.stage_value(kind, says(lie));
    world
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_looks_at_nothing_blocks() {
    let more = [Outcome::Skipped("not today".to_owned())];
    for lie in lies().into_iter().chain(more) {
        let world = without(stage_kind::SAFETY_GATE, lie.clone());
        for action in [Action::Deploy, Action::UpdateComponent, Action::UpdateStatus, Action::Rollback, Action::Resume]
        {
            let result = world.run(runbook_core::Request { action, ..deploy("v1") }).await;
            assert_eq!(result.verdict(), Verdict::Blocked, "{action}: {}", reason(&result));
            assert!(reason(&result).contains("did not answer"), "{action}: {}", reason(&result));
        }
        assert!(world.deployer.ordered().is_empty());

        let world = bad_release_without(stage_kind::SAFETY_GATE, lie).await;
        assert_eq!(world.deploy("v2").await.verdict(), Verdict::Blocked);
        assert_eq!(world.live(), ["v1"; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn ci_without_a_command_that_ended_well_fails() {
    for lie in lies() {
        let result = without(stage_kind::CI, lie.clone()).deploy("v1").await;
        assert_eq!(result.verdict(), Verdict::Failed, "{}", reason(&result));
        let world = bad_release_without(stage_kind::CI, lie).await;
        assert_eq!(world.deploy("v2").await.verdict(), Verdict::Failed);
        assert_eq!(world.live(), ["v1"; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_deploys_nothing_fails() {
    let more = [Outcome::Skipped("not today".to_owned())];
    for lie in lies().into_iter().chain(more) {
        let result = without(stage_kind::DEPLOY, lie.clone()).deploy("v1").await;
        assert_eq!(result.verdict(), Verdict::Failed);
        assert!(reason(&result).contains("was not deployed"), "{}", reason(&result));
        let world = bad_release_without(stage_kind::DEPLOY, lie).await;
        assert_eq!(world.deploy("v2").await.verdict(), Verdict::Failed);
        assert_eq!(world.live(), ["v1"; 3]);
        assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")), "nothing was promoted");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_measures_nothing_needs_an_operator_and_promotes_nothing() {
    let more = [Outcome::Skipped("not today".to_owned())];
    for lie in lies().into_iter().chain(more) {
        let world = without(stage_kind::MONITOR, lie.clone());
        let result = world.deploy("v1").await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator);
        assert!(reason(&result).contains("nobody measured"), "{}", reason(&result));
        assert_eq!(world.known_good(), [None, None, None]);

        let world = bad_release_without(stage_kind::MONITOR, lie.clone()).await;
        let result = world.deploy("v2").await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator);
        assert!(result.run.rollback.is_none(), "what nobody measured is not returned from");

        let result = without(stage_kind::MONITOR, lie).run(request(Action::UpdateStatus)).await;
        assert_eq!(result.verdict(), Verdict::Failed, "to measure is all that it is for");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_returns_nothing_needs_an_operator() {
    for lie in lies() {
        let world = bad_release_without(stage_kind::ROLLBACK, lie.clone()).await;
        let result = world.deploy("v2").await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator);
        assert!(reason(&result).contains("was not rolled back"), "{}", reason(&result));

        let mut world = World::with_good_v1().await;
        world.deploy("v2").await;
        world.registry.stage_value(stage_kind::ROLLBACK, says(lie));
        let result = world.run(runbook_core::Request { version: Some("v1".into()), ..request(Action::Rollback) }).await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    }
}

/// Watches after a deploy, and says without a look that a rollback is fine.
#[derive(Debug)]
struct VerifiesNothing(Arc<Monitor>);

impl StageDefinition for VerifiesNothing {
    const KIND: &'static str = stage_kind::MONITOR;
    type Settings = NoSettings;
    fn build(settings: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self(Arc::new(Monitor::build(settings, ports)?)))
    }
}

#[async_trait]
impl Stage for VerifiesNothing {
    fn access(&self) -> Access {
        Access::ReadOnly
    }
    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        if cx.step().id.as_str() == "verify" { Ok(Outcome::Passed) } else { self.0.run(cx).await }
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_nobody_watched_needs_an_operator() {
    let mut world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    world.registry.stage::<VerifiesNothing>();
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert_eq!(world.live(), ["v1"; 3], "it did return, and still nobody knows how it is");
    assert!(!result.report.rollback.unwrap().verified);

    let mut world = World::with_good_v1().await;
    world.deploy("v2").await;
    world.registry.stage::<VerifiesNothing>();
    let result = world.run(runbook_core::Request { version: Some("v1".into()), ..request(Action::Rollback) }).await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_stops_nothing_needs_an_operator() {
    let more = [Outcome::Skipped("not today".to_owned()), Outcome::Blocked(vec!["no".to_owned()])];
    for lie in lies().into_iter().chain(more) {
        let mut world = World::with_good_v1().await;
        world.registry.stage_value(stage_kind::STOP, says(lie.clone()));
        let result = world.run(request(Action::EmergencyStop)).await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator, "{lie:?}: {}", reason(&result));
        assert!(world.environment().latch.is_some(), "the latch holds all the same");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_tells_nobody_does_not_claim_that_it_did() {
    let mut world = without(stage_kind::REPORT, Outcome::Passed);
    let status = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(status.verdict(), Verdict::Failed, "to publish is what it is for");
    assert!(status.report.issue.is_none() && status.report.notifications.is_empty());

    let deployed = world.deploy("v1").await;
    assert_eq!(deployed.verdict(), Verdict::Succeeded, "the deploy itself was measured");
    assert!(deployed.report.issue.is_none() && deployed.report.notifications.is_empty());
    assert!(world.tracker.updates().is_empty() && world.environment().issue.is_none());

    world.release_is("v2", Health::Unhealthy);
    world.registry.stage_value(stage_kind::REPORT, says(Outcome::Warned("said so".to_owned())));
    let returned = world.deploy("v2").await;
    assert_eq!(returned.verdict(), Verdict::RolledBack);
    assert!(returned.report.issue.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_stories_end_well_when_nothing_is_taken_out() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::RolledBack);
    assert_eq!(world.run(request(Action::UpdateStatus)).await.verdict(), Verdict::Succeeded);
    assert_eq!(world.run(request(Action::EmergencyStop)).await.verdict(), Verdict::Succeeded);
    assert_eq!(world.run(request(Action::Resume)).await.verdict(), Verdict::Succeeded);
    assert_eq!(world.live(), ["stopped"; 3]);
}
