//! `decide` has an answer to everything: whatever stages, deployers and services do, a run ends within bounds, with a
//! report, and its verdict is no better than what was measured.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*, sample::select};
use runbook_core::{
    Action, Health, LeftBehind, Live, Outcome, Request, Verdict,
    engine::{Cancel, RunResult},
    event::{EventKind, Operation, Signal},
    plan::{Access, stage_kind},
    ports::{Clock, StageError, stage_fn},
};
use runbook_testkit::DeployFault;

use crate::harness::{SERVICES, World, deploy, reason, release, service};

/// What stands in a stage's place.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stub {
    Passed,
    Warned,
    Skipped,
    Blocked,
    Failed(LeftBehind),
    Retryable,
    Panicked,
    Hung,
}

/// One run in a world where things go wrong.
#[derive(Debug, Clone)]
struct Story {
    action: Action,
    stubs: Vec<(&'static str, Stub)>,
    faults: Vec<(&'static str, DeployFault)>,
    health: Health,
    script: Option<Vec<Health>>,
    way_back: bool,
    green: bool,
    cancel_after_s: Option<u64>,
}

fn health() -> impl Strategy<Value = Health> {
    select(vec![Health::Healthy, Health::Healthy, Health::Unhealthy, Health::Degraded, Health::Unknown])
}

fn story() -> impl Strategy<Value = Story> {
    use stage_kind::{CI, DEPLOY, MONITOR, REPORT, ROLLBACK, SAFETY_GATE, STOP};
    let left = || select(vec![LeftBehind::NoChange, LeftBehind::Changed, LeftBehind::Unknown]);
    let stub = prop_oneof![
        Just(Stub::Passed),
        Just(Stub::Warned),
        Just(Stub::Skipped),
        Just(Stub::Blocked),
        left().prop_map(Stub::Failed),
        Just(Stub::Retryable),
        Just(Stub::Panicked),
        Just(Stub::Hung),
    ];
    let kinds = select(vec![SAFETY_GATE, CI, DEPLOY, MONITOR, ROLLBACK, STOP, REPORT]);
    let fault =
        prop_oneof![left().prop_map(DeployFault::Fails), Just(DeployFault::Hangs), Just(DeployFault::HangsAfter)];
    let stubs = prop_oneof![2 => Just(Vec::new()), 1 => vec((kinds, stub), 1..3)];
    let faults = prop_oneof![2 => Just(Vec::new()), 1 => vec((select(SERVICES.to_vec()), fault), 1..4)];
    let action = prop_oneof![4 => Just(Action::Deploy), 3 => select(Action::ALL.to_vec())];
    let script = prop::option::weighted(0.2, vec(health(), 1..12));
    let cancel = prop::option::weighted(0.2, 0_u64..90);
    (action, stubs, faults, health(), script, any::<bool>(), prop::bool::weighted(0.9), cancel).prop_map(
        |(action, stubs, faults, health, script, way_back, green, cancel_after_s)| Story {
            action,
            stubs,
            faults,
            health,
            script,
            way_back,
            green,
            cancel_after_s,
        },
    )
}

async fn act(stub: Stub) -> Result<Outcome, StageError> {
    match stub {
        Stub::Passed => Ok(Outcome::Passed),
        Stub::Warned => Ok(Outcome::Warned("hm".to_owned())),
        Stub::Skipped => Ok(Outcome::Skipped("no".to_owned())),
        Stub::Blocked => Ok(Outcome::Blocked(vec!["no".to_owned()])),
        Stub::Failed(left) => Err(StageError { left, ..StageError::no_change("no") }),
        Stub::Retryable => Err(StageError::no_change("later").retryable()),
        Stub::Panicked => panic!("as the story has it"),
        Stub::Hung => std::future::pending().await,
    }
}

async fn tell(story: &Story) -> (World, RunResult) {
    let mut world = if story.way_back { World::with_good_v1().await } else { World::new() };
    world.release_is("v2", story.health);
    if let Some(script) = &story.script {
        world.script("web", script.clone());
    }
    if !story.green {
        world.ci.lock().unwrap().commands.push(crate::harness::command(1));
    }
    for (kind, stub) in &story.stubs {
        let stub = *stub;
        world.registry.stage_value(kind, stage_fn(Access::Mutating, move |_| Box::pin(act(stub))));
    }
    for (id, fault) in &story.faults {
        world.deployer.fail_next(&service(id), *fault);
    }
    let (engine, cancel) = (world.engine(), Cancel::default());
    let interrupt = async {
        if let Some(seconds) = story.cancel_after_s {
            world.clock.sleep(std::time::Duration::from_secs(seconds)).await;
            cancel.request(Signal::Interrupt);
        }
    };
    let asked = Request { action: story.action, ..deploy("v2") };
    let (result, ()) = tokio::join!(world.run_on(&engine, asked, &cancel), interrupt);
    (world, result)
}

/// What a verdict promises, looked up in the outside world.
fn keeps_its_word(story: &Story, world: &World, result: &RunResult) -> Result<(), TestCaseError> {
    let live = |id: &str| world.deployer.live_now(&service(id));
    let watched = |version: &str| {
        result.run.judgements().values().all(|j| j.complete && j.release.as_ref() == Some(&release(version)))
    };
    match (result.verdict(), story.action) {
        (Verdict::Succeeded, Action::Deploy | Action::UpdateComponent) => {
            prop_assert!(SERVICES.iter().all(|id| live(id) == Live::Release(release("v2"))));
            prop_assert!(watched("v2"), "{:?}", result.run.judgements());
            let bad = result.run.judgements().values().any(|j| matches!(j.health, Health::Unhealthy | Health::Unknown));
            prop_assert!(!bad);
        }
        (Verdict::Succeeded, Action::EmergencyStop) => {
            prop_assert!(SERVICES.iter().all(|id| live(id) == Live::Stopped));
            prop_assert!(world.environment().latch.is_some());
        }
        (Verdict::RolledBack, _) => {
            let decision = result.run.rollback.as_ref().unwrap();
            for (id, target) in &decision.services {
                prop_assert_eq!(world.deployer.live_now(id), Live::Release(target.to.clone()));
            }
            prop_assert_eq!(result.run.rollback_verified(), Some(true));
        }
        (Verdict::Blocked | Verdict::Failed, _) => {
            prop_assert!(result.run.changed_services().is_empty(), "it says that nothing was changed");
        }
        (Verdict::Aborted, _) => {
            prop_assert!(!result.run.service_effects().any(|(_, effect)| effect.is_unknown()));
        }
        _ => {}
    }
    // A release that was promoted is live, or was left by a rollback of this run.
    let unknown_before_rollback = result.run.rollback.is_some()
        && result.run.effects.values().any(|e| e.is_unknown() && matches!(e.operation, Operation::Deploy { .. }));
    prop_assert!(!unknown_before_rollback, "unknown never rolls back");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_run_ends_within_bounds_and_keeps_its_word(story in story()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (world, result) = runtime.block_on(tell(&story));
        let own: Vec<_> = world.journal.events().into_iter().filter(|event| event.run == result.run.run).collect();
        prop_assert!(own.len() < 120, "{} events", own.len());
        let is_report = |kind: &EventKind| matches!(kind, EventKind::StepStarted { step, .. } if step.as_str() == "report");
        prop_assert_eq!(own.iter().filter(|event| is_report(&event.kind)).count(), 1, "{}", reason(&result));
        let is_last = matches!(own.last().unwrap().kind, EventKind::RunFinished { .. });
        prop_assert!(is_last);
        let intents: BTreeSet<_> = result.run.effects.keys().collect();
        let asked = world.deployer.ordered().into_iter().filter(|o| o.key.as_str().starts_with(&result.run.run.to_string()));
        for ordered in asked {
            prop_assert!(intents.contains(&ordered.key), "{ordered:?} without an intent");
        }
        keeps_its_word(&story, &world, &result)?;
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_world_makes_the_same_decision() {
    let story = |cancel_after_s| Story {
        action: Action::Deploy,
        stubs: Vec::new(),
        faults: vec![("web", DeployFault::Fails(LeftBehind::Changed))],
        health: Health::Healthy,
        script: None,
        way_back: true,
        green: true,
        cancel_after_s,
    };
    let (_, first) = tell(&story(None)).await;
    let (_, second) = tell(&story(None)).await;
    assert_eq!(first.run.verdict, second.run.verdict);
    assert_eq!(first.verdict(), Verdict::RolledBack);
    let (_, cancelled) = tell(&story(Some(30))).await;
    assert_eq!(cancelled.verdict(), Verdict::Aborted, "{}", reason(&cancelled));
}
