//! Port: the stop latch's fallback beside the journal, for an emergency stop that cannot reach it.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::state::Latch;

/// The fallback could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing} the local stop latch at {place}")]
pub struct LocalLatchError {
    /// What was tried, as a verb.
    pub doing: &'static str,
    /// Where.
    pub place: String,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// A latch on this machine alone. Every run checks it beside the journal's; `resume` clears both.
#[async_trait]
pub trait LocalLatch: Debug + Send + Sync {
    /// Sets it. Setting it twice keeps the first.
    ///
    /// # Errors
    /// When it could not be made durable.
    async fn set(&self, latch: &Latch) -> Result<(), LocalLatchError>;

    /// The latch, where it is set.
    ///
    /// # Errors
    /// When it could not be read; callers treat that as set.
    async fn read(&self) -> Result<Option<Latch>, LocalLatchError>;

    /// Lifts it. Lifting what is not set is no error.
    ///
    /// # Errors
    /// When it could not be removed.
    async fn clear(&self) -> Result<(), LocalLatchError>;
}
