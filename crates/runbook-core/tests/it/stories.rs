//! What becomes of a deploy: promoted, failed without a change, left for an operator, or ended by somebody.

use std::time::Duration;

use runbook_core::{
    Action, Health, LeftBehind, Live, Outcome, Request, RuleVerdict, StepResult, Verdict, engine::Cancel,
    event::Signal, ports::Clock,
};
use runbook_testkit::DeployFault;

use crate::harness::{World, command, deploy, reason, release, request, service};

#[tokio::test(start_paused = true)]
async fn a_first_deploy_warns_that_there_is_no_way_back_and_is_promoted_after_a_whole_window() {
    let world = World::new();
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    let gate = &result.run.steps[0];
    assert!(matches!(gate.result(), Some(StepResult::Ended(Outcome::Warned(_)))), "{gate:?}");
    let way_back = gate.rules.iter().find(|rule| rule.id == "way-back").unwrap();
    assert_eq!(way_back.verdict, RuleVerdict::Warn);
    assert!(way_back.evidence.contains("no way back yet"), "{way_back:?}");
    let judgements = result.run.judgements();
    for judgement in judgements.values() {
        assert!(judgement.complete && judgement.samples >= 7, "a window of 60 s, a sample every 10 s: {judgement:?}");
    }
    assert_eq!(world.known_good(), [Some("v1".into()), Some("v1".into()), Some("v1".into())]);
    assert_eq!(result.report.operational_status.as_str(), "OPERATIONAL");
}

#[tokio::test(start_paused = true)]
async fn a_degraded_release_stays_and_is_not_promoted() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Degraded);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(world.live(), ["v2"; 3]);
    assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")));
    assert_eq!(result.report.operational_status.as_str(), "DEGRADED");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_measured_is_neither_rolled_back_nor_promoted() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unknown);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("unknown"), "{}", reason(&result));
    assert!(result.run.rollback.is_none());
    assert_eq!(world.live(), ["v2"; 3]);
    assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")));
    assert_ne!(result.report.operational_status.as_str(), "OPERATIONAL");
}

#[tokio::test(start_paused = true)]
async fn one_unmeasured_service_among_healthy_ones_is_enough() {
    let world = World::with_good_v1().await;
    world.script("web", [Health::Healthy, Health::Unknown]);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("web"), "{}", reason(&result));
    assert_eq!(world.known_good()[1].as_deref(), Some("v1"));
}

#[tokio::test(start_paused = true)]
async fn a_window_cut_short_promotes_nothing() {
    let world = World::with_good_v1().await;
    let (engine, cancel) = (world.engine(), Cancel::default());
    let interrupt = async {
        // Ten of them are the baseline, before the change.
        world.clock.sleep(Duration::from_secs(45)).await;
        cancel.request(Signal::Interrupt);
    };
    let (result, ()) = tokio::join!(world.run_on(&engine, deploy("v2"), &cancel), interrupt);
    assert_eq!(result.verdict(), Verdict::Aborted, "{}", reason(&result));
    assert!(reason(&result).contains("not watched to the end"), "{}", reason(&result));
    let judgements = result.run.judgements();
    for judgement in judgements.values() {
        assert_eq!((judgement.health, judgement.complete, judgement.samples), (Health::Unknown, false, 4));
        assert!(judgement.evidence.contains("watched for 35000 of 60000 ms only"), "{judgement:?}");
    }
    assert_eq!(world.live(), ["v2"; 3]);
    assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")));
}

#[tokio::test(start_paused = true)]
async fn red_ci_changes_nothing() {
    let world = World::with_good_v1().await;
    world.ci.lock().unwrap().commands.push(command(101));
    let before = world.deployer.ordered().len();
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Failed);
    assert!(reason(&result).contains("exit code 101"), "{}", reason(&result));
    assert_eq!(world.deployer.ordered().len(), before);
    assert!(world.environment().lock.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_failed_without_a_change_leaves_everything_as_it_was() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("api"), DeployFault::Fails(LeftBehind::NoChange));
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Failed);
    assert_eq!(world.live(), ["v1"; 3], "it stops at the first that fails");
    assert_eq!(result.environment.service(&service("api")).unwrap().live, Live::Release(release("v1")));
    assert!(result.run.rollback.is_none() && world.environment().recent_rollbacks(world.clock.now()) == 0);
    assert_eq!(result.report.operational_status.as_str(), "OPERATIONAL", "what was measured before still holds");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_service_whose_deploy_did_not_happen_is_still_called_stopped() {
    let world = World::with_good_v1().await;
    world.run(request(Action::EmergencyStop)).await;
    world.run(request(Action::Resume)).await;
    world.deployer.fail_next(&service("api"), DeployFault::Fails(LeftBehind::NoChange));
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Failed);
    assert_eq!(result.environment.service(&service("api")).unwrap().live, Live::Stopped);
    assert_eq!(result.report.releases.after[&service("api")], None);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_of_unknown_end_is_left_to_an_operator() {
    let world = World::with_good_v1().await;
    let before = world.deployer.ordered().len();
    world.deployer.fail_next(&service("web"), DeployFault::Fails(LeftBehind::Unknown));
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("web"), "{}", reason(&result));
    assert_eq!(world.ordered_since(before), ["deploy api v2", "deploy web v2"], "no repeat, no rollback, no third");
    assert_eq!(result.environment.service(&service("web")).unwrap().live, Live::Unknown);
    assert!(result.run.rollback.is_none());
    assert_ne!(result.report.operational_status.as_str(), "OPERATIONAL");
}

#[tokio::test(start_paused = true)]
async fn one_component_is_deployed_alone_and_all_are_watched() {
    let world = World::with_good_v1().await;
    let before = world.deployer.ordered().len();
    let only_web = Request { action: Action::UpdateComponent, component: Some(service("web")), ..deploy("v2") };
    let result = world.run(only_web.clone()).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(world.ordered_since(before), ["deploy web v2"]);
    assert_eq!(world.live(), ["v1", "v2", "v1"]);
    assert_eq!(world.known_good(), [Some("v1".into()), Some("v2".into()), Some("v1".into())]);
    assert_eq!(result.run.judgements().len(), 3);

    world.release_is("v3", Health::Unhealthy);
    let before = world.deployer.ordered().len();
    let result = world.run(Request { version: Some("v3".into()), ..only_web }).await;
    assert_eq!(result.verdict(), Verdict::RolledBack);
    assert_eq!(world.ordered_since(before), ["deploy web v3", "activate web v2"], "each to its own last known good");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deployed_twice() {
    let world = World::with_good_v1().await;
    let before = world.deployer.ordered().len();
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded);
    assert!(reason(&result).contains("nothing to change"), "{}", reason(&result));
    assert_eq!(world.deployer.ordered().len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_way_there_that_was_not_possible_in_rehearsal_is_not_taken() {
    let world = World::with_good_v1().await;
    world.deployer.set_impossible(&service("worker"), "the artifact is gone");
    let before = world.deployer.ordered().len();
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Blocked);
    assert!(reason(&result).contains("the artifact is gone"), "{}", reason(&result));
    assert_eq!(world.deployer.ordered().len(), before);
}
