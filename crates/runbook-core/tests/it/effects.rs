//! What a stage that fails, hangs or panics leaves behind, how often it is tried, and that the report is always written.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use runbook_core::{
    Action, Outcome, StepResult, Verdict,
    engine::{Cancel, StageContext},
    event::{EventKind, Operation, Signal},
    plan::{Access, stage_kind},
    ports::{DeployError, Notice, StageError, StageFn, stage_fn},
};

use crate::harness::{CONFIG, World, deploy, reason, request, service};

/// A stage of the kind `extra` after the deploy.
fn with_extra(stage: StageFn) -> World {
    let stage_table = "[[stage]]\nid = \"extra\"\nkind = \"extra\"\nafter = \"deploy\"\ntimeout = \"3s\"\n";
    let mut world = World::configured(&format!("{CONFIG}\n{stage_table}"));
    world.registry.stage_value("extra", stage);
    world
}

fn on_web() -> Operation {
    Operation::Custom { name: "migrate".to_owned(), service: Some(service("web")), detail: serde_json::Value::Null }
}

async fn hangs_in_an_effect(cx: &StageContext) -> Result<Outcome, StageError> {
    cx.effect(on_web(), |_| std::future::pending::<Result<(), DeployError>>()).await?;
    Ok(Outcome::Passed)
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_was_dropped_by_a_timeout_is_unknown() {
    let world = with_extra(stage_fn(Access::Mutating, |cx| Box::pin(hangs_in_an_effect(cx))));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("web") && reason(&result).contains("within 3 s"), "{}", reason(&result));
    assert!(result.run.rollback.is_none(), "unknown never rolls back");
    let (_, effect) = result.run.service_effects().find(|(_, effect)| effect.operation == on_web()).unwrap();
    assert!(effect.is_unknown() && effect.outcome.is_none(), "{effect:?}");
    assert_eq!(world.tracker.updates().len(), 1, "the report was written");
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_a_second_signal_ended_is_unknown() {
    let world = with_extra(stage_fn(Access::Mutating, |cx| Box::pin(hangs_in_an_effect(cx))));
    let (engine, cancel) = (world.engine(), Cancel::default());
    let twice = async {
        while world.deployer.ordered().len() < 3 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        cancel.request(Signal::Interrupt);
        cancel.request(Signal::Interrupt);
    };
    let (result, ()) = tokio::join!(world.run_on(&engine, deploy("v1"), &cancel), twice);
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert_eq!(result.run.cancelled, Some(Signal::Interrupt));
}

/// A stage may say what it likes of an effect whose end it swallowed: the journal knows better.
#[tokio::test(start_paused = true)]
async fn a_swallowed_unknown_is_still_unknown() {
    for outcome in [Outcome::Passed, Outcome::Blocked(vec!["rather not".to_owned()])] {
        let world = with_extra(stage_fn(Access::Mutating, move |cx| {
            let outcome = outcome.clone();
            Box::pin(async move {
                let lost = || DeployError::new(runbook_core::LeftBehind::Unknown, "the answer was lost");
                let _ = cx.effect(on_web(), |_| async { Err::<(), _>(lost()) }).await;
                Ok(outcome)
            })
        }));
        let result = world.deploy("v1").await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
        assert!(reason(&result).contains("nobody knows"), "{}", reason(&result));
        assert!(result.run.rollback.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_a_stage_and_not_the_run() {
    for access in [Access::ReadOnly, Access::Mutating] {
        let world = with_extra(stage_fn(access, |_| Box::pin(async { panic!("the moon is full") })));
        let result = world.deploy("v1").await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
        assert!(reason(&result).contains("the moon is full"), "{}", reason(&result));
        assert_eq!(world.tracker.updates().len(), 1, "the report was written");
    }
    let mut world = World::new();
    world
        .registry
        .stage_value(stage_kind::REPORT, stage_fn(Access::Reporting, |_| Box::pin(async { panic!("again") })));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "the deploy was measured before");
    let report = result.run.steps.last().unwrap().result().unwrap();
    assert!(matches!(report, StepResult::Failed(failure) if failure.message.contains("again")), "{report:?}");
}

/// Fails so often, and then passes.
fn flaky(access: Access, failures: u32, error: fn() -> StageError, calls: Arc<AtomicU32>) -> StageFn {
    stage_fn(access, move |_| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { if call < failures { Err(error()) } else { Ok(Outcome::Passed) } })
    })
}

#[tokio::test(start_paused = true)]
async fn only_a_read_only_stage_is_tried_again_and_only_when_that_may_help() {
    let later: fn() -> StageError = || StageError::no_change("busy").retryable();
    let never: fn() -> StageError = || StageError::no_change("broken");
    let moved: fn() -> StageError = || StageError { left: runbook_core::LeftBehind::Changed, ..later_error() };
    fn later_error() -> StageError {
        StageError::no_change("busy").retryable()
    }
    let cases = [
        (Access::ReadOnly, 2, later, 3, Verdict::Succeeded),
        (Access::ReadOnly, 3, later, 3, Verdict::NeedsOperator),
        (Access::ReadOnly, 1, never, 1, Verdict::NeedsOperator),
        (Access::ReadOnly, 1, moved, 1, Verdict::NeedsOperator),
        (Access::Mutating, 1, later, 1, Verdict::NeedsOperator),
    ];
    for (access, failures, error, attempts, verdict) in cases {
        let calls = Arc::new(AtomicU32::new(0));
        let world = with_extra(flaky(access, failures, error, Arc::clone(&calls)));
        let result = world.deploy("v1").await;
        let story = format!("{access:?}, {failures} × {}", error());
        assert_eq!(calls.load(Ordering::SeqCst), attempts, "{story}");
        // A first release that has to be left has no way back: so a failure after it is for an operator.
        assert_eq!(result.verdict(), verdict, "{story}: {}", reason(&result));
        let retries = world.sink.notices().into_iter().filter(|notice| matches!(notice, Notice::Retrying { .. }));
        assert_eq!(retries.count(), attempts as usize - 1, "{story}");
        let started = world.journal.events().into_iter().filter_map(|event| match event.kind {
            EventKind::StepStarted { step, attempt } if step.as_str() == "extra" => Some(attempt),
            _ => None,
        });
        assert_eq!(started.collect::<Vec<_>>(), (1..=attempts).collect::<Vec<_>>(), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_report_is_written_whatever_happened() {
    let blocked = World::new();
    assert_eq!(blocked.run(request(Action::Rollback)).await.verdict(), Verdict::Blocked);

    let red = World::new();
    red.ci.lock().unwrap().commands.push(crate::harness::command(1));
    assert_eq!(red.deploy("v1").await.verdict(), Verdict::Failed);

    let cancelled = World::new();
    let (engine, cancel) = (cancelled.engine(), Cancel::default());
    cancel.request(Signal::Terminate);
    let result = cancelled.run_on(&engine, deploy("v1"), &cancel).await;
    assert_eq!(result.verdict(), Verdict::Aborted);
    assert!(reason(&result).contains("nothing was changed"), "{}", reason(&result));
    assert!(cancelled.deployer.ordered().is_empty());

    for (world, verdict) in [(blocked, Verdict::Blocked), (red, Verdict::Failed), (cancelled, Verdict::Aborted)] {
        let updates = world.tracker.updates();
        assert_eq!(updates.len(), 1, "{verdict}");
        assert_eq!(updates[0].1.view.verdict, Some(verdict));
        assert_eq!(world.chat.sent().len(), 1, "{verdict}: nothing was measured, which is news");
    }
}
