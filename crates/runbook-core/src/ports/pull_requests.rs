//! Port: pull requests for branches that record a rollback.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{
    engine::Permit,
    event::EffectResult,
    status::RollbackRow,
    words::{EnvironmentId, LeftBehind, Release, RunId},
};

/// A rollback whose branch is to be looked at and merged by people. The adapter turns it into text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackProposal {
    /// The branch, which the forge has already.
    pub branch: String,
    /// The release whose tree it brings back.
    pub to: Release,
    /// The environment that returned.
    pub environment: EnvironmentId,
    /// The run that rolled back.
    pub run: RunId,
    /// The page of the CI run.
    pub run_url: Option<String>,
    /// The ways of the services, why, and what they take back.
    pub rollback: RollbackRow,
}

/// The pull request of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedRollback {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Whether it had to be opened.
    pub created: bool,
}

/// There is no pull request, or nobody knows. It never holds a run up.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PullRequestError {
    /// What went wrong, and what mends it.
    pub message: String,
    /// What is left of it.
    pub left: LeftBehind,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<&PullRequestError> for EffectResult {
    fn from(error: &PullRequestError) -> Self {
        error.left.into_result(crate::engine::with_causes(error))
    }
}

/// Opens pull requests.
#[async_trait]
pub trait PullRequests: Debug + Send + Sync {
    /// Finds the pull request of the branch, whatever its state, or opens one towards the default branch. Called twice it
    /// leaves one; one that people closed stays closed. A list that could not be read is not an empty list.
    ///
    /// # Errors
    /// [`PullRequestError`], with what is left behind.
    async fn propose(&self, permit: &Permit, proposal: &RollbackProposal)
    -> Result<ProposedRollback, PullRequestError>;
}
