//! Port: deployments, as a forge shows them to people and hands them to others.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{
    engine::Permit,
    event::EffectResult,
    words::{CommitId, DeploymentState, DeploymentTask, EnvironmentId, LeftBehind, ReleaseId, RunId, ServiceId},
};

/// What is to be known of one deployment. Run, task and commit together name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentRecord {
    /// The run that deploys.
    pub run: RunId,
    /// What it is for.
    pub task: DeploymentTask,
    /// Where to.
    pub environment: EnvironmentId,
    /// What people call the release.
    pub release: ReleaseId,
    /// Its commit.
    pub commit: CommitId,
    /// The services that it is made live of.
    pub services: Vec<ServiceId>,
    /// How it stands.
    pub state: DeploymentState,
    /// Why, in one line; adapters cut it to what fits.
    pub description: String,
    /// Where people reach the environment, where that is known.
    pub environment_url: Option<String>,
    /// Where its log is, where there is one.
    pub log_url: Option<String>,
    /// The id under which the journal knows the deployment; tried first, run and task are the fallback.
    pub known_id: Option<u64>,
}

/// The deployment as it now stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedDeployment {
    /// Its id.
    pub id: u64,
    /// Whether it had to be made.
    pub created: bool,
}

/// A deployment could not be told. It never holds a run up.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DeploymentError {
    /// What went wrong, and what mends it.
    pub message: String,
    /// What is left of it.
    pub left: LeftBehind,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<&DeploymentError> for EffectResult {
    fn from(error: &DeploymentError) -> Self {
        error.left.into_result(crate::engine::with_causes(error))
    }
}

/// Keeps a forge's deployments of an environment current.
#[async_trait]
pub trait Deployments: Debug + Send + Sync {
    /// Finds the deployment by its id, else by run, task and commit, or makes it, and gives it the state of the record.
    /// Called twice with the same record it leaves one deployment in that state. With
    /// [`DeploymentState::Success`], the earlier deployments of this environment that Runbook made, and all of whose
    /// services this one replaces, become inactive. A dropped future may leave any part of that done; a repeat goes on.
    ///
    /// # Errors
    /// [`DeploymentError`], with what is left behind.
    async fn record(&self, permit: &Permit, record: &DeploymentRecord) -> Result<RecordedDeployment, DeploymentError>;
}
