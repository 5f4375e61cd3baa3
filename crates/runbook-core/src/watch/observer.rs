//! Takes samples of services: all probes of one at once, the worst counts, and never more at the same time than the
//! machine can bear. When a sample is bad, the control probes say whether it is this machine's own network that fails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::MaintenanceSchedule;
use crate::{
    engine::with_causes,
    ports::{Clock, History, HistoryError, Sample},
    registry::BuiltProbe,
    words::{EnvironmentId, Health, Maintenance, Reading, ServiceId},
};

/// The longest that control probes may take.
const CONTROL_DEADLINE: Duration = Duration::from_secs(10);

/// How many samples wait to be written to the history, at most.
const HISTORY_BATCH: usize = 512;

/// One service as it is sampled.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its probes.
    pub probes: Vec<BuiltProbe>,
    /// Whether it is reached over this machine's network at all: a service on the loopback interface is not, and what
    /// control probes find says nothing of it.
    pub over_network: bool,
}

/// `[control]`: probes of what does not depend on the services, over the same network.
#[derive(Debug, Clone, Default)]
pub struct Control {
    /// The probes.
    pub probes: Vec<BuiltProbe>,
    /// How many of them must be healthy; at least 1.
    pub require: usize,
}

/// What an observer is made of.
#[derive(Debug, Clone)]
pub struct ObserverParts {
    /// Which environment.
    pub environment: EnvironmentId,
    /// Each service.
    pub services: BTreeMap<ServiceId, Observed>,
    /// The control probes.
    pub control: Control,
    /// Planned maintenance.
    pub maintenance: MaintenanceSchedule,
    /// The history, where one is kept.
    pub history: Option<Arc<dyn History>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How many probes may be under way at once; at least 1.
    pub concurrency: usize,
}

/// Samples services.
#[derive(Debug)]
pub struct Observer {
    parts: ObserverParts,
    under_way: Semaphore,
    /// The newest answer of the control probes, with when they were asked; held while they are, so that a round of bad
    /// samples asks once.
    control: tokio::sync::Mutex<Option<(Timestamp, Option<String>)>>,
    unwritten: Mutex<Vec<Sample>>,
}

impl Observer {
    /// An observer of these.
    pub fn new(parts: ObserverParts) -> Self {
        Self {
            under_way: Semaphore::new(parts.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            control: tokio::sync::Mutex::new(None),
            unwritten: Mutex::default(),
            parts,
        }
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.parts.clock
    }

    /// The history, where one is kept.
    pub fn history(&self) -> Option<&Arc<dyn History>> {
        self.parts.history.as_ref()
    }

    /// Whether nothing can be measured of a service.
    pub fn is_blind(&self, service: &ServiceId) -> bool {
        self.parts.services.get(service).is_none_or(|observed| observed.probes.is_empty())
    }

    /// The planned maintenance that a service is in.
    pub fn maintenance(&self, service: &ServiceId, now: Timestamp) -> Option<Maintenance> {
        self.parts.maintenance.active(service, now)
    }

    /// One sample of a service: the worst of its probes. It waits its turn when many are under way; that wait is no part
    /// of the latency. A dropped future leaves nothing open.
    pub async fn sample(&self, service: &ServiceId) -> Reading {
        let Some(observed) = self.parts.services.get(service) else {
            return Reading::unknown("it is not configured");
        };
        let begun = self.parts.clock.now();
        let reading = self.worst(&observed.probes).await.unwrap_or_else(|| Reading::unknown("no probe is configured"));
        if !matches!(reading.health, Health::Unhealthy | Health::Unknown)
            || !observed.over_network
            || self.parts.control.probes.is_empty()
        {
            return reading;
        }
        match self.own_network_fault(begun).await {
            None => reading,
            Some(fault) => Reading {
                evidence: format!("{fault}; what seemed to be: {}", reading.evidence),
                health: Health::Unknown,
                latency_ms: None,
                ..reading
            },
        }
    }

    /// All probes at once; of readings that are equally bad, the first probe's. With several probes the certificate that
    /// ends first is kept.
    async fn worst(&self, probes: &[BuiltProbe]) -> Option<Reading> {
        let readings = join_all(probes.iter().map(|built| self.probe(built))).await;
        let ends = readings.iter().filter_map(|reading| reading.certificate_not_after).min();
        let mut worst = readings.into_iter().reduce(|a, b| if a.health.worst(b.health) == a.health { a } else { b })?;
        worst.certificate_not_after = ends;
        Some(worst)
    }

    async fn probe(&self, built: &BuiltProbe) -> Reading {
        // The semaphore is never closed, and its queue is fair: no service starves another.
        let _turn = self.under_way.acquire().await;
        let limit = built.probe.limit();
        match tokio::time::timeout(limit, built.probe.sample()).await {
            Ok(Ok(reading)) => reading,
            Ok(Err(error)) => Reading::unknown(format!("{}: {}", built.kind, with_causes(&error))),
            // A probe that hangs has measured nothing, and takes no other's turn for ever.
            Err(_) => Reading::unknown(format!("{}: the probe itself did not end within {limit:?}", built.kind)),
        }
    }

    /// Why what was measured from here since `begun` says nothing of the services; `None` when this machine's network
    /// works. An answer from before that says nothing of now.
    async fn own_network_fault(&self, begun: Timestamp) -> Option<String> {
        let mut newest = self.control.lock().await;
        if let Some((asked_at, fault)) = &*newest
            && *asked_at >= begun
        {
            return fault.clone();
        }
        let asked_at = self.parts.clock.now();
        // The turns of the services are not waited for: a control probe answers for all of them.
        let control = &self.parts.control;
        let asked = join_all(control.probes.iter().map(|built| async {
            match tokio::time::timeout(CONTROL_DEADLINE, built.probe.sample()).await {
                Ok(Ok(reading)) => (reading.health, reading.evidence),
                Ok(Err(error)) => (Health::Unknown, format!("{}: {}", built.kind, with_causes(&error))),
                Err(_) => (Health::Unknown, format!("{}: no answer in {} s", built.kind, CONTROL_DEADLINE.as_secs())),
            }
        }))
        .await;
        let well = asked.iter().filter(|(health, _)| matches!(health, Health::Healthy | Health::Degraded)).count();
        let fault = (well < control.require.max(1)).then(|| {
            let failed: Vec<&str> = asked
                .iter()
                .filter(|(health, _)| !matches!(health, Health::Healthy | Health::Degraded))
                .map(|(_, evidence)| evidence.as_str())
                .collect();
            format!("this machine's own network fails (control probes: {})", failed.join("; "))
        });
        *newest = Some((asked_at, fault.clone()));
        fault
    }

    /// Puts a sample aside for the history, and writes a full batch of them.
    ///
    /// # Errors
    /// When they could not be kept. They are not tried again: the journal's summary is what lasts.
    pub async fn keep(&self, service: &ServiceId, at: Timestamp, reading: &Reading) -> Result<(), HistoryError> {
        if self.parts.history.is_none() {
            return Ok(());
        }
        let sample = Sample {
            environment: self.parts.environment.clone(),
            service: service.clone(),
            at,
            reading: reading.clone(),
            maintenance: self.maintenance(service, at).is_some(),
        };
        let full = {
            let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
            unwritten.push(sample);
            (unwritten.len() >= HISTORY_BATCH).then(|| std::mem::take(&mut *unwritten))
        };
        match full {
            Some(batch) => self.write(&batch).await,
            None => Ok(()),
        }
    }

    /// Writes what was put aside.
    ///
    /// # Errors
    /// As [`Observer::keep`].
    pub async fn flush(&self) -> Result<(), HistoryError> {
        let batch = std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        self.write(&batch).await
    }

    async fn write(&self, batch: &[Sample]) -> Result<(), HistoryError> {
        match &self.parts.history {
            Some(history) if !batch.is_empty() => history.record(batch).await,
            _ => Ok(()),
        }
    }
}
