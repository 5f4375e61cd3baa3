//! How a service did over a stretch of time: what the history answers and every chart is drawn from.
//!
//! The unit of observation is the minute. A minute in which nothing was measured is unobserved: it counts neither as up
//! nor as down, and is shown as its own figure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ServiceId;

/// Latency over many samples, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// How many samples had a latency.
    pub samples: u64,
}

/// What was seen of a service in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Bucket {
    /// When it begins.
    pub start: Timestamp,
    /// How many minutes it has; those that are still to come are left out.
    pub minutes: u32,
    /// In how many of them something was measured, maintenance left out.
    pub observed: u32,
    /// How many of the observed minutes the service was up (healthy or degraded). A minute with good and bad
    /// measurements counts by their share.
    pub up: f64,
    /// In how many minutes it was in maintenance.
    pub maintenance: u32,
    /// How many samples there were, maintenance and those that measured nothing included.
    pub samples: u64,
    /// How many of them were unhealthy.
    pub unhealthy: u64,
    /// How many of them were degraded.
    pub degraded: u64,
    /// How many of them measured nothing.
    pub unknown: u64,
    /// Latency of the samples that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Quantiles>,
}

impl Bucket {
    /// A bucket in which nothing was seen yet.
    pub fn empty(start: Timestamp, minutes: u32) -> Self {
        Self {
            start,
            minutes,
            observed: 0,
            up: 0.0,
            maintenance: 0,
            samples: 0,
            unhealthy: 0,
            degraded: 0,
            unknown: 0,
            latency_ms: None,
        }
    }

    /// The share of the observed minutes that the service was up, from 0 to 1; `None` when nothing was observed.
    pub fn uptime(&self) -> Option<f64> {
        (self.observed > 0).then(|| (self.up / f64::from(self.observed)).clamp(0.0, 1.0))
    }

    /// The share of all minutes, maintenance left out, that were observed, from 0 to 1.
    pub fn coverage(&self) -> f64 {
        match self.minutes.saturating_sub(self.maintenance) {
            0 => 0.0,
            minutes => (f64::from(self.observed) / f64::from(minutes)).clamp(0.0, 1.0),
        }
    }
}

/// A service over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Series {
    /// Which service.
    pub service: ServiceId,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How many minutes each bucket has.
    pub width_minutes: u32,
    /// Every bucket from `from` to `to`, oldest first, the empty ones too.
    pub buckets: Vec<Bucket>,
    /// All of it in one.
    pub total: Bucket,
}

/// The last 24 hours of a service, an entry an hour, as a status line shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Trend {
    /// The share of each hour's observed minutes that the service was up, oldest first; `null` where nothing was
    /// observed.
    pub hours: Vec<Option<f64>>,
    /// The share over all of them; `null` when nothing was observed.
    pub uptime: Option<f64>,
    /// The share of the minutes that were observed, from 0 to 1.
    pub coverage: f64,
}

impl From<&Series> for Trend {
    fn from(series: &Series) -> Self {
        Self {
            hours: series.buckets.iter().map(|bucket| bucket.uptime().map(cut)).collect(),
            uptime: series.total.uptime().map(cut),
            coverage: cut(series.total.coverage()),
        }
    }
}

/// A share of one in four digits. Only all of it is 1, and only nothing is 0.
fn cut(share: f64) -> f64 {
    match share {
        none if none <= 0.0 => 0.0,
        all if all >= 1.0 => 1.0,
        part => ((part * 1e4).floor() / 1e4).max(1e-4),
    }
}
