//! The two folds: any events in any order can be folded, and what is folded step by step is what is replayed at once.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*, sample::select};
use runbook_core::{
    Action, EffectKey, EventId, Health, Judgement, LeftBehind, Live, OperationalStatus, RunId, StepId, StepResult,
    Verdict,
    event::{
        CommandRun, Draft, EffectResult, Event, EventKind, Head, Landed, Operation, RollbackDecision, RollbackTarget,
        RunStarted, Signal, encode, verify,
    },
    plan::{World as Seen, plan},
    ports::{Liveness, OwnerState},
    state::{EnvironmentState, RunState},
};
use runbook_testkit::FixedLiveness;

use crate::harness::{SERVICES, World, deploy, release, replay, request, service};

/// A run of a pool of three, and what it says.
type Said = (usize, EventKind);

fn key(run: usize, effect: usize) -> EffectKey {
    EffectKey::new(format!("run-{run}/deploy/api/deploy/{effect}")).unwrap()
}

fn step() -> impl Strategy<Value = StepId> {
    select(vec!["safety-gate", "deploy", "monitor", "rollback", "verify", "report", "elsewhere"])
        .prop_map(|id| StepId::new(id).unwrap())
}

fn live() -> impl Strategy<Value = Live> {
    select(vec![Live::Unknown, Live::Stopped, Live::Release(release("v1")), Live::Release(release("v2"))])
}

fn operation() -> impl Strategy<Value = Operation> {
    (0..5_usize, select(SERVICES.to_vec()), select(vec!["v1", "v2"])).prop_map(|(kind, id, version)| {
        let (service, release) = (service(id), release(version));
        match kind {
            0 => Operation::Deploy { service, release },
            1 => Operation::Activate { service, release },
            2 => Operation::Stop { service },
            3 => Operation::PublishStatus,
            _ => Operation::Custom { name: "x".into(), service: Some(service), detail: serde_json::Value::Null },
        }
    })
}

fn judgement() -> impl Strategy<Value = Judgement> {
    let healths = vec![Health::Healthy, Health::Degraded, Health::Unhealthy, Health::Unknown];
    (select(SERVICES.to_vec()), select(healths), any::<bool>(), live(), 0_i64..1000).prop_map(
        |(id, health, complete, live, at)| Judgement {
            release: live.release().cloned(),
            complete,
            samples: 3,
            failures: 1,
            ..Judgement::new(service(id), health, "as generated", Timestamp::UNIX_EPOCH + SignedDuration::from_secs(at))
        },
    )
}

/// The first event of a run of each action.
static STARTED: LazyLock<Vec<EventKind>> = LazyLock::new(|| {
    let world = World::new();
    let live = SERVICES.iter().map(|id| (service(id), Live::Unknown)).collect();
    let seen = Seen { live, target: Some(release("v2")), ..Seen::default() };
    let owner = FixedLiveness::process(1, OwnerState::Alive).me();
    let started = |action| {
        let request = runbook_core::Request { action, ..deploy("v2") };
        let plan = plan(&request, &world.config, &seen).unwrap();
        EventKind::RunStarted(Box::new(RunStarted { request, plan, owner: owner.clone() }))
    };
    Action::ALL.into_iter().map(started).collect()
});

fn event_kind() -> impl Strategy<Value = EventKind> {
    let owner = || FixedLiveness::process(7, OwnerState::Alive).me();
    let actor = || request(Action::Deploy).actor;
    let effect = || (0..3_usize, 0..4_usize).prop_map(|(run, effect)| key(run, effect));
    let landed = || select(vec![Landed::Happened, Landed::DidNotHappen, Landed::Unknown]);
    let ends = vec![LeftBehind::NoChange, LeftBehind::Changed, LeftBehind::Unknown];
    let verdicts = vec![Verdict::Succeeded, Verdict::Failed, Verdict::NeedsOperator];
    let ended = prop_oneof![
        Just(EffectResult::Done),
        select(ends).prop_map(|left: LeftBehind| left.into_result("as generated".to_owned())),
    ];
    let results = vec![
        StepResult::Ended(runbook_core::Outcome::Passed),
        StepResult::Failed(runbook_core::Failure {
            message: "no".into(),
            left: LeftBehind::Changed,
            unmeasured: false,
        }),
    ];
    let told = vec![OperationalStatus::Operational, OperationalStatus::Critical];
    prop_oneof![
        3 => select(&**STARTED),
        1 => Just(EventKind::RunContinued { owner: owner() }),
        2 => any::<bool>().prop_map(move |sticky| EventKind::LockAcquired {
            owner: owner(), actor: actor(), reason: "x".into(), sticky
        }),
        1 => Just(EventKind::LockReleased {}),
        1 => Just(EventKind::StopLatched { actor: actor(), reason: "x".into() }),
        1 => Just(EventKind::StopLifted { actor: actor(), reason: "x".into() }),
        2 => (select(SERVICES.to_vec()), live()).prop_map(|(id, live)| EventKind::ReleaseFound { service: service(id), live }),
        2 => (step(), 1..4_u32).prop_map(|(step, attempt)| EventKind::StepStarted { step, attempt }),
        4 => (effect(), step(), operation()).prop_map(|(key, step, operation)| EventKind::EffectIntended { key, step, operation }),
        4 => (effect(), ended).prop_map(|(key, outcome)| EventKind::EffectFinished { key, outcome, detail: 1.into() }),
        2 => (effect(), landed()).prop_map(|(key, landed)| EventKind::EffectSettled { key, landed }),
        3 => (step(), vec(judgement(), 0..4)).prop_map(|(step, services)| EventKind::WindowJudged { step, services }),
        1 => step().prop_map(|step| EventKind::CiReported { step, commands: vec![CommandRun {
            argv: vec!["t".into()], exit_code: None, elapsed_ms: 1, tail: vec![]
        }] }),
        1 => Just(EventKind::CancelRequested { signal: Signal::Terminate }),
        2 => (step(), select(results)).prop_map(|(step, result)| EventKind::StepFinished { step, result, elapsed_ms: 1 }),
        2 => (any::<bool>(), select(SERVICES.to_vec()), live()).prop_map(|(automatic, id, from)| {
            let services = BTreeMap::from([(service(id), RollbackTarget { from, to: release("v1") })]);
            EventKind::RollbackDecided(RollbackDecision { automatic, services, reason: "x".into() })
        }),
        1 => select(verdicts).prop_map(|verdict| EventKind::VerdictReached { verdict, reason: "x".into() }),
        1 => select(told).prop_map(|operational_status| EventKind::StatusPublished { issue: 1, url: "x".into(), operational_status }),
        1 => Just(EventKind::RunFinished {
            verdict: Verdict::Aborted, reason: "x".into(),
            operational_status: OperationalStatus::Degraded, status_reasons: vec![],
        }),
        1 => Just(EventKind::Unknown { kind: "moon_phase".into(), data: serde_json::json!({ "full": true }) }),
    ]
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    vec((0..3_usize, event_kind()), 0..60)
}

/// What a journal would hold after this was said, read back from its lines.
fn stored(said: Vec<Said>, runs: &[RunId]) -> Vec<Event> {
    let drafts: Vec<Draft> = said
        .into_iter()
        .enumerate()
        .map(|(at, (run, kind))| Draft {
            id: EventId::new(),
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(at).unwrap()),
            run: runs[run],
            epoch: at as u64 / 5,
            kind,
        })
        .collect();
    let encoded = encode(&drafts, Head::EMPTY, &str::to_owned).unwrap();
    let (stored, head) = verify(encoded.lines.iter().map(String::as_str), Head::EMPTY).unwrap();
    assert_eq!(head, encoded.head);
    let events: Vec<Event> = stored.into_iter().map(|stored| stored.event).collect();
    assert_eq!(events, encoded.events, "what is written is what is read");
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_prefix_of_any_journal_folds_and_step_by_step_is_all_at_once(said in said()) {
        let runs = [RunId::new(), RunId::new(), RunId::new()];
        let events = stored(said, &runs);
        let mut environment = EnvironmentState::default();
        let mut states: BTreeMap<RunId, RunState> = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            environment.apply(event);
            states.values_mut().for_each(|state| state.apply(event));
            if events.iter().position(|other| other.run == event.run) == Some(at) && let Some(state) = RunState::begin(event) {
                states.insert(event.run, state);
            }
            prop_assert_eq!(&EnvironmentState::replay(&events[..=at]), &environment);
            for (run, state) in &states {
                let replayed = replay(*run, &events[..=at]);
                prop_assert_eq!(replayed.as_ref(), Some(state));
                let _ = (state.rollback_verified(), state.judgements(), state.changed_services());
            }
        }
        // A fold survives being written down.
        let text = serde_json::to_string(&environment).unwrap();
        prop_assert_eq!(serde_json::from_str::<EnvironmentState>(&text).unwrap(), environment);
    }

    /// Whatever was said before: what is shown as known good had a whole healthy window.
    #[test]
    fn nothing_but_a_whole_healthy_window_makes_a_release_known_good(said in said()) {
        let events = stored(said, &[RunId::new(), RunId::new(), RunId::new()]);
        let environment = EnvironmentState::replay(&events);
        for (id, state) in &environment.services {
            let Some(good) = &state.last_known_good else { continue };
            let proof = events.iter().any(|event| matches!(&event.kind, EventKind::WindowJudged { services, .. }
                if services.iter().any(|j| j.service == *id && j.complete && j.health == Health::Healthy && j.release.as_ref() == Some(good))));
            prop_assert!(proof, "{id}: {good}");
        }
    }

    /// The fence and the epoch only rise, and the latch is lifted by nothing but its own event.
    #[test]
    fn fence_and_latch_hold(said in said()) {
        let events = stored(said, &[RunId::new(), RunId::new(), RunId::new()]);
        let mut environment = EnvironmentState::default();
        for event in &events {
            let before = environment.clone();
            environment.apply(event);
            prop_assert!(environment.fence >= before.fence && environment.epoch >= before.epoch);
            prop_assert!(environment.epoch >= environment.fence);
            if before.latch.is_some() && environment.latch.is_none() {
                prop_assert!(matches!(event.kind, EventKind::StopLifted { .. }), "{event:?}");
            }
            // Between an intent and its end, nobody claims to know what is live.
            if let EventKind::EffectIntended { operation, .. } = &event.kind && let Some((id, _)) = operation.makes_live() {
                prop_assert_eq!(&environment.services[id].live, &Live::Unknown);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_prefix_of_a_real_journal_folds() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    world.deploy("v2").await;
    world.run(request(Action::EmergencyStop)).await;
    world.run(request(Action::Resume)).await;
    let events = world.journal.events();
    let runs: std::collections::BTreeSet<RunId> = events.iter().map(|event| event.run).collect();
    for cut in 0..=events.len() {
        let environment = EnvironmentState::replay(&events[..cut]);
        assert!(environment.open_runs.len() <= 1, "one run after the other: {cut}");
        for run in &runs {
            if let Some(state) = replay(*run, &events[..cut]) {
                // What is not proven yet is not claimed.
                assert!(state.rollback.is_some() || state.rollback_verified().is_none(), "{cut}");
            }
        }
    }
}
