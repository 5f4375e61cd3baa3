//! Readings that somebody published without a run: a run that only looks takes fresh ones instead of measuring again, they
//! prove nothing, and a service that is reached from elsewhere only is unknown without them.

use std::{sync::Arc, time::Duration};

use runbook_core::{
    Action, Health, Judgement, StepId, Verdict,
    engine::{Cancel, Engine, RunResult, services_on, shard_of_services},
    event::EventKind,
    ports::{Clock, OwnerState},
    state::ServiceState,
};
use runbook_testkit::MemoryHistory;

use crate::harness::{CONFIG, World, deploy, reason, request, service};

/// The configuration of the harness, whose service `api` is reached from a lab only.
fn in_a_lab() -> String {
    CONFIG.replace("id = \"api\"\n", "id = \"api\"\nruns_on = [\"self-hosted\", \"lab\"]\n")
}

fn judged(result: &RunResult, id: &str) -> Judgement {
    result.run.judgements()[&service(id)].clone()
}

/// Begins an update of the status, and leaves it before it looks; `meanwhile` is done before another process looks.
async fn update_with(world: &World, meanwhile: impl AsyncFnOnce(Engine)) -> RunResult {
    let step = |id: &str| StepId::new(id).unwrap();
    let (engine, cancel) = (world.engine(), Cancel::default());
    let asked = request(Action::UpdateStatus);
    let plan = engine.prepare(&asked, &world.config).await.unwrap();
    let begun = engine.execute_until(asked, plan, &step("safety-gate"), &cancel).await.unwrap();
    meanwhile(world.engine_of(2, OwnerState::Alive)).await;
    world.engine().stage(begun.run.run, &step("monitor"), &world.config, false, &cancel).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn publishing_is_no_run_and_touches_nothing_else() {
    let world = World::with_good_v1().await;
    let before = world.environment();
    world.script("api", [Health::Unhealthy]);
    let document = world.engine_of(2, OwnerState::Alive).publish(&[service("api")]).await.unwrap();
    assert_eq!((document.services.len(), document.services[0].health), (1, Health::Unhealthy));
    let mut after = world.environment();
    let published = after.services.get_mut(&service("api")).unwrap().published.take().unwrap();
    assert_eq!((published.health, published.samples, published.complete), (Health::Unhealthy, 2, false));
    assert_eq!(published.published_by.as_deref(), Some("process 2 on test-host"));
    assert_eq!(after, before, "no run, no lock, no fence, no epoch, and the service is what it was");
    let last = world.journal.events().pop().unwrap();
    assert!(matches!(last.kind, EventKind::ReadingsPublished { .. }) && last.epoch == 0, "{last:?}");
    let events = world.journal.events().len();
    world.engine().publish(&[]).await.unwrap();
    assert_eq!(world.journal.events().len(), events, "nothing was measured, so nothing is told");
    // Whatever was published: it is nobody's way back.
    assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")));
}

#[tokio::test(start_paused = true)]
async fn a_recovery_is_confirmed_before_it_is_published() {
    let world = World::with_good_v1().await;
    world.script("api", [Health::Unhealthy]);
    world.run(request(Action::UpdateStatus)).await;
    world.script("api", [Health::Healthy]);
    world.engine().publish(&[service("api"), service("web")]).await.unwrap();
    let samples = |id| world.environment().service(&service(id)).unwrap().published.as_ref().unwrap().samples;
    assert_eq!((samples("api"), samples("web")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_looks_takes_what_was_measured_since_it_began() {
    let world = World::with_good_v1().await;
    let result = update_with(&world, async |other| {
        world.script("api", [Health::Unhealthy]);
        other.publish(&[service("api"), service("web")]).await.unwrap();
        // Whoever asked it now would find it well again.
        world.script("api", [Health::Healthy]);
    })
    .await;
    let api = judged(&result, "api");
    assert_eq!((api.health, api.samples, api.complete), (Health::Unhealthy, 2, false), "{api:?}");
    assert!(api.evidence.contains("; measured by process 2 on test-host at 2026-01-01T"), "{}", api.evidence);
    assert_eq!(api.release.unwrap().to_string(), "v1", "what is live is asked all the same");
    assert!(judged(&result, "web").published_by.is_some());
    assert_eq!(judged(&result, "worker").published_by, None, "nobody had measured it");
}

#[tokio::test(start_paused = true)]
async fn what_was_measured_before_the_run_began_is_measured_again() {
    let world = World::with_good_v1().await;
    world.script("api", [Health::Unhealthy]);
    world.engine().publish(&[service("api")]).await.unwrap();
    world.script("api", [Health::Healthy]);
    world.clock.advance(Duration::from_secs(1));
    let result = world.run(request(Action::UpdateStatus)).await;
    let api = judged(&result, "api");
    assert_eq!((api.health, api.published_by), (Health::Healthy, None));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_reached_from_elsewhere_is_unknown_until_somebody_there_publishes() {
    let world = World::configured(&in_a_lab());
    world.script("api", [Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    let api = judged(&result, "api");
    assert_eq!((api.health, api.samples), (Health::Unknown, 0), "nobody here asks it: {api:?}");
    let words = "it is measured on self-hosted, lab and not from here, and nobody has published a reading from there; \
                 there: runbook check api --publish";
    assert_eq!(api.evidence, words);
    // Told once: it stays unknown, and chats hear of what changes.
    let told = |result: &RunResult| result.run.notified.len();
    let again = world.run(request(Action::UpdateStatus)).await;
    assert_eq!((judged(&again, "api").health, told(&again)), (Health::Unknown, 0));

    world.engine_of(2, OwnerState::Alive).publish(&[service("api")]).await.unwrap();
    world.clock.advance(Duration::from_secs(14 * 60));
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(judged(&result, "api").health, Health::Unhealthy, "it counts for 15 minutes");
    world.clock.advance(Duration::from_secs(2 * 60));
    let result = world.run(request(Action::UpdateStatus)).await;
    let api = judged(&result, "api");
    assert_eq!(api.health, Health::Unknown);
    assert!(api.evidence.contains("the newest reading from there is of 2026-01-01T"), "{}", api.evidence);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_of_what_nobody_here_can_measure_needs_an_operator_and_is_never_rolled_back() {
    let world = World::configured(&in_a_lab());
    // From before the change: it says nothing of what is there now.
    world.engine_of(2, OwnerState::Alive).publish(&[service("api")]).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert!(reason(&result).contains("the health of api is unknown after the change"), "{}", reason(&result));
    assert!(!result.run.baselines.contains_key(&service("api")));
    assert_eq!(world.live(), ["v1"; 3]);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_during_the_watch_of_a_deploy_is_believed_and_promotes_nothing() {
    let world = World::configured(&in_a_lab());
    let engine = world.engine_of(2, OwnerState::Alive);
    let publish = async {
        // The watch lasts 65 s.
        world.clock.sleep(Duration::from_secs(30)).await;
        engine.publish(&[service("api")]).await.unwrap();
    };
    let (result, ()) = tokio::join!(world.deploy("v1"), publish);
    assert_eq!(judged(&result, "api").health, Health::Healthy);
    assert!(judged(&result, "api").published_by.is_some());
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("api was not watched to the end of the window"), "{}", reason(&result));
    assert_eq!(world.known_good(), [None, Some("v1".to_owned()), Some("v1".to_owned())]);
}

/// A reading that is taken by several runs was measured once.
#[tokio::test(start_paused = true)]
async fn the_history_learns_a_published_reading_once() {
    let mut world = World::configured(&in_a_lab());
    world.engine_of(2, OwnerState::Alive).publish(&[service("api")]).await.unwrap();
    for _ in 0..3 {
        world.run(request(Action::UpdateStatus)).await;
    }
    let history = Arc::new(MemoryHistory::new());
    world.history = Some(history.clone());
    world.engine().learn().await.unwrap();
    let of_api = history.looks().into_iter().filter(|look| look.judgement.service == service("api")).count();
    assert_eq!(of_api, 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dated_in_the_future_keeps_nobody_out() {
    let world = World::with_good_v1().await;
    let publish = async || {
        world.engine().publish(&[service("api")]).await.unwrap();
        world.journal.events().pop().unwrap()
    };
    let mut ahead = publish().await;
    let EventKind::ReadingsPublished { services, .. } = &mut ahead.kind else { panic!("{ahead:?}") };
    services[0].at = "2036-01-01T00:00:00Z".parse().unwrap();
    let mut environment = world.environment();
    environment.apply(&ahead);
    let newest = |state: &ServiceState| state.published.as_ref().unwrap().at;
    assert_eq!(newest(environment.service(&service("api")).unwrap()), "2036-01-01T00:00:00Z".parse().unwrap());
    let mut next = publish().await;
    environment.apply(&next);
    assert!(newest(environment.service(&service("api")).unwrap()) < "2027-01-01T00:00:00Z".parse().unwrap());
    // An older one that was written later is no news.
    let before = environment.clone();
    let EventKind::ReadingsPublished { services, .. } = &mut next.kind else { panic!("{next:?}") };
    services[0].at = "2025-01-01T00:00:00Z".parse().unwrap();
    environment.apply(&next);
    assert_eq!(environment, before);
}

#[test]
fn parts_hold_every_service_once_and_leave_out_what_is_elsewhere() {
    let more: String = (0..20).map(|number| format!("\n[[service]]\nid = \"more-{number}\"\n")).collect();
    let world = World::configured(&format!("{}{more}", in_a_lab()));
    let config = &world.config;
    for of in 1..=24 {
        let parts: Vec<_> = (1..=of).map(|index| shard_of_services(config, index, of)).collect();
        let (least, most) = (parts.iter().map(Vec::len).min().unwrap(), parts.iter().map(Vec::len).max().unwrap());
        assert!(most - least <= 1, "{parts:?}");
        let mut all: Vec<_> = parts.concat();
        all.sort();
        let mut expected: Vec<_> = config.services.iter().map(|service| service.id.clone()).collect();
        expected.retain(|id| *id != service("api"));
        expected.sort();
        assert_eq!(all, expected);
    }
    let labels = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect::<Vec<_>>();
    assert_eq!(services_on(config, &labels(&["Lab", "self-hosted"])), [service("api")]);
    assert!(services_on(config, &labels(&["lab"])).is_empty() && services_on(config, &[]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn publishing_while_a_run_holds_the_lock_neither_waits_nor_disturbs_it() {
    let world = World::with_good_v1().await;
    let engine = world.engine_of(2, OwnerState::Alive);
    let publish = async {
        world.clock.sleep(Duration::from_secs(20)).await;
        assert!(world.environment().lock.is_some(), "it is in the middle of it");
        engine.publish(&[service("worker")]).await.unwrap();
    };
    let (result, ()) = tokio::join!(world.run(deploy("v2")), publish);
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(judged(&result, "worker").published_by, None, "a watch is a watch");
}
