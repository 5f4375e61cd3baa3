//! Write-ahead: no change begins before its intent is in the journal, and nobody gets leave who must not have it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use runbook_core::{
    Action, Health, Verdict,
    engine::{Cancel, EffectError, Refusal, StageContext},
    event::{EventKind, Operation},
    plan::Access,
    ports::{DeployError, LocalLatch, OwnerState},
    state::Latch,
};
use runbook_testkit::AppendFault;

use crate::harness::{CONFIG, World, deploy, reason, release, request, service};

#[tokio::test(start_paused = true)]
async fn the_intent_is_durable_before_the_deployer_is_called() {
    let mut world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (journal, log) = (world.journal.clone(), Arc::clone(&seen));
    world.spy(move |permit, operation, service| {
        let of_permit = journal.events().into_iter().filter_map(|event| match event.kind {
            EventKind::EffectIntended { key, .. } if key == *permit.key() => Some("intended"),
            EventKind::EffectFinished { key, .. } if key == *permit.key() => Some("finished"),
            _ => None,
        });
        log.lock().unwrap().push((format!("{operation} {service}"), of_permit.collect::<Vec<_>>()));
    });
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::RolledBack);
    assert_eq!(world.run(request(Action::EmergencyStop)).await.verdict(), Verdict::Succeeded);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 9, "three deployed, three returned, three stopped: {seen:?}");
    assert!(seen.iter().all(|(_, events)| *events == ["intended"]), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn every_effect_has_a_key_of_its_own() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    world.deploy("v2").await;
    world.deploy("v2").await;
    let keys: Vec<_> = world.deployer.ordered().into_iter().map(|ordered| ordered.key).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deployer_is_not_called_when_its_intent_could_not_be_written() {
    for fault in [AppendFault::Unreachable, AppendFault::Hang, AppendFault::LostAnswer] {
        let mut world = World::with_good_v1().await;
        let (journal, once) = (world.journal.clone(), AtomicBool::new(true));
        world.meanwhile(move |batch| {
            let is_intent = batch.events.iter().any(|event| matches!(event.kind, EventKind::EffectIntended { .. }));
            if is_intent && once.swap(false, Ordering::SeqCst) {
                journal.fail_next_append(fault);
            }
            Box::pin(async {})
        });
        let before = world.deployer.ordered().len();
        let result = world.deploy("v2").await;
        assert_eq!(world.ordered_since(before), Vec::<String>::new(), "{fault:?}");
        // After a lost answer the intent is there, without an end: nobody guesses.
        let expected = if fault == AppendFault::LostAnswer { Verdict::NeedsOperator } else { Verdict::Failed };
        assert_eq!(result.verdict(), expected, "{fault:?}: {}", reason(&result));
        assert!(result.run.rollback.is_none(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_on_a_journal_that_cannot_be_reached() {
    let world = World::with_good_v1().await;
    let (engine, asked) = (world.engine(), deploy("v2"));
    let plan = engine.prepare(&asked, &world.config).await.unwrap();
    world.journal.set_unreachable(true);
    engine.execute(asked.clone(), plan, &Cancel::default()).await.unwrap_err();
    engine.prepare(&asked, &world.config).await.unwrap_err();
    assert_eq!(world.live(), ["v1"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_on_the_way_ends_the_run_with_a_report() {
    let mut world = World::with_good_v1().await;
    let journal = world.journal.clone();
    world.meanwhile(move |batch| {
        if batch.events.iter().any(|event| matches!(event.kind, EventKind::EffectFinished { .. })) {
            journal.set_unreachable(true);
        }
        Box::pin(async {})
    });
    let before = world.deployer.ordered().len();
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert_eq!(world.ordered_since(before), ["deploy api v2"], "nothing more begins");
    let (_, told) = world.tracker.updates().pop().unwrap();
    assert_eq!(told.view.verdict, Some(Verdict::NeedsOperator), "people hear of it all the same");

    // The next one finds the run open, and settles it.
    world.journal.set_unreachable(false);
    world.writes_to = None;
    let next = world.engine_of(2, OwnerState::Over);
    let result = world.run_on(&next, deploy("v3"), &Cancel::default()).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
}

/// A lost answer is no lost event: what the journal took is not written again.
#[tokio::test(start_paused = true)]
async fn no_event_is_written_twice() {
    let mut world = World::with_good_v1().await;
    let (journal, once) = (world.journal.clone(), AtomicBool::new(true));
    world.meanwhile(move |batch| {
        let ends = batch.events.iter().any(|event| matches!(event.kind, EventKind::EffectFinished { .. }));
        if ends && once.swap(false, Ordering::SeqCst) {
            journal.fail_next_append(AppendFault::LostAnswer);
        }
        Box::pin(async {})
    });
    world.deploy("v2").await;
    let ids: Vec<_> = world.journal.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

fn asking() -> World {
    World::configured(&format!("{CONFIG}\n[[stage]]\nid = \"ask\"\nkind = \"ask\"\nafter = \"ci\"\n"))
}

/// Asks for leave; `Ok` when it was given.
async fn ask(cx: &StageContext, operation: Operation) -> Result<(), Refusal> {
    match cx.effect(operation, |_| async { Ok::<(), DeployError>(()) }).await {
        Ok(()) => Ok(()),
        Err(EffectError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

fn to_deploy() -> Operation {
    Operation::Deploy { service: service("api"), release: release("v9") }
}

#[tokio::test(start_paused = true)]
async fn leave_is_given_to_a_mutating_stage_that_holds_the_lock() {
    let given = asking().in_stage(Access::Mutating, async |_, cx| ask(&cx, to_deploy()).await).await;
    assert!(given.is_ok(), "{given:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_only_looks_or_tells_changes_no_service() {
    for access in [Access::ReadOnly, Access::Reporting] {
        let given = asking().in_stage(access, async |_, cx| ask(&cx, to_deploy()).await).await;
        assert!(matches!(given, Err(Refusal::ReadOnly(_))), "{access:?}: {given:?}");
    }
    let told = asking().in_stage(Access::Reporting, async |_, cx| ask(&cx, Operation::PublishStatus).await).await;
    assert!(told.is_ok(), "{told:?}");
    let told = asking().in_stage(Access::ReadOnly, async |_, cx| ask(&cx, Operation::PublishStatus).await).await;
    assert!(matches!(told, Err(Refusal::ReadOnly(_))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_local_latch_that_was_set_meanwhile_refuses() {
    let mut world = asking();
    let refused = world.in_stage(Access::Mutating, async |world, cx| {
        let latch = Latch { actor: cx.request().actor.clone(), reason: "smoke".to_owned(), since: cx.now() };
        world.latch.set(&latch).await.unwrap();
        ask(&cx, to_deploy()).await
    });
    let refused = refused.await;
    assert!(matches!(&refused, Err(Refusal::Latched(why)) if why == "smoke"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_and_a_takeover_refuse_what_had_leave_before() {
    let mut world = asking();
    let refused = world.in_stage(Access::Mutating, async |world, cx| {
        ask(&cx, to_deploy()).await.unwrap();
        let other = world.engine_of(2, OwnerState::Unknown);
        world.run_on(&other, request(Action::EmergencyStop), &Cancel::default()).await;
        let under_the_latch = ask(&cx, to_deploy()).await;
        world.run_on(&other, request(Action::Resume), &Cancel::default()).await;
        (under_the_latch, ask(&cx, to_deploy()).await, cx.checkpoint().await)
    });
    let (latched, fenced, checkpoint) = refused.await;
    assert!(matches!(latched, Err(Refusal::Fenced { .. } | Refusal::Latched(_))), "{latched:?}");
    assert!(matches!(fenced, Err(Refusal::Fenced { .. })), "{fenced:?}");
    assert!(matches!(checkpoint, Err(Refusal::Fenced { .. })), "{checkpoint:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_closed_by_another_has_no_lock() {
    let mut world = asking();
    let refused = world.in_stage(Access::Mutating, async |world, cx| {
        // It thinks that the owner is over, closes the run, and then finds nothing to roll back.
        let other = world.engine_of(2, OwnerState::Over);
        let result = world.run_on(&other, request(Action::Rollback), &Cancel::default()).await;
        assert_eq!(result.verdict(), Verdict::Blocked);
        ask(&cx, to_deploy()).await
    });
    let refused = refused.await;
    assert!(matches!(refused, Err(Refusal::NoLock)), "{refused:?}");
}
