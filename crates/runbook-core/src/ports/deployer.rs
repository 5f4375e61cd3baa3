//! Port: make releases live, and stop services.

use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    engine::Permit,
    event::{EffectResult, Landed},
    words::{EffectKey, EnvironmentId, LeftBehind, Live, Release, ServiceId},
};

/// Which release of which service, where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The service.
    pub service: ServiceId,
    /// The release.
    pub release: Release,
    /// The environment.
    pub environment: EnvironmentId,
}

/// A release is live.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Deployed {
    /// What is worth knowing, such as a process id or an address; kept in the journal.
    pub detail: Value,
}

/// Whether an order could be carried out now, found out without changing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsal {
    /// It looks possible; the words say what was checked.
    Possible(String),
    /// It is not possible; the words say why and what mends it.
    Impossible(String),
    /// This deployer cannot tell.
    Untested(String),
}

/// A deployer could not do, or could not tell, what it was asked; `left` says what that leaves behind.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DeployError {
    /// What went wrong, and what mends it.
    pub message: String,
    /// What is left of it.
    pub left: LeftBehind,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl DeployError {
    /// An error with this end and no deeper cause.
    pub fn new(left: LeftBehind, message: impl Into<String>) -> Self {
        Self { message: message.into(), left, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl From<&DeployError> for EffectResult {
    fn from(error: &DeployError) -> Self {
        error.left.into_result(crate::engine::with_causes(error))
    }
}

/// Makes releases live. Each method is idempotent by the permit's key: the same key twice does the thing once.
///
/// A dropped future may leave the effect anywhere between not begun and done; [`Deployer::state`] finds out.
#[async_trait]
pub trait Deployer: Debug + Send + Sync {
    /// What is live of a service now, measured and not remembered.
    ///
    /// # Errors
    /// When it could not be asked. "Nobody can know" is `Ok(Live::Unknown)`.
    async fn live(&self, service: &ServiceId) -> Result<Live, DeployError>;

    /// Whether the order could be carried out now. Changes nothing; asked before a deploy about the way there and the way back.
    ///
    /// # Errors
    /// When it could not be found out.
    async fn rehearse(&self, order: &Order) -> Result<Rehearsal, DeployError>;

    /// Makes a release live. It returns once the release runs; whether it is healthy, the monitor finds out.
    ///
    /// # Errors
    /// [`DeployError`], with what is left behind.
    async fn deploy(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError>;

    /// Makes a release live again that was live before. By default the same as a deploy.
    ///
    /// # Errors
    /// [`DeployError`], with what is left behind.
    async fn activate(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        self.deploy(permit, order).await
    }

    /// Stops a service, and returns once it is known to be down. A stopped service stays stopped: that is no error.
    ///
    /// # Errors
    /// [`DeployError`], with what is left behind.
    async fn stop(&self, permit: &Permit, service: &ServiceId) -> Result<Deployed, DeployError>;

    /// After a crash: whether the effect of this key happened. By default it compares what is live with the order,
    /// which proves that a release is live but never that an effect did not begin.
    ///
    /// # Errors
    /// When it could not be asked.
    async fn state(&self, key: &EffectKey, service: &ServiceId, intended: &Live) -> Result<Landed, DeployError> {
        let _ = key;
        Ok(match (self.live(service).await?, intended) {
            (Live::Release(live), Live::Release(intended)) if live.same_as(intended) => Landed::Happened,
            (Live::Stopped, Live::Stopped) => Landed::Happened,
            _ => Landed::Unknown,
        })
    }
}
