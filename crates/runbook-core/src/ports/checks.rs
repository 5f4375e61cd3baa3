//! Port: what others found out about a commit, such as the CI of a forge.

use std::fmt::{self, Debug};

use async_trait::async_trait;

use crate::words::CommitId;

/// What a check says of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// It ran to its end and found nothing against the commit.
    Passed,
    /// It ran and found something, or was ended before it could pass.
    Failed,
    /// It has not ended yet.
    Pending,
    /// It says nothing that anybody could go by: it was skipped, or its words are not known here.
    Unknown,
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        })
    }
}

/// One check of a commit; of reruns, the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, as its owner gave it: `build`, `test / unit`. Two sources may use the same one; then all of them count.
    pub name: String,
    /// What it says.
    pub state: CheckState,
    /// What it said in its own words, such as `timed_out`; text from outside.
    pub said: String,
}

/// The checks could not be read whole. That is never the same as "there are none".
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ChecksError {
    /// What went wrong, and what mends it.
    pub message: String,
    /// Whether the same call may work later (rate limit, outage).
    pub retryable: bool,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Tells what was checked of a commit. It looks once; waiting is the caller's.
#[async_trait]
pub trait Checks: Debug + Send + Sync {
    /// Every check of a commit. Changes nothing; ends within a deadline of its own.
    ///
    /// # Errors
    /// [`ChecksError`] when they could not be read, or not all of them.
    async fn of(&self, commit: &CommitId) -> Result<Vec<Check>, ChecksError>;
}
