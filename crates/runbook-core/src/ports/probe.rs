//! Port: one measurement of a service.

use std::{
    fmt::{self, Debug},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::words::Reading;

/// A service could not be measured: that is unknown, and never unhealthy.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ProbeError {
    /// Why not, and what mends it.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ProbeError {
    /// An error without a deeper cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }
}

/// Measures one service once. "It is unhealthy" is `Ok`; "it could not be measured" is `Err`.
///
/// It ends within its own timeout, and at the latest within [`Probe::limit`]; it changes nothing, and may be called at any time, also in parallel. A dropped
/// future leaves nothing open.
///
/// ```
/// use runbook_core::{Health, Reading, ports::{Probe, probe_fn}};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let disk = probe_fn("disk", || Box::pin(async {
///     Ok(Reading::new(Health::Healthy, "12 % used"))
/// }));
/// assert_eq!(disk.sample().await.unwrap().health, Health::Healthy);
/// # });
/// ```
#[async_trait]
pub trait Probe: Debug + Send + Sync {
    /// Takes one sample.
    ///
    /// # Errors
    /// [`ProbeError`] when nothing was measured.
    async fn sample(&self) -> Result<Reading, ProbeError>;

    /// The longest that a sample may take, whatever the probe itself does about it; a sample that has not ended by then is
    /// dropped, and nothing was measured. A probe whose own timeout can be longer says so here.
    fn limit(&self) -> Duration {
        Duration::from_secs(60)
    }
}

type Sampler = dyn Fn() -> BoxFuture<'static, Result<Reading, ProbeError>> + Send + Sync;

/// A closure as a probe; made by [`probe_fn`].
pub struct FnProbe {
    name: String,
    sample: Box<Sampler>,
}

impl Debug for FnProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnProbe").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Makes a probe of a closure.
pub fn probe_fn(
    name: impl Into<String>,
    sample: impl Fn() -> BoxFuture<'static, Result<Reading, ProbeError>> + Send + Sync + 'static,
) -> FnProbe {
    FnProbe { name: name.into(), sample: Box::new(sample) }
}

#[async_trait]
impl Probe for FnProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        (self.sample)().await
    }
}
