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

/// How many samples are dropped in flight, one after another: more than a probe may lose of whatever a dropped one keeps.
const DROPPED: u64 = 32;

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
        match sample(unmeasurable, cases.limit, "one that can measure nothing").await {
            Err(error) => assert!(!error.message.trim().is_empty(), "an error must say why nothing was measured"),
            Ok(reading) => assert_eq!(
                reading.health,
                Health::Unknown,
                "what could not be measured must be an error or unknown, never a verdict: {reading:?}"
            ),
        }
    }
    if let Some(silent) = cases.silent {
        never_healthy(silent, cases.limit, "one of a service that never answers").await;
        drop_in_flight(silent).await;
        never_healthy(silent, cases.limit, "the one after many that were dropped while nobody answered").await;
    }

    drop_in_flight(cases.healthy).await;
    let after =
        measured(cases.healthy, cases.limit, "after many samples that were dropped in flight, the next one").await;
    assert_eq!(
        after.health,
        Health::Healthy,
        "samples dropped in flight must leave nothing behind that changes the next one: {after:?}"
    );

    let samples = (0..8).map(|_| sample(cases.healthy, cases.limit, "one of several at the same time"));
    for reading in futures::future::join_all(samples).await {
        let healthy = matches!(&reading, Ok(reading) if reading.health == Health::Healthy);
        assert!(healthy, "samples taken at the same time must not disturb one another, but one gave {reading:?}");
    }
}

/// Begins many samples and drops each before its end: some as soon as they have begun, some while they wait.
async fn drop_in_flight(probe: &dyn Probe) {
    for nth in 0..DROPPED {
        let mut sample = probe.sample();
        if nth % 4 == 0 {
            let _ = futures::poll!(&mut sample);
        } else {
            // Whether it has ended by then or not, it is dropped.
            let _ = tokio::time::timeout(Duration::from_millis(nth % 4), &mut sample).await;
        }
    }
}

async fn never_healthy(silent: &dyn Probe, limit: Duration, which: &str) {
    if let Ok(reading) = sample(silent, limit, which).await {
        assert_ne!(reading.health, Health::Healthy, "a service that never answers cannot be healthy: {reading:?}");
    }
}

async fn measured(probe: &dyn Probe, limit: Duration, what: &str) -> Reading {
    let reading = match sample(probe, limit, what).await {
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

/// Takes one sample. `which` names it, where it does not end.
async fn sample(probe: &dyn Probe, limit: Duration, which: &str) -> Result<Reading, ProbeError> {
    match tokio::time::timeout(limit, probe.sample()).await {
        Ok(result) => result,
        Err(_) => panic!("a sample must end within its own timeout, but did not within {limit:?}: {which}"),
    }
}
