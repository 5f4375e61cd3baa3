//! Port: readings over time. A projection that can be rebuilt; never the truth.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::words::{EnvironmentId, Reading, ServiceId};

/// A reading with its place and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// In which environment.
    pub environment: EnvironmentId,
    /// Of which service.
    pub service: ServiceId,
    /// When.
    pub at: Timestamp,
    /// What was found.
    pub reading: Reading,
}

/// The history could not be written or read. No run fails for that.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HistoryError(pub String);

/// Records and answers readings.
#[async_trait]
pub trait History: Debug + Send + Sync {
    /// Keeps samples. The same sample twice counts once.
    ///
    /// # Errors
    /// When they could not be kept.
    async fn record(&self, samples: &[Sample]) -> Result<(), HistoryError>;

    /// The samples of a service from `since` on, oldest first.
    ///
    /// # Errors
    /// When they could not be read; a missing past is an empty answer, never a good one.
    async fn samples(
        &self,
        environment: &EnvironmentId,
        service: &ServiceId,
        since: Timestamp,
    ) -> Result<Vec<Sample>, HistoryError>;
}
