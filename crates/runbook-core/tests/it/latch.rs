//! The stop latch: it blocks whatever changes services, wherever it is set, and only a person with a reason lifts it.

use runbook_core::{Action, Actor, ActorKind, Request, Verdict, engine::Cancel, ports::LocalLatch, state::Latch};

use crate::harness::{World, deploy, reason, request};

async fn stopped() -> World {
    let world = World::with_good_v1().await;
    assert_eq!(world.run(request(Action::EmergencyStop)).await.verdict(), Verdict::Succeeded);
    world
}

fn by(kind: ActorKind, why: Option<&str>) -> Request {
    let actor = Actor { name: "somebody".to_owned(), kind };
    Request { actor, reason: why.map(str::to_owned), ..request(Action::Resume) }
}

#[tokio::test(start_paused = true)]
async fn nothing_changes_services_under_a_latch() {
    let world = stopped().await;
    let before = world.deployer.ordered().len();
    for action in [Action::Deploy, Action::UpdateComponent, Action::Rollback] {
        let result = world.run(Request { action, ..deploy("v2") }).await;
        assert_eq!(result.verdict(), Verdict::Blocked, "{action}");
        assert!(reason(&result).contains("runbook resume"), "{action}: {}", reason(&result));
    }
    assert_eq!(world.deployer.ordered().len(), before);
    let status = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(status.verdict(), Verdict::Succeeded, "to look is always allowed");
    assert_eq!(status.report.operational_status.as_str(), "CRITICAL");
}

#[tokio::test(start_paused = true)]
async fn only_a_person_with_a_reason_resumes() {
    let world = stopped().await;
    let refused = [
        by(ActorKind::Agent, Some("it looks fine")),
        by(ActorKind::Automation, Some("it is time")),
        by(ActorKind::Person, None),
        by(ActorKind::Person, Some("  ")),
    ];
    for request in refused {
        let result = world.run(request.clone()).await;
        assert_eq!(result.verdict(), Verdict::Blocked, "{request:?}");
        assert!(world.environment().latch.is_some(), "{request:?}");
    }
    let result = world.run(by(ActorKind::Person, Some("the disk was replaced"))).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert!(world.environment().latch.is_none());
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn anybody_may_stop() {
    for kind in [ActorKind::Agent, ActorKind::Automation] {
        let world = World::with_good_v1().await;
        let actor = Actor { name: "bot".to_owned(), kind };
        let result = world.run(Request { actor, reason: None, ..request(Action::EmergencyStop) }).await;
        assert_eq!(result.verdict(), Verdict::Succeeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_local_latch_blocks_too_and_resume_lifts_it() {
    let world = World::with_good_v1().await;
    let actor = request(Action::EmergencyStop).actor;
    let latch =
        Latch { actor, reason: "the network was down".to_owned(), since: "2026-01-01T00:00:00Z".parse().unwrap() };
    world.latch.set(&latch).await.unwrap();
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::Blocked);
    assert_eq!(world.live(), ["v1"; 3]);
    assert_eq!(world.run(request(Action::Resume)).await.verdict(), Verdict::Succeeded);
    assert!(world.latch.read().await.unwrap().is_none());
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_local_latch_that_cannot_be_read_counts_as_set() {
    let world = World::with_good_v1().await;
    world.latch.set_broken(true);
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::Blocked);
    assert_eq!(world.live(), ["v1"; 3]);
}

/// The plan was made before the latch was set: the gate asks for itself.
#[tokio::test(start_paused = true)]
async fn a_latch_that_was_set_after_the_plan_blocks() {
    let world = World::with_good_v1().await;
    let (engine, asked) = (world.engine(), deploy("v2"));
    let plan = engine.prepare(&asked, &world.config).await.unwrap();
    world.run(request(Action::EmergencyStop)).await;
    let result = engine.execute(asked, plan, &Cancel::default()).await.unwrap();
    assert_eq!(result.verdict(), Verdict::Blocked, "{}", reason(&result));
    assert_eq!(world.live(), ["stopped"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_resume_whose_local_latch_stays_is_told_and_ends() {
    let world = stopped().await;
    let (engine, asked) = (world.engine(), request(Action::Resume));
    let plan = engine.prepare(&asked, &world.config).await.unwrap();
    world.latch.set_broken(true);
    let result = engine.execute(asked, plan, &Cancel::default()).await.expect("the report is written whatever happens");
    assert_eq!(result.verdict(), Verdict::Failed, "{}", reason(&result));
    let environment = world.environment();
    assert!(environment.latch.is_some(), "half a latch is lifted by nobody");
    assert!(environment.open_runs.is_empty());
}
