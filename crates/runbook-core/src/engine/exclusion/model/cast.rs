//! Who plays in the model, where each of them stands, and what it asks for next. This is what `execute`, `recovery` and
//! `lock` do between two questions to the journal, as short as it can be told.

use super::{
    super::{Move, Standing},
    Scene,
    journal::{self, Fact, Journal, Settled},
};
use crate::words::Action;

/// What a process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Deploy,
    /// An emergency stop.
    Stop,
    /// A person lifts the latch.
    Resume,
    /// Takes up a run whose owner is over, and goes on with it.
    Recover,
    /// The same with another configuration: it settles what is open, and ends the run.
    Report,
    /// A person takes the lock away from a run.
    Unlock,
    /// A person takes the lock, and gives it back.
    Keep,
}

impl Role {
    /// What the run is for that it begins, where it begins one.
    fn action(self) -> Option<Action> {
        match self {
            Self::Deploy => Some(Action::Deploy),
            Self::Stop => Some(Action::EmergencyStop),
            Self::Resume => Some(Action::Resume),
            Self::Recover | Self::Report | Self::Unlock | Self::Keep => None,
        }
    }

    /// Whether it looks for what others left.
    pub(super) fn looks(self) -> bool {
        matches!(self, Self::Recover | Self::Report | Self::Unlock)
    }

    /// Whether it works for a run, and so leaves something behind when it dies.
    pub(super) fn runs(self) -> bool {
        !matches!(self, Self::Unlock | Self::Keep)
    }
}

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Waiting,
    TakingUp {
        seen: u64,
    },
    /// The outside world was asked about what is open; the answer is not written down.
    Settling(Settled),
    /// The same, of a run that is about to be closed.
    Closing {
        run: u8,
        seen: u64,
        settled: Option<Settled>,
    },
    Locking,
    Stopping,
    Lifting,
    Intending(u8),
    /// The intent is written down; the effect has not happened.
    Acting(u8),
    /// The effect has happened; that is not written down.
    Telling(u8),
    Freeing {
        run: u8,
        seen: u64,
    },
    Leaving,
    /// It writes nothing any more.
    Gone,
}

/// A process: what it does, and what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) role: Role,
    pub(super) place: Place,
    /// Which run it works for.
    pub(super) run: u8,
    /// How far it has read the journal.
    pub(super) read: usize,
    pub(super) epoch: u64,
    pub(super) dead: bool,
}

/// The journal, the processes and the outside world.
#[derive(Debug, Clone, PartialEq, Hash)]
pub(super) struct State {
    pub(super) journal: Journal,
    pub(super) cast: Vec<Process>,
    /// Each effect that happened, as often as it did.
    pub(super) happened: Vec<(u8, u8)>,
    /// How many processes may still die.
    pub(super) crashes: u8,
}

impl State {
    fn happened(&self, run: u8, effect: u8) -> bool {
        self.happened.contains(&(run, effect))
    }

    /// Whether the owner of this run, as the journal has it, is dead; without an open run, there is none.
    pub(super) fn owner_is_dead(&self, head: usize, run: u8) -> bool {
        let open = self.journal.world(head).open_runs.get(&journal::run_id(run));
        open.is_some_and(|open| self.cast[journal::process(&open.owner)].dead)
    }
}

impl Scene {
    /// Who asks, as the ledger would say it.
    pub(super) fn standing(&self, state: &State, process: &Process) -> Standing {
        let begun = state.journal.until(process.read).find(|record| is_start(record.fact, record.run, process.run));
        Standing {
            run: journal::run_id(process.run),
            begun: begun.map_or(process.epoch, |record| record.epoch),
            epoch: process.epoch,
            stops: self.cast[usize::from(process.run)] == Role::Stop,
        }
    }

    /// What a process asks the journal for next.
    pub(super) fn wanted(&self, state: &State, process: &Process) -> Option<Move> {
        match process.place {
            Place::Waiting => match process.role {
                Role::Deploy | Role::Stop => Some(Move::Begin),
                // Nobody resumes what is not stopped.
                Role::Resume => state.journal.now().latch.is_some().then_some(Move::Begin),
                Role::Keep => Some(Move::Hold),
                Role::Recover | Role::Report | Role::Unlock => None,
            },
            Place::TakingUp { seen } => Some(Move::TakeUp { seen }),
            Place::Closing { run, seen, .. } => Some(Move::Close { run: journal::run_id(run), seen }),
            Place::Locking => Some(Move::Lock),
            Place::Stopping => Some(Move::Stop),
            Place::Lifting => {
                let begun = state.journal.all().position(|record| is_start(record.fact, record.run, process.run))?;
                Some(Move::Lift { asked: journal::at(begun + 1) })
            }
            Place::Intending(_) => Some(Move::Intend),
            Place::Freeing { seen, .. } => Some(Move::Free { seen }),
            Place::Settling(_) | Place::Telling(_) | Place::Leaving => Some(Move::Tell),
            Place::Acting(_) | Place::Gone => None,
        }
    }

    /// What a move writes.
    pub(super) fn fact(&self, process: &Process, wanted: Move) -> Fact {
        match (wanted, process.place) {
            (Move::Begin, _) => Fact::Started(process.role.action().expect("it begins a run")),
            (Move::TakeUp { .. }, _) => Fact::Continued,
            (Move::Lock, _) => Fact::Locked,
            (Move::Stop, _) => Fact::Latched,
            (Move::Lift { .. }, _) => Fact::Lifted,
            (Move::Hold, _) => Fact::Held,
            (Move::Free { .. }, _) => Fact::Freed,
            (Move::Intend, Place::Intending(effect)) => Fact::Intended(effect),
            (Move::Close { .. }, Place::Closing { run, settled, .. }) => Fact::Abandoned { run, settled },
            (Move::Tell, Place::Settling(settled)) => Fact::Settled(settled),
            (Move::Tell, Place::Telling(effect)) => Fact::Done(effect),
            (Move::Tell, Place::Leaving) => Fact::Ended,
            (wanted, place) => panic!("{wanted:?} is nothing to ask for at {place:?}"),
        }
    }

    /// Where a process stands once its move is written down.
    pub(super) fn after(&self, state: &State, process: &Process, wanted: Move) -> Place {
        match (wanted, process.place) {
            (Move::TakeUp { .. }, _) => match self.settle(state, process, process.run) {
                Some(settled) => Place::Settling(settled),
                None => self.goes_on(state, process),
            },
            (Move::Begin, _) | (Move::Tell, Place::Settling(_)) => self.goes_on(state, process),
            (Move::Lock | Move::Stop, _) | (Move::Tell, Place::Telling(_)) => self.next_effect(state, process),
            (Move::Intend, Place::Intending(effect)) => Place::Acting(effect),
            (Move::Lift { .. }, _) => Place::Leaving,
            (Move::Hold, _) => Place::Freeing { run: process.run, seen: process.epoch },
            (Move::Free { .. }, Place::Freeing { run, .. }) => self.closing(state, process, run).unwrap_or(Place::Gone),
            (Move::Close { .. }, _) if process.role == Role::Unlock => Place::Gone,
            (Move::Close { .. }, _) => self.goes_on(state, process),
            _ => Place::Gone,
        }
    }

    /// Where a process stands that was refused its move.
    pub(super) fn refused(&self, state: &State, process: &Process, wanted: Move) -> Place {
        match wanted {
            Move::Close { .. } if process.role != Role::Unlock => self.goes_on(state, process),
            // The run ends, and that is told.
            Move::Lock | Move::Intend | Move::Lift { .. } => Place::Leaving,
            _ => Place::Gone,
        }
    }

    /// What is to be done once a run has begun, or was taken up: first, what is over is closed.
    fn goes_on(&self, state: &State, process: &Process) -> Place {
        let role = self.cast[usize::from(process.run)];
        if process.role == Role::Report {
            return Place::Leaving;
        }
        if role != Role::Stop
            && let Some(run) = self.abandoned(state, process)
            && let Some(closing) = self.closing(state, process, run)
        {
            return closing;
        }
        let has = |fact: Fact| state.journal.until(process.read).any(|r| r.run == process.run && r.fact == fact);
        match role {
            Role::Stop if !has(Fact::Latched) => Place::Stopping,
            Role::Resume if has(Fact::Lifted) => Place::Leaving,
            Role::Resume => Place::Lifting,
            _ => self.next_effect(state, process),
        }
    }

    /// Another run whose owner is over.
    fn abandoned(&self, state: &State, process: &Process) -> Option<u8> {
        let open = state.journal.world(process.read).open_runs.keys().map(|run| journal::number(*run));
        open.filter(|run| *run != process.run).find(|run| state.owner_is_dead(process.read, *run))
    }

    /// The outside world is asked before a run is closed.
    fn closing(&self, state: &State, process: &Process, run: u8) -> Option<Place> {
        let open = state.journal.world(process.read).open_runs.get(&journal::run_id(run))?;
        Some(Place::Closing { run, seen: open.epoch, settled: self.settle(state, process, run) })
    }

    /// What the outside world says of the effect that a run left open.
    fn settle(&self, state: &State, process: &Process, run: u8) -> Option<Settled> {
        let effect = state.journal.until(process.read).fold(None::<u8>, |open, record| match record.fact {
            Fact::Intended(effect) if record.run == run => Some(effect),
            fact => open.filter(|effect| ended(fact, record.run, run, *effect).is_none()),
        })?;
        Some(Settled { effect, happened: state.happened(run, effect) })
    }

    /// The first effect of the run that is not known to have happened; an emergency stop needs no lock for it.
    fn next_effect(&self, state: &State, process: &Process) -> Place {
        let world = state.journal.world(process.read);
        let role = self.cast[usize::from(process.run)];
        let effects = match role {
            Role::Deploy => self.changes,
            Role::Stop => self.stops,
            _ => 0,
        };
        let is_done = |effect: u8| {
            let mut records = state.journal.until(process.read);
            records.any(|record| ended(record.fact, record.run, process.run, effect) == Some(true))
        };
        let Some(effect) = (0..effects).find(|effect| !is_done(*effect)) else { return Place::Leaving };
        // A run that was closed meanwhile has its verdict.
        if !world.open_runs.contains_key(&journal::run_id(process.run)) {
            return Place::Leaving;
        }
        let holds_it = world.lock.as_ref().is_some_and(|lock| lock.run == journal::run_id(process.run));
        if role == Role::Stop || holds_it { Place::Intending(effect) } else { Place::Locking }
    }
}

/// Whether this is the first event of a run.
fn is_start(fact: Fact, by: u8, run: u8) -> bool {
    by == run && matches!(fact, Fact::Started(_))
}

/// Whether a record of the run `by` says how an effect of `run` ended: it happened, or it did not.
fn ended(fact: Fact, by: u8, run: u8, effect: u8) -> Option<bool> {
    match fact {
        Fact::Done(done) if by == run && done == effect => Some(true),
        Fact::Settled(settled) if by == run && settled.effect == effect => Some(settled.happened),
        Fact::Abandoned { run: closed, settled: Some(settled) } if closed == run && settled.effect == effect => {
            Some(settled.happened)
        }
        _ => None,
    }
}
