//! A request with a name is carried out once, however often and at how many places at once it is asked for.

use runbook_core::{
    Action, Origin, Request, RunId, Verdict,
    engine::{Cancel, EngineError},
    state::EnvironmentState,
};

use crate::harness::{World, deploy, request};

fn named(request: Request, name: &str) -> Request {
    let origin = Origin { request_id: Some(name.to_owned()), ..request.origin };
    Request { origin, ..request }
}

async fn again(world: &World, request: Request) -> EngineError {
    let engine = world.engine();
    let plan = engine.prepare(&request, &world.config).await.unwrap();
    engine.execute(request, plan, &Cancel::default()).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_repeat_begins_no_run_and_names_the_first() {
    let world = World::with_good_v1().await;
    let first = world.run(named(deploy("v2"), "comment-7")).await;
    assert_eq!(first.verdict(), Verdict::Succeeded);
    assert_eq!(first.report.request_id.as_deref(), Some("comment-7"));
    let before = world.journal.events().len();
    let error = again(&world, named(deploy("v2"), "comment-7")).await;
    assert!(matches!(error, EngineError::Repeated(run) if run == first.run.run), "{error}");
    assert_eq!(world.journal.events().len(), before, "it left a trace");
    assert_eq!(world.environment().run_of_request("comment-7"), Some(first.run.run));
    assert_eq!(world.run(named(deploy("v1"), "comment-8")).await.verdict(), Verdict::Succeeded);
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::Succeeded, "without a name, nothing is a repeat");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_was_lifted_is_not_repeated() {
    let world = World::with_good_v1().await;
    let stop = || named(request(Action::EmergencyStop), "comment-9");
    let first = world.run(stop()).await;
    assert_eq!(world.run(request(Action::Resume)).await.verdict(), Verdict::Succeeded);
    let error = again(&world, stop()).await;
    assert!(matches!(error, EngineError::Repeated(run) if run == first.run.run), "{error}");
    assert!(world.environment().latch.is_none());
}

#[tokio::test(start_paused = true)]
async fn of_two_at_once_one_is_carried_out() {
    let world = World::with_good_v1().await;
    let ask = || async {
        let (engine, request) = (world.engine(), named(request(Action::UpdateStatus), "twice"));
        let plan = engine.prepare(&request, &world.config).await.unwrap();
        engine.execute(request, plan, &Cancel::default()).await
    };
    let (one, other) = tokio::join!(ask(), ask());
    let repeated = [&one, &other].into_iter().filter(|ended| matches!(ended, Err(EngineError::Repeated(_)))).count();
    let done = [&one, &other].into_iter().filter(|ended| ended.is_ok()).count();
    assert_eq!((done, repeated), (1, 1), "{one:?} {other:?}");
}

#[tokio::test(start_paused = true)]
async fn so_many_names_are_remembered_and_no_more() {
    let world = World::with_good_v1().await;
    world.run(named(request(Action::UpdateStatus), "0")).await;
    let events = world.journal.events();
    let started = events.iter().rev().find(|event| event.kind.name() == "run_started").unwrap().clone();
    let mut state = EnvironmentState::default();
    for name in 0..1_000_u32 {
        let mut event = started.clone();
        event.run = RunId::new();
        if let runbook_core::event::EventKind::RunStarted(started) = &mut event.kind {
            started.request.origin.request_id = Some(name.to_string());
        }
        state.apply(&event);
    }
    assert_eq!(state.requests.len(), 200);
    assert_eq!(state.run_of_request("799"), None);
    assert!(state.run_of_request("800").is_some() && state.run_of_request("999").is_some());
}
