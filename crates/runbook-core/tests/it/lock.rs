//! One writer: two runs at once, runs whose owner is gone, and what becomes of what those left open.

use std::sync::Arc;

use runbook_core::{
    Action, Health, Live, Verdict,
    engine::{Cancel, RunResult},
    event::{EventKind, Landed},
    ports::OwnerState,
    state::RunState,
};
use runbook_testkit::DeployFault;

use crate::harness::{World, deploy, reason, release, replay, request, service};

/// Deploys as the process 1 until the deployer has been asked `orders` times, and dies there.
async fn dies_after(world: &World, version: &str, orders: usize) {
    let (engine, cancel) = (world.engine(), Cancel::default());
    let wanted = world.deployer.ordered().len() + orders;
    let asked = deploy(version);
    let plan = engine.prepare(&asked, &world.config).await.unwrap();
    let death = async {
        while world.deployer.ordered().len() < wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        ended = engine.execute(asked, plan, &cancel) => panic!("it ended: {ended:?}"),
        () = death => {}
    }
}

async fn deploy_as_the_next(world: &World, version: &str, others: OwnerState) -> RunResult {
    world.run_on(&world.engine_of(2, others), deploy(version), &Cancel::default()).await
}

/// The run that died, as its events tell it.
fn the_dead(world: &World) -> RunState {
    let events = world.journal.events();
    let started: Vec<_> = events.iter().filter(|event| matches!(event.kind, EventKind::RunStarted(_))).collect();
    replay(started[1].run, &events).unwrap()
}

#[tokio::test(start_paused = true)]
async fn of_two_runs_at_once_one_changes_things() {
    let world = World::with_good_v1().await;
    let (first, second) = (world.engine_of(1, OwnerState::Alive), world.engine_of(2, OwnerState::Alive));
    let (mine, theirs) = (Cancel::default(), Cancel::default());
    let before = world.deployer.ordered().len();
    let (a, b) = tokio::join!(world.run_on(&first, deploy("v2"), &mine), world.run_on(&second, deploy("v3"), &theirs));
    let (won, lost) = if a.verdict() == Verdict::Succeeded { (a, b) } else { (b, a) };
    assert_eq!((won.verdict(), lost.verdict()), (Verdict::Succeeded, Verdict::Blocked), "{}", reason(&lost));
    assert!(reason(&lost).contains(&won.run.run.to_string()), "it names the run: {}", reason(&lost));
    assert!(reason(&lost).contains("ada"), "and who asked for it: {}", reason(&lost));
    assert_eq!(world.deployer.ordered().len(), before + 3);
    let target = won.run.request.version.clone().unwrap();
    assert_eq!(world.live(), [target.as_str(); 3]);
    assert!(world.environment().lock.is_none(), "it was given back");
}

#[tokio::test(start_paused = true)]
async fn the_gate_names_who_is_at_work() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("web"), DeployFault::Hangs);
    dies_after(&world, "v2", 2).await;
    for (others, words) in [(OwnerState::Alive, "is at work"), (OwnerState::Unknown, "nobody here can tell")] {
        let result = deploy_as_the_next(&world, "v3", others).await;
        assert_eq!(result.verdict(), Verdict::Blocked);
        assert!(reason(&result).contains(words), "{}", reason(&result));
        assert!(reason(&result).contains("process 1 on test-host"), "{}", reason(&result));
    }
    assert_eq!(world.live(), ["v2", "v1", "v1"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_looks_needs_no_lock() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("web"), DeployFault::Hangs);
    dies_after(&world, "v2", 2).await;
    let other = world.engine_of(2, OwnerState::Alive);
    let looked = world.run_on(&other, request(Action::UpdateStatus), &Cancel::default()).await;
    assert_eq!(looked.verdict(), Verdict::Succeeded, "{}", reason(&looked));
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_left_open_is_settled_before_its_lock_is_taken() {
    for (fault, landed) in [(DeployFault::Hangs, Landed::DidNotHappen), (DeployFault::HangsAfter, Landed::Happened)] {
        let world = World::with_good_v1().await;
        world.deployer.fail_next(&service("web"), fault);
        dies_after(&world, "v2", 2).await;
        let result = deploy_as_the_next(&world, "v3", OwnerState::Over).await;
        assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
        assert_eq!(world.live(), ["v3"; 3]);
        let dead = the_dead(&world);
        assert_eq!(dead.verdict.as_ref().unwrap().0, Verdict::NeedsOperator);
        assert!(dead.verdict.as_ref().unwrap().1.contains("was interrupted"), "{:?}", dead.verdict);
        let web = dead.service_effects().find(|(id, _)| id.as_str() == "web").unwrap().1;
        assert!(!web.is_unknown(), "{web:?}");
        assert_eq!(web.is_done(), landed == Landed::Happened, "{web:?}");
        let kinds: Vec<_> = world.journal.events().into_iter().map(|event| event.kind).collect();
        let at = |found: &dyn Fn(&EventKind) -> bool| kinds.iter().rposition(found).unwrap();
        let settled = at(&|kind| matches!(kind, EventKind::EffectSettled { landed: l, .. } if *l == landed));
        assert!(settled < at(&|kind| matches!(kind, EventKind::LockAcquired { .. })));
        assert!(world.environment().open_runs.is_empty());
    }
}

/// Found by the model of `engine/exclusion`: to close a run is decided in the world that it is written to.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_recovered_meanwhile_is_not_closed() {
    let mut world = World::with_good_v1().await;
    world.deployer.fail_next(&service("web"), DeployFault::Hangs);
    dies_after(&world, "v2", 2).await;
    let dead = the_dead(&world).run;
    let (third, config) = (world.engine_of(3, OwnerState::Unknown), world.config.clone());
    let once = Arc::new(tokio::sync::Mutex::new(true));
    world.meanwhile(move |batch| {
        let closes = batch.events.iter().any(|event| matches!(event.kind, EventKind::RunAbandoned { .. }));
        let (third, config, once) = (third.clone(), config.clone(), Arc::clone(&once));
        Box::pin(async move {
            if closes && std::mem::take(&mut *once.lock().await) {
                let recovered = third.recover(dead, &config, true, &Cancel::default()).await.unwrap();
                assert_eq!(recovered.verdict(), Verdict::Succeeded, "{}", reason(&recovered));
            }
        })
    });
    let result = deploy_as_the_next(&world, "v3", OwnerState::Over).await;
    assert_eq!(result.verdict(), Verdict::Blocked, "{}", reason(&result));
    assert_eq!(world.live(), ["v2"; 3]);
    let events = world.journal.events();
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::RunAbandoned { .. })), "it was not over");
    assert!(world.environment().lock.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_settle_is_said_and_not_guessed() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("web"), DeployFault::Hangs);
    world.deployer.set_forgetful(true);
    dies_after(&world, "v2", 2).await;
    let before = world.deployer.ordered().len();
    let result = deploy_as_the_next(&world, "v3", OwnerState::Over).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(
        world.ordered_since(before),
        ["deploy api v3", "deploy web v3", "deploy worker v3"],
        "v2 is not repeated"
    );
    let dead = the_dead(&world);
    let (verdict, why) = dead.verdict.as_ref().unwrap();
    assert_eq!(*verdict, Verdict::NeedsOperator);
    assert!(why.contains("nobody knows how this ended") && why.contains("/web/deploy/1"), "{why}");
    assert!(why.contains("v1 was found to be live"), "{why}");
    let (_, web) = dead.service_effects().find(|(id, _)| id.as_str() == "web").unwrap();
    assert!(web.is_unknown(), "{web:?}");
}

#[tokio::test(start_paused = true)]
async fn a_settled_effect_tells_what_is_live() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("web"), DeployFault::Hangs);
    dies_after(&world, "v2", 2).await;
    assert_eq!(world.environment().services[&service("web")].live, Live::Unknown);
    // It closes the dead run, and then it is blocked: there is nothing to do here but to know.
    world.ci.lock().unwrap().commands.clear();
    let result = deploy_as_the_next(&world, "v3", OwnerState::Over).await;
    assert_eq!(result.verdict(), Verdict::Failed, "{}", reason(&result));
    assert_eq!(world.environment().services[&service("web")].live, Live::Release(release("v1")));
    assert_eq!(world.environment().services[&service("api")].live, Live::Release(release("v2")));
}

#[tokio::test(start_paused = true)]
async fn the_lock_is_given_back_however_a_run_ends() {
    let world = World::with_good_v1().await;
    world.release_is("bad", Health::Unhealthy);
    world.release_is("odd", Health::Unknown);
    world.deployer.fail_next(&service("api"), DeployFault::Fails(runbook_core::LeftBehind::NoChange));
    let endings = [("v2", Verdict::Failed), ("v3", Verdict::Succeeded), ("bad", Verdict::RolledBack)];
    for (version, verdict) in endings.into_iter().chain([("odd", Verdict::NeedsOperator)]) {
        let result = world.deploy(version).await;
        assert_eq!(result.verdict(), verdict, "{version}: {}", reason(&result));
        assert!(world.environment().lock.is_none(), "{version}");
    }
}
