//! What must be true after a crash, whoever was killed and wherever: of the journal alone at once, of everything once
//! `recover` has run.

use runbook_core::{
    Action, EffectKey, Live, RunId, Verdict,
    event::{EffectResult, Event, EventKind, Landed, Operation},
    state::EnvironmentState,
};

use super::scripts::{Deed, calm, deeds, done};
use crate::bench::{Ran, World};

/// How things stand once everything that was interrupted has come to its end.
#[derive(Debug)]
pub(super) struct Settled {
    /// What `recover` said.
    pub(super) recovered: Ran,
    pub(super) events: Vec<Event>,
    pub(super) environment: EnvironmentState,
}

impl Settled {
    /// The newest run that ended, and how.
    pub(super) fn last(&self) -> (RunId, Action, Verdict) {
        let (run, action, verdict, _) = self.environment.last_run.expect("a run has ended");
        (run, action, verdict)
    }

    /// Whether of some change by this run nobody knows whether it happened.
    pub(super) fn has_unknown(&self, run: RunId) -> bool {
        let of = |key: &EffectKey| key.as_str().starts_with(&format!("{run}/"));
        let changes = |key: &EffectKey| {
            self.events.iter().any(|event| {
                matches!(&event.kind, EventKind::EffectIntended { key: k, operation, .. }
                    if k == key && operation.changes_something())
            })
        };
        self.events.iter().any(|event| match &event.kind {
            EventKind::EffectSettled { key, landed: Landed::Unknown }
            | EventKind::EffectFinished { key, outcome: EffectResult::Unknown(_), .. } => of(key) && changes(key),
            _ => false,
        })
    }
}

/// Holds at any moment, recovered or not: each event of the journal follows the one before.
pub(super) async fn chain_holds(world: &World, what: &str) {
    let ran = world.run(&["history", "--verify"]).await;
    assert_eq!(ran.code, Some(0), "{what}: {ran}");
}

/// Brings everything that was interrupted to its end, and checks all that must be true then.
pub(super) async fn settled(world: &World, what: &str) -> Settled {
    let recovered = world.json(&["recover"]).await;
    assert!(matches!(recovered.code, Some(0 | 3 | 5 | 6 | 7)), "{what}: {recovered}");
    chain_holds(world, what).await;
    let events = world.events();
    let environment = EnvironmentState::replay(&events);
    let EnvironmentState { open_runs, lock, .. } = &environment;
    assert!(open_runs.is_empty(), "{what}: a run has no end: {open_runs:?}");
    assert!(lock.is_none(), "{what}: a lock is left: {lock:?}");
    begun_once(&events, &deeds(world), what);
    let settled = Settled { recovered, events, environment };
    is_true(world, &settled, what);
    let again = world.json(&["recover"]).await;
    assert_eq!(again.code, Some(0), "{what}: to recover twice is not to recover once: {again}");
    assert_eq!(world.events().len(), settled.events.len(), "{what}: there was nothing left to recover: {again}");
    settled
}

/// An effect that a run set out to make, as its key names it.
struct Intent<'a> {
    key: &'a str,
    operation: &'a Operation,
    /// How often it was asked for under this key.
    asked: usize,
    /// Whether it is known not to have happened.
    is_not_done: bool,
}

impl Intent<'_> {
    fn run(&self) -> Option<&str> {
        self.key.split('/').next()
    }

    fn is_stop(&self) -> bool {
        matches!(self.operation, Operation::Stop { .. })
    }

    fn fits(&self, deed: &Deed) -> bool {
        match self.operation {
            Operation::Deploy { release, .. } | Operation::Activate { release, .. } => {
                deed.verb == "deploy" && deed.release == release.id.as_str()
            }
            Operation::Stop { .. } => deed.verb == "stop",
            _ => false,
        }
    }
}

fn intents(events: &[Event]) -> Vec<Intent<'_>> {
    let mut intents: Vec<Intent<'_>> = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::EffectIntended { key, operation, .. } => {
                match intents.iter_mut().find(|intent| intent.key == key.as_str()) {
                    Some(known) => known.asked += 1,
                    None => intents.push(Intent { key: key.as_str(), operation, asked: 1, is_not_done: false }),
                }
            }
            EventKind::EffectFinished { key, outcome: EffectResult::NotDone(_), .. }
            | EventKind::EffectSettled { key, landed: Landed::DidNotHappen } => {
                for intent in intents.iter_mut().filter(|intent| intent.key == key.as_str()) {
                    intent.is_not_done = true;
                }
            }
            _ => {}
        }
    }
    intents
}

/// Nothing was begun without an intent in the journal, and nothing that may have happened was begun again. To stop what
/// may be down already is harmless, and who stops must not wait for an answer: that may be asked for again.
fn begun_once(events: &[Event], deeds: &[Deed], what: &str) {
    let intents = intents(events);
    for deed in deeds {
        let intent = intents.iter().find(|intent| intent.key == deed.key);
        let intent = intent.unwrap_or_else(|| panic!("{what}: begun without an intent: {deed:?}"));
        assert!(intent.fits(deed), "{what}: {deed:?} is not what was intended: {:?}", intent.operation);
        let begun = deeds.iter().filter(|other| other.key == deed.key).count();
        let most = if intent.is_stop() { intent.asked } else { 1 };
        assert!(begun <= most, "{what}: {} was begun {begun} times: {deeds:?}", deed.key);
    }
    for intent in intents.iter().filter(|intent| intent.operation.changes_something()) {
        let same = || intents.iter().filter(|o| o.run() == intent.run() && o.operation == intent.operation);
        let idle = same().filter(|other| other.is_not_done).count();
        let keys: Vec<&str> = same().map(|other| other.key).collect();
        assert!(keys.len() <= 1 + idle, "{what}: {} was asked for again: {keys:?}", intent.operation);
    }
}

/// What the journal knows to be live is live, and the newest verdict says what is there.
fn is_true(world: &World, settled: &Settled, what: &str) {
    let live = world.live();
    let live = live.as_deref();
    for (service, state) in &settled.environment.services {
        match &state.live {
            Live::Unknown => {}
            Live::Stopped => assert_eq!(live, None, "{what}: {service} is said to be stopped"),
            Live::Release(release) => assert_eq!(live, Some(release.id.as_str()), "{what}: what is said to be live"),
        }
    }
    let (run, action, verdict) = settled.last();
    let story: Vec<&Event> = settled.events.iter().filter(|event| event.run == run).collect();
    let Some(EventKind::RunStarted(started)) = story.first().map(|event| &event.kind) else {
        panic!("{what}: run {run} does not begin with its beginning")
    };
    let planned = started.plan.changing().next().map(|(_, target)| target.id.as_str());
    let latch = &settled.environment.latch;
    let tells = format!("{what}: {action} {verdict:?}");
    match (verdict, action) {
        (Verdict::Succeeded, Action::Deploy | Action::UpdateComponent | Action::Rollback) => {
            assert!(planned.is_none() || live == planned, "{tells}: {live:?} is live, {planned:?} was planned");
        }
        (Verdict::Succeeded, Action::EmergencyStop) => {
            assert_eq!(live, None, "{tells}");
            assert!(latch.is_some(), "{tells}: the latch is not set");
        }
        (Verdict::Succeeded, Action::Resume) => assert!(latch.is_none(), "{tells}: {latch:?}"),
        (Verdict::Succeeded, Action::UpdateStatus) => {}
        (Verdict::RolledBack, _) => {
            let decision = story.iter().find_map(|event| match &event.kind {
                EventKind::RollbackDecided(decision) => Some(decision),
                _ => None,
            });
            let back = decision.and_then(|decision| decision.services.values().next()).map(|way| way.to.id.as_str());
            assert_eq!(live, back, "{tells}");
        }
        (Verdict::Blocked | Verdict::Failed | Verdict::Aborted, _) => {
            let changed: Vec<String> =
                done(world).into_iter().filter(|key| key.starts_with(&format!("{run}/"))).collect();
            assert!(changed.is_empty(), "{tells}, and yet it changed something: {changed:?}");
        }
        (Verdict::NeedsOperator, _) => {
            let told = settled.environment.unsettled.as_ref().map(|(run, _)| *run);
            assert_eq!(told, Some(run), "{tells}: nobody is told");
        }
    }
}

/// Whatever happened, a person can go on: once the latch is lifted, a good release is deployed, and it is live.
pub(super) async fn goes_on(world: &World, settled: &Settled, what: &str) {
    calm(world).await;
    for release in ["v1.0.0", "v1.1.0"] {
        world.service.heals(release);
    }
    if settled.environment.latch.is_some() {
        let ran = world.run(&["resume", "--reason", "tested"]).await;
        assert_eq!(ran.code, Some(0), "{what}: {ran}");
    }
    let ran = world.run(&["deploy", "v1.0.0"]).await;
    assert_eq!(ran.code, Some(0), "{what}: {ran}");
    assert_eq!(world.live().as_deref(), Some("v1.0.0"), "{what}");
    chain_holds(world, what).await;
    calm(world).await;
}
