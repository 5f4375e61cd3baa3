//! Port: readings over time. A projection that can be rebuilt; never the truth.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    event::Head,
    words::{EnvironmentId, Judgement, Reading, RunId, Series, ServiceId},
};

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
    /// Whether the service was in maintenance then.
    pub maintenance: bool,
}

/// A judgement as the journal keeps it: what is left of a run's samples on a machine that never saw them.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Of which run.
    pub run: RunId,
    /// What it concluded of one service.
    pub judgement: Judgement,
}

/// What is asked of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesQuery {
    /// In which environment.
    pub environment: EnvironmentId,
    /// Of which service.
    pub service: ServiceId,
    /// From when; rounded down to a whole bucket.
    pub from: Timestamp,
    /// Until when, exclusive; minutes after it are no part of the answer.
    pub to: Timestamp,
    /// How many minutes a bucket has: 1, or a multiple of 60 for whole hours (1,440 for days, in UTC).
    pub width_minutes: u32,
}

/// The history could not be written or read. No run fails for that.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HistoryError {
    /// What went wrong, and what mends it.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl HistoryError {
    /// An error without a deeper cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }
}

/// Records and answers readings. Several processes may use one at the same time.
#[async_trait]
pub trait History: Debug + Send + Sync {
    /// Keeps samples, all of them or none. The same sample (environment, service, time) twice counts once.
    ///
    /// # Errors
    /// When they could not be kept.
    async fn record(&self, samples: &[Sample]) -> Result<(), HistoryError>;

    /// Takes in what the journal tells up to `head`. A look counts only for minutes of which no sample is kept; the same
    /// look twice counts once.
    ///
    /// # Errors
    /// When it could not be kept; then `learned` stays where it was.
    async fn learn(&self, environment: &EnvironmentId, looks: &[Look], head: &Head) -> Result<(), HistoryError>;

    /// Up to where the journal was taken in; `None`: nothing of it yet.
    ///
    /// # Errors
    /// When it could not be read.
    async fn learned(&self, environment: &EnvironmentId) -> Result<Option<Head>, HistoryError>;

    /// The samples of a service from `since` on, oldest first, at most `limit`: the newest of them.
    ///
    /// # Errors
    /// When they could not be read; a missing past is an empty answer, never a good one.
    async fn samples(
        &self,
        environment: &EnvironmentId,
        service: &ServiceId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Sample>, HistoryError>;

    /// A service over time. What nobody observed is in it as unobserved.
    ///
    /// # Errors
    /// When it could not be read, or the query is not one.
    async fn series(&self, query: &SeriesQuery) -> Result<Series, HistoryError>;

    /// Adds old samples up and drops what is past its retention. A repeat changes nothing.
    ///
    /// # Errors
    /// When it could not be done; nothing is lost then.
    async fn compact(&self, now: Timestamp) -> Result<(), HistoryError>;
}
