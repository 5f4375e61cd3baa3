//! Leave to do one effect. Only the ledger makes permits, after the intent is durable.

use std::{fmt, sync::Arc};

use super::{EngineError, Ledger};
use crate::{
    plan::Access,
    words::{EffectKey, RunId},
};

/// Leave to do one effect: its intent is in the journal. It carries the idempotency key.
pub struct Permit {
    pub(super) key: EffectKey,
    pub(super) epoch: u64,
    pub(super) access: Access,
    pub(super) ledger: Arc<Ledger>,
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("key", &self.key).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Permit {
    /// The idempotency key: the same key means the same effect, also after a crash.
    pub fn key(&self) -> &EffectKey {
        &self.key
    }

    /// The run that the effect belongs to.
    pub fn run(&self) -> RunId {
        self.ledger.run()
    }

    /// Looks at latch and fence once more. An adapter whose effect has several parts asks before the one that cannot
    /// be taken back, so that an emergency stop in between still holds.
    ///
    /// # Errors
    /// [`Refusal`] when the effect must not go on.
    pub async fn recheck(&self) -> Result<(), Refusal> {
        self.ledger.check(self.access, self.epoch).await
    }
}

/// Why an effect must not begin. Nothing was changed by it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The stop latch is set.
    #[error("the stop latch is set: {0}; a person lifts it with `runbook resume --reason …`")]
    Latched(String),
    /// Another run has taken over since.
    #[error("another run has taken over (epoch {current}, this run has {mine})")]
    Fenced {
        /// This run's epoch.
        mine: u64,
        /// The fence.
        current: u64,
    },
    /// Another process has taken this run up: a later job of it, or a recovery.
    #[error("another process has taken up run {0}")]
    TakenUp(RunId),
    /// The run does not hold the lock.
    #[error("this run does not hold the lock of the environment")]
    NoLock,
    /// The stage says that it only looks, or that it only tells people.
    #[error("a stage that only looks or tells asked for leave to {0}")]
    ReadOnly(String),
    /// The run was asked to end.
    #[error("the run was asked to end")]
    Cancelled,
    /// The intent could not be made durable.
    #[error("the intent could not be written down")]
    NotDurable(#[source] EngineError),
}

/// An effect did not begin, or failed.
#[derive(Debug, thiserror::Error)]
pub enum EffectError<E: std::error::Error + 'static> {
    /// It did not begin.
    #[error(transparent)]
    Refused(Refusal),
    /// It failed.
    #[error(transparent)]
    Failed(E),
    /// It was done, but nobody can read that: the journal failed after it. Its end counts as unknown.
    #[error("it was done, but that could not be written down")]
    NotRecorded(#[source] EngineError),
}
