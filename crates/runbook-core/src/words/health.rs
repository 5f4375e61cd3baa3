//! What was measured of a service, and the table that turns it into one operational status.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Release, ServiceId};

/// The health of a service. Ordered from best to worst known, with `Unknown` apart: see [`Health::worst`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Everything expected was measured.
    Healthy,
    /// It answers, but worse than expected.
    Degraded,
    /// It was measured, and it does not do what it should.
    Unhealthy,
    /// Nobody could measure it.
    #[default]
    Unknown,
}

impl Health {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }

    /// The worse of two findings on the same service. A measured fault outweighs a missing measurement;
    /// a missing measurement outweighs anything good, so that no data is never success.
    pub fn worst(self, other: Self) -> Self {
        fn rank(health: Health) -> u8 {
            match health {
                Health::Healthy => 0,
                Health::Degraded => 1,
                Health::Unknown => 2,
                Health::Unhealthy => 3,
            }
        }
        if rank(other) > rank(self) { other } else { self }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How long the parts of one request took, in milliseconds. `None`: that part did not happen or could not be timed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Phases {
    /// Looking up the host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_ms: Option<f64>,
    /// Opening the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// The TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_ms: Option<f64>,
    /// From the request's last byte to the answer's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
    /// Reading the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_ms: Option<f64>,
}

/// What one probe found, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Reading {
    /// What this measurement alone says.
    pub health: Health,
    /// The whole measurement's duration in milliseconds; `None` when nothing answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The parts of it.
    #[serde(default)]
    pub phases: Phases,
    /// What was asked and what came back, such as `GET http://localhost:8000/health → 200`.
    pub evidence: String,
}

/// Latency over several samples, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// The 95th percentile (nearest rank).
    pub p95: f64,
    /// How many samples had a latency.
    pub samples: u32,
}

impl Latency {
    /// Percentiles by nearest rank; `None` without samples. Values that are not finite are left out.
    pub fn of(latencies: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = latencies.into_iter().filter(|l| l.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        // To the microsecond: more digits would claim a precision that no clock here has.
        let round = |ms: f64| (ms * 1e3).round() / 1e3;
        let rank = |p: usize| sorted.get((sorted.len() * p).div_ceil(100).max(1) - 1).copied().map(round);
        Some(Self { p50: rank(50)?, p95: rank(95)?, samples: u32::try_from(sorted.len()).unwrap_or(u32::MAX) })
    }
}

/// What a whole look at a service concluded: one or many samples, and whether the window ran to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Judgement {
    /// The service.
    pub service: ServiceId,
    /// The conclusion.
    pub health: Health,
    /// The release that was live while it was measured, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Whether the planned window was watched from beginning to end. Only then may the release be promoted.
    pub complete: bool,
    /// How many samples were taken.
    pub samples: u32,
    /// How many of them were not healthy.
    pub failures: u32,
    /// Latency over the samples that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// The sample that decided, in words.
    pub evidence: String,
    /// When the last sample was taken; evidence older than its validity counts as unknown.
    pub at: Timestamp,
}

/// The state of the whole system, as the status issue shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationalStatus {
    /// Every service was measured lately, and each is healthy.
    Operational,
    /// Something is worse than it should be, or could not be measured.
    Degraded,
    /// A critical service is measured unhealthy, or everything was stopped.
    Critical,
}

impl OperationalStatus {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "OPERATIONAL",
            Self::Degraded => "DEGRADED",
            Self::Critical => "CRITICAL",
        }
    }

    /// The sign that stands before the word.
    pub fn emoji(self) -> &'static str {
        match self {
            Self::Operational => "✅",
            Self::Degraded => "⚠️",
            Self::Critical => "🔴",
        }
    }
}

impl fmt::Display for OperationalStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What [`operational_status`] looks at, of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusReason<'a> {
    /// What people call the service.
    pub name: &'a str,
    /// Whether the owner calls it critical.
    pub critical: bool,
    /// Its health, with stale evidence already counted as unknown.
    pub health: Health,
}

/// The documented table: worst wins, unknown is never operational, no service at all is not operational.
///
/// | health | critical service | other service |
/// | --- | --- | --- |
/// | healthy | OPERATIONAL | OPERATIONAL |
/// | degraded, unknown | DEGRADED | DEGRADED |
/// | unhealthy | CRITICAL | DEGRADED |
///
/// A set stop latch is CRITICAL. The reasons name each service that is not healthy, worst first.
pub fn operational_status<'a>(
    services: impl IntoIterator<Item = StatusReason<'a>>,
    stopped: bool,
) -> (OperationalStatus, Vec<String>) {
    let mut findings = Vec::new();
    if stopped {
        findings.push((OperationalStatus::Critical, "the stop latch is set".to_owned()));
    }
    let mut seen = 0_usize;
    for service in services {
        seen += 1;
        let status = match (service.health, service.critical) {
            (Health::Healthy, _) => continue,
            (Health::Unhealthy, true) => OperationalStatus::Critical,
            (Health::Unhealthy | Health::Degraded | Health::Unknown, _) => OperationalStatus::Degraded,
        };
        findings.push((status, format!("{} is {}", service.name, service.health)));
    }
    if seen == 0 {
        findings.push((OperationalStatus::Degraded, "no service is configured, so nothing was measured".to_owned()));
    }
    findings.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    let status = findings.first().map_or(OperationalStatus::Operational, |(status, _)| *status);
    let reasons = if findings.is_empty() {
        vec![if seen == 1 {
            "the one service is healthy".to_owned()
        } else {
            format!("all {seen} services are healthy")
        }]
    } else {
        findings.into_iter().map(|(_, reason)| reason).collect()
    };
    (status, reasons)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_health() -> impl Strategy<Value = Health> {
        prop_oneof![Just(Health::Healthy), Just(Health::Degraded), Just(Health::Unhealthy), Just(Health::Unknown)]
    }

    proptest! {
        /// Worst wins; unknown is never operational; adding a service never makes things look better.
        #[test]
        fn status_table(services in proptest::collection::vec((any::<bool>(), any_health()), 0..8), stopped: bool) {
            let view = |s: &[(bool, Health)]| {
                let reasons: Vec<_> =
                    s.iter().map(|(critical, health)| StatusReason { name: "s", critical: *critical, health: *health }).collect();
                operational_status(reasons, stopped).0
            };
            let status = view(&services);
            let all_healthy = !services.is_empty() && services.iter().all(|(_, h)| *h == Health::Healthy);
            prop_assert_eq!(status == OperationalStatus::Operational, all_healthy && !stopped);
            let down = services.iter().any(|(c, h)| *c && *h == Health::Unhealthy);
            prop_assert_eq!(status == OperationalStatus::Critical, down || stopped);
            if services.len() > 1 {
                prop_assert!(view(&services[1..]) <= status);
            }
        }

        #[test]
        fn worst_is_commutative_and_never_invents(a in any_health(), b in any_health()) {
            prop_assert_eq!(a.worst(b), b.worst(a));
            prop_assert!(a.worst(b) == a || a.worst(b) == b);
            prop_assert_eq!(a.worst(b) == Health::Healthy, a == Health::Healthy && b == Health::Healthy);
        }
    }

    #[test]
    fn percentiles_by_nearest_rank() {
        let latency = Latency::of((1..=20).map(f64::from));
        assert_eq!(latency, Some(Latency { p50: 10.0, p95: 19.0, samples: 20 }));
        assert_eq!(Latency::of([]), None);
        assert_eq!(Latency::of([f64::NAN]), None);
    }
}
