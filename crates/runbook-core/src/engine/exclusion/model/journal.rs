//! The model's journal: short records, each of which becomes the real events that the engine would append, and the real
//! fold of those after each of them.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, LazyLock},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    event::{EffectResult, Event, EventKind, Landed, Operation, RunStarted},
    plan::{Plan, Watch},
    state::EnvironmentState,
    words::{Action, Actor, ActorKind, Digest, EffectKey, EventId, OperationalStatus, Owner, RunId, StepId, Verdict},
};

/// What was found out about an effect without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Settled {
    pub(super) effect: u8,
    pub(super) happened: bool,
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    Started(Action),
    Continued,
    Locked,
    /// A person's lock.
    Held,
    Freed,
    Latched,
    Lifted,
    Intended(u8),
    Done(u8),
    Settled(Settled),
    Abandoned {
        run: u8,
        settled: Option<Settled>,
    },
    Ended,
}

/// What one append writes. Runs and processes are numbers: the process `n` begins the run `n`, if it begins one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) by: u8,
    pub(super) run: u8,
    pub(super) epoch: u64,
    pub(super) fact: Fact,
}

struct Entry {
    record: Record,
    world: EnvironmentState,
}

/// All records, oldest first. What they come to follows from them, so two journals with the same records are the same.
#[derive(Clone, Default)]
pub(super) struct Journal(Vec<Arc<Entry>>);

impl Journal {
    pub(super) fn head(&self) -> usize {
        self.0.len()
    }

    /// The first `head` records.
    pub(super) fn until(&self, head: usize) -> impl DoubleEndedIterator<Item = Record> + '_ {
        self.0[..head].iter().map(|entry| entry.record)
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = Record> + '_ {
        self.until(self.head())
    }

    /// What the first `head` records come to.
    pub(super) fn world(&self, head: usize) -> &EnvironmentState {
        static EMPTY: LazyLock<EnvironmentState> = LazyLock::new(EnvironmentState::default);
        match head.checked_sub(1) {
            Some(last) => &self.0[last].world,
            None => &EMPTY,
        }
    }

    /// What all records come to.
    pub(super) fn now(&self) -> &EnvironmentState {
        self.world(self.head())
    }

    /// The newest record, with what all records before it come to.
    pub(super) fn newest(&self) -> Option<(Record, &EnvironmentState)> {
        let entry = self.0.last()?;
        Some((entry.record, self.world(self.head() - 1)))
    }

    pub(super) fn append(&mut self, record: Record) {
        let mut world = self.now().clone();
        let place = self.head() + 1;
        for kind in events(record, &world) {
            world.apply(&Event {
                id: *ID,
                seq: place as u64,
                prev: Digest::ZERO,
                at: at(place),
                run: run_id(record.run),
                epoch: record.epoch,
                kind,
            });
        }
        self.0.push(Arc::new(Entry { record, world }));
    }
}

impl PartialEq for Journal {
    fn eq(&self, other: &Self) -> bool {
        self.all().eq(other.all())
    }
}

impl Hash for Journal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.head().hash(state);
        self.all().for_each(|record| record.hash(state));
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

/// When the record in this place is written; the first place is 1.
pub(super) fn at(place: usize) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(place).expect("a model is small"))
}

/// The events of a record, in the order in which the engine appends them together.
fn events(record: Record, world: &EnvironmentState) -> Vec<EventKind> {
    let owner = owner(record.by);
    let reason = || "a model".to_owned();
    let settled = |run: u8, settled: Settled| EventKind::EffectSettled {
        key: key(run, settled.effect),
        landed: if settled.happened { Landed::Happened } else { Landed::DidNotHappen },
    };
    match record.fact {
        Fact::Started(action) => {
            let mut started = STARTED.clone();
            (started.request.action, started.plan.action, started.owner) = (action, action, owner);
            vec![EventKind::RunStarted(Box::new(started))]
        }
        Fact::Continued => vec![EventKind::RunContinued { owner }],
        Fact::Locked => vec![EventKind::LockAcquired { owner, actor: actor(), reason: reason(), sticky: false }],
        Fact::Held => vec![EventKind::LockAcquired { owner, actor: actor(), reason: reason(), sticky: true }],
        Fact::Freed => vec![EventKind::LockLifted { actor: actor(), reason: reason() }],
        Fact::Latched => vec![EventKind::StopLatched { actor: actor(), reason: reason() }],
        Fact::Lifted => vec![EventKind::StopLifted { actor: actor(), reason: reason() }],
        Fact::Intended(effect) => {
            let operation = Operation::Custom { name: "change".to_owned(), service: None, detail: Value::Null };
            vec![EventKind::EffectIntended { key: key(record.run, effect), step: STEP.clone(), operation }]
        }
        Fact::Done(effect) => {
            let (key, outcome) = (key(record.run, effect), EffectResult::Done);
            vec![EventKind::EffectFinished { key, outcome, detail: Value::Null }]
        }
        Fact::Settled(found) => vec![settled(record.run, found)],
        Fact::Abandoned { run, settled: found } => {
            let closed =
                EventKind::RunAbandoned { abandoned: run_id(run), verdict: Verdict::Aborted, reason: reason() };
            found.map(|found| settled(run, found)).into_iter().chain([closed]).collect()
        }
        Fact::Ended => {
            let holds_it = world.lock.as_ref().is_some_and(|lock| lock.run == run_id(record.run));
            let ended = EventKind::RunFinished {
                verdict: Verdict::Succeeded,
                reason: reason(),
                operational_status: OperationalStatus::Operational,
                status_reasons: Vec::new(),
            };
            holds_it.then_some(EventKind::LockReleased {}).into_iter().chain([ended]).collect()
        }
    }
}

/// No fold looks at it.
static ID: LazyLock<EventId> = LazyLock::new(|| "00000000-0000-7000-8000-0000000000ff".parse().expect("a UUID"));
static STEP: LazyLock<StepId> = LazyLock::new(|| StepId::new("deploy").expect("a step"));
static RUNS: LazyLock<Vec<RunId>> = LazyLock::new(|| {
    (0..8).map(|run| format!("00000000-0000-7000-8000-00000000000{run}").parse().expect("a UUID")).collect()
});
static STARTED: LazyLock<RunStarted> = LazyLock::new(|| {
    let started = json!({
        "request": { "action": Action::Deploy, "environment": "production", "actor": actor() },
        "plan": {
            "schema": Plan::SCHEMA,
            "action": Action::Deploy,
            "environment": "production",
            "config_digest": Digest::ZERO,
            "services": [],
            "steps": [],
            "watch": Watch::default(),
            "policy": { "automatic_rollback": false, "rollback_budget": 0, "required_rules": [] },
            "latched": false,
        },
        "owner": owner(0),
    });
    serde_json::from_value(started).expect("the first event of a run")
});

fn actor() -> Actor {
    Actor { name: "ada".to_owned(), kind: ActorKind::Person }
}

fn key(run: u8, effect: u8) -> EffectKey {
    EffectKey::new(format!("{run}/deploy/-/change/{effect}")).expect("a key")
}

pub(super) fn run_id(run: u8) -> RunId {
    RUNS[usize::from(run)]
}

/// The number of a run of the model.
pub(super) fn number(run: RunId) -> u8 {
    (0..8).find(|number| run_id(*number) == run).expect("a run of the model")
}

fn owner(by: u8) -> Owner {
    Owner::Process {
        host: "model".to_owned(),
        boot_id: "model".to_owned(),
        pid: u32::from(by),
        start_time: u64::from(by),
    }
}

/// The process that an owner is.
pub(super) fn process(owner: &Owner) -> usize {
    match owner {
        Owner::Process { pid, .. } => usize::try_from(*pid).expect("a process of the model"),
        Owner::Job { .. } => panic!("no job plays in the model"),
    }
}
