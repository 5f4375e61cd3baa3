//! A probe that reads from a script.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
};

/// Gives each reading of a list once, in order, and then the last one for ever.
///
/// ```
/// use runbook_core::{Health, ports::Probe};
/// use runbook_testkit::ScriptedProbe;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let probe = ScriptedProbe::healths([Health::Healthy, Health::Unhealthy]);
/// assert_eq!(probe.sample().await.unwrap().health, Health::Healthy);
/// assert_eq!(probe.sample().await.unwrap().health, Health::Unhealthy);
/// assert_eq!(probe.sample().await.unwrap().health, Health::Unhealthy);
/// # });
/// ```
#[derive(Debug)]
pub struct ScriptedProbe {
    script: Mutex<VecDeque<Result<Reading, String>>>,
    samples: AtomicU64,
}

impl ScriptedProbe {
    /// These readings; an `Err` is a measurement that failed, with its message. Without any, every measurement fails.
    pub fn new(script: impl IntoIterator<Item = Result<Reading, String>>) -> Self {
        Self { script: Mutex::new(script.into_iter().collect()), samples: AtomicU64::new(0) }
    }

    /// Readings with these healths, 10 ms each; `Unknown` is a measurement that failed.
    pub fn healths(script: impl IntoIterator<Item = Health>) -> Self {
        Self::new(script.into_iter().map(|health| match health {
            Health::Unknown => Err("nobody could measure it".to_owned()),
            health => Ok(Self::reading(health)),
        }))
    }

    /// A reading with this health, as [`ScriptedProbe::healths`] makes them.
    pub fn reading(health: Health) -> Reading {
        Reading { latency_ms: Some(10.0), ..Reading::new(health, format!("the script says {health}")) }
    }

    /// Replaces what is left of the script.
    pub fn set(&self, script: impl IntoIterator<Item = Result<Reading, String>>) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script.into_iter().collect();
    }

    /// How many samples were taken so far.
    pub fn samples(&self) -> u64 {
        self.samples.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Probe for ScriptedProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.samples.fetch_add(1, Ordering::SeqCst);
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        next.unwrap_or_else(|| Err("the script is empty".to_owned())).map_err(ProbeError::new)
    }
}
