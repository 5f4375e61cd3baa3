//! What one measurement found, and latency over several of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Health;

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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// When the certificate that the service showed ends to be valid; `None` when it showed none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_not_after: Option<Timestamp>,
    /// What was asked and what came back, such as `GET http://localhost:8000/health → 200`.
    pub evidence: String,
}

impl Reading {
    /// A reading without latency.
    pub fn new(health: Health, evidence: impl Into<String>) -> Self {
        Self { health, evidence: evidence.into(), ..Self::default() }
    }

    /// How long the service took, where it did what it is for: what comparisons of latency stand on. An error may be fast
    /// or slow, and says nothing of either.
    pub fn answered_ms(&self) -> Option<f64> {
        self.latency_ms.filter(|_| matches!(self.health, Health::Healthy | Health::Degraded))
    }

    /// Nothing was measured, for this reason.
    pub fn unknown(evidence: impl Into<String>) -> Self {
        Self::new(Health::Unknown, evidence)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let latency = Latency::of((1..=20).map(f64::from));
        assert_eq!(latency, Some(Latency { p50: 10.0, p95: 19.0, samples: 20 }));
        assert_eq!(Latency::of([]), None);
        assert_eq!(Latency::of([f64::NAN]), None);
    }
}
