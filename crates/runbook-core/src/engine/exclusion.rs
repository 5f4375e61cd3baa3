//! Who may do what: the one rule of lock, latch, fence and takeover. Pure, and asked of the very world that is then
//! appended to; whoever loses the race for an append asks again.
//!
//! `model` plays it through with every order of a few processes, over the real fold.

#[cfg(test)]
mod model;

use jiff::Timestamp;

use crate::{
    state::{EnvironmentState, Latch, Lock},
    words::{Owner, RunId},
};

/// What a process asks the journal for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// Begin a run.
    Begin,
    /// Take up a run, which had this epoch when its owner was found to be over.
    TakeUp { seen: u64 },
    /// Take the lock for a run.
    Lock,
    /// Begin an effect that changes services.
    Intend,
    /// Set the stop latch.
    Stop,
    /// Lift the stop latch that was set when somebody asked for that.
    Lift { asked: Timestamp },
    /// Close another run, which had this epoch when its owner was found to be over.
    Close { run: RunId, seen: u64 },
    /// Take the lock for a person.
    Hold,
    /// Take the lock away from whoever had it with this epoch.
    Free { seen: u64 },
    /// Write down what happened.
    Tell,
}

impl Move {
    /// Whether whoever makes it has a new epoch from then on.
    pub(super) fn raises_epoch(self) -> bool {
        match self {
            Self::Begin
            | Self::TakeUp { .. }
            | Self::Lock
            | Self::Stop
            | Self::Lift { .. }
            | Self::Hold
            | Self::Free { .. } => true,
            Self::Intend | Self::Close { .. } | Self::Tell => false,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// For which run.
    pub(super) run: RunId,
    /// The epoch in which that run began: it was planned in the world of that moment.
    pub(super) begun: u64,
    /// The epoch of the process that asks; 0 while it has none.
    pub(super) epoch: u64,
    /// Whether the run is an emergency stop.
    pub(super) stops: bool,
}

impl Standing {
    /// Whether another process has taken the run up since; with no epoch yet, nobody has.
    fn is_taken_up(&self, world: &EnvironmentState) -> bool {
        self.epoch > 0 && world.open_runs.get(&self.run).is_some_and(|open| open.epoch > self.epoch)
    }
}

/// Why a move is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Bar<'w> {
    /// The run that it is about has ended, or never began.
    #[error("it has ended")]
    NotOpen,
    /// Somebody was faster.
    #[error("{0} has taken it up")]
    TakenUpBy(&'w Owner),
    /// The run goes on elsewhere.
    #[error("another process has taken this run up")]
    TakenUp,
    /// The run was closed, or ended by somebody else.
    #[error("another process has ended this run")]
    Ended,
    /// The lock is not free.
    #[error("{}", .0.held())]
    Held(&'w Lock),
    /// The lock is another one than the one that was to be taken away.
    #[error("meanwhile {}", .0.held())]
    HeldSince(&'w Lock),
    /// There is no lock to take away.
    #[error("the lock is free by now")]
    Free,
    /// The run was planned in another world.
    #[error("another run has changed the environment since this one was planned; ask again")]
    Changed,
    /// The stop that would be lifted is not the one that was asked about.
    #[error("another stop was set meanwhile: {}", .0.reason)]
    StoppedSince(&'w Latch),
    /// The stop latch is set.
    #[error("the stop latch is set: {}", .0.reason)]
    Latched(&'w Latch),
    /// Another run, or another process of this one, has taken over.
    #[error("another run has taken over")]
    Fenced,
    /// The run does not hold the lock.
    #[error("this run does not hold the lock")]
    NoLock,
}

/// Whether a move may be made in this world.
pub(super) fn allowed<'w>(wanted: Move, mine: &Standing, world: &'w EnvironmentState) -> Result<(), Bar<'w>> {
    match wanted {
        Move::Begin | Move::Stop => Ok(()),
        Move::TakeUp { seen } => is_as_seen(world, mine.run, seen),
        Move::Close { run, seen } => is_as_seen(world, run, seen),
        Move::Lock => may_lock(mine, world),
        Move::Intend => may_begin(mine, world),
        Move::Lift { asked } => match &world.latch {
            Some(latch) if latch.since > asked => Err(Bar::StoppedSince(latch)),
            _ => Ok(()),
        },
        Move::Hold => world.lock.as_ref().map_or(Ok(()), |lock| Err(Bar::Held(lock))),
        Move::Free { seen } => match &world.lock {
            Some(now) if now.epoch == seen => Ok(()),
            Some(now) => Err(Bar::HeldSince(now)),
            None => Err(Bar::Free),
        },
        Move::Tell if mine.is_taken_up(world) => Err(Bar::TakenUp),
        Move::Tell => Ok(()),
    }
}

/// Whether a run is still open, and nobody has taken it up since it had this epoch.
fn is_as_seen(world: &EnvironmentState, run: RunId, seen: u64) -> Result<(), Bar<'_>> {
    match world.open_runs.get(&run) {
        Some(open) if open.epoch == seen => Ok(()),
        Some(open) => Err(Bar::TakenUpBy(&open.owner)),
        None => Err(Bar::NotOpen),
    }
}

/// Whoever takes a run up has a newer epoch, and yet it was planned in the world in which it began.
fn may_lock<'w>(mine: &Standing, world: &'w EnvironmentState) -> Result<(), Bar<'w>> {
    if mine.is_taken_up(world) {
        return Err(Bar::TakenUp);
    }
    if let Some(lock) = &world.lock {
        return Err(Bar::Held(lock));
    }
    if world.fence > mine.begun {
        return Err(Bar::Changed);
    }
    // Nobody looks for the lock of a run that is not open: it would stay for ever.
    if !world.open_runs.contains_key(&mine.run) {
        return Err(Bar::Ended);
    }
    Ok(())
}

fn may_begin<'w>(mine: &Standing, world: &'w EnvironmentState) -> Result<(), Bar<'w>> {
    // Two people who stop at once both stop.
    if mine.stops && world.latch.is_some() {
        return Ok(());
    }
    if world.fence > mine.epoch || mine.is_taken_up(world) {
        return Err(Bar::Fenced);
    }
    if mine.stops {
        return Ok(());
    }
    if let Some(latch) = &world.latch {
        return Err(Bar::Latched(latch));
    }
    if world.lock.as_ref().is_none_or(|lock| lock.run != mine.run) {
        return Err(Bar::NoLock);
    }
    Ok(())
}
