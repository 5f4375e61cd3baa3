//! Port: the append-only stream of events of one environment.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;

use crate::{
    event::{ChainError, Encoded, Head, Stored},
    state::{EnvironmentState, Snapshot},
};

/// The journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else appended first. Replay, check again, encode again, append again.
    #[error("another run appended first: the journal is at event {}", actual.seq)]
    Conflict {
        /// The head as it is.
        actual: Head,
    },
    /// The stored events do not hold together.
    #[error("{place} is damaged")]
    Damaged {
        /// Where.
        place: String,
        /// How.
        #[source]
        source: ChainError,
    },
    /// It could not be reached.
    #[error("failed to {doing} {place}")]
    Unreachable {
        /// What was tried, as a verb: `read`, `lock`, `append to`.
        doing: &'static str,
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// One environment's journal. Append is a compare-and-swap on the head, so that lock, latch and epoch, which are all
/// folds of the events, need no other mutual exclusion.
#[async_trait]
pub trait Journal: Debug + Send + Sync {
    /// The fold of everything up to the newest event, where the journal keeps it: opening then costs the same whatever the
    /// history. `None` makes the reader replay all of it.
    ///
    /// # Errors
    /// As [`replay`](Self::replay).
    async fn snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        Ok(None)
    }

    /// The events after `after`, oldest first, with the head they lead to. The chain is checked on the way.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the chain does not hold, also when `after` is no longer part of it.
    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError>;

    /// Appends a batch, whole or not at all, when the head still is `expected`. Once it returns, the batch is durable:
    /// it survives SIGKILL, and what a power cut may lose is written in the adapter's documentation. `state` is the fold
    /// with this batch, for journals that keep it.
    ///
    /// # Errors
    /// [`JournalError::Conflict`] when the head is another one; nothing was appended then.
    async fn append(&self, batch: &Encoded, expected: Head, state: &EnvironmentState) -> Result<(), JournalError>;

    /// Ends the volume and begins the next one, where the journal has volumes: a machine that comes later reads only what
    /// follows, and the old chain stays where it is. Returns where the new one is; `None` where there are no volumes.
    ///
    /// # Errors
    /// As [`append`](Self::append); a repeat ends the volume that was just begun.
    async fn start_volume(&self) -> Result<Option<String>, JournalError> {
        Ok(None)
    }

    /// How long a run that only waits leaves between two looks at the journal. A look at a remote is a request.
    fn pause_between_looks(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Where it is, for people.
    fn place(&self) -> String;
}
