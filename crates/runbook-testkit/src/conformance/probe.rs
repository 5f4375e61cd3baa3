//! What every probe promises.

use std::time::Duration;

use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
};

/// The same kind of probe in front of different services.
#[derive(Debug, Clone, Copy)]
pub struct ProbeCases<'a> {
    /// In front of a service that does what it should.
    pub healthy: &'a dyn Probe,
    /// In front of a service that answers, but wrongly.
    pub unhealthy: &'a dyn Probe,
    /// Where nothing can be measured, such as an answer that lacks the value looked for; `None` where the kind always
    /// measures something.
    pub unmeasurable: Option<&'a dyn Probe>,
    /// In front of a service that never answers.
    pub silent: Option<&'a dyn Probe>,
    /// Within which each sample has to end: the probes' own timeout, and a little more.
    pub limit: Duration,
}

/// Drives a kind of probe through its contract.
///
/// # Panics
/// At the first broken promise.
pub async fn probe(cases: ProbeCases<'_>) {
    let healthy = measured(cases.healthy, cases.limit, "a healthy service").await;
    assert_eq!(healthy.health, Health::Healthy, "a healthy service must be measured healthy: {healthy:?}");
    let unhealthy =
        measured(cases.unhealthy, cases.limit, "an unhealthy service is a reading, not an error, and").await;
    assert_eq!(unhealthy.health, Health::Unhealthy, "an unhealthy service must be measured unhealthy: {unhealthy:?}");

    if let Some(unmeasurable) = cases.unmeasurable {
        match sample(unmeasurable, cases.limit).await {
            Err(error) => assert!(!error.message.trim().is_empty(), "an error must say why nothing was measured"),
            Ok(reading) => assert_eq!(
                reading.health,
                Health::Unknown,
                "what could not be measured must be an error or unknown, never a verdict: {reading:?}"
            ),
        }
    }
    if let Some(silent) = cases.silent {
        if let Ok(reading) = sample(silent, cases.limit).await {
            assert_ne!(reading.health, Health::Healthy, "a service that never answers cannot be healthy: {reading:?}");
        }
        // Dropped in the middle, it must leave nothing behind that stops the next sample.
        let mut dropped = silent.sample();
        let _ = futures::poll!(&mut dropped);
        drop(dropped);
    }

    let together = futures::future::join_all((0..8).map(|_| sample(cases.healthy, cases.limit))).await;
    for reading in together {
        let healthy = matches!(&reading, Ok(reading) if reading.health == Health::Healthy);
        assert!(healthy, "samples taken at the same time must not disturb one another, but one gave {reading:?}");
    }
}

async fn measured(probe: &dyn Probe, limit: Duration, what: &str) -> Reading {
    let reading = match sample(probe, limit).await {
        Ok(reading) => reading,
        Err(error) => panic!("{what} must be measured, but gave {error:?}"),
    };
    assert!(!reading.evidence.trim().is_empty(), "a reading must say what was asked and what came back");
    let phases = reading.phases;
    let times =
        [reading.latency_ms, phases.dns_ms, phases.connect_ms, phases.tls_ms, phases.first_byte_ms, phases.body_ms];
    for time in times.into_iter().flatten() {
        assert!(time.is_finite() && time >= 0.0, "a time must be a number of milliseconds: {reading:?}");
    }
    reading
}

async fn sample(probe: &dyn Probe, limit: Duration) -> Result<Reading, ProbeError> {
    match tokio::time::timeout(limit, probe.sample()).await {
        Ok(result) => result,
        Err(_) => panic!("a sample must end within its own timeout, but did not within {limit:?}"),
    }
}
