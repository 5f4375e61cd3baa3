//! What a whole look at a service concluded, and what it rests on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Health, Latency, Release, ServiceId};

/// The most commits that are named as suspects. As many of them mean "at least so many".
pub const MOST_SUSPECTS: usize = 100;

/// What a whole look at a service concluded: one or many samples, and whether the window ran to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Judgement {
    /// The service.
    pub service: ServiceId,
    /// The conclusion.
    pub health: Health,
    /// What the samples alone came to, where something else made the conclusion worse: an alert, a comparison, what the
    /// deployer says is live. It is what counts as up or down in a history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Health>,
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
    /// The sample that decided, in words; before it what made the conclusion worse.
    pub evidence: String,
    /// When the last sample was taken; evidence older than its validity counts as unknown.
    pub at: Timestamp,
    /// The service whose fault this is: one that this one depends on, directly or not, and that is in a bad state itself
    /// without depending on another such one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<ServiceId>,
    /// The planned maintenance that it was in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// When the certificate that the service showed ends to be valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_not_after: Option<Timestamp>,
    /// Each alert that fired, or that could not be judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertFinding>,
    /// How its latency compares with that of the release before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The commits between the release before and this one, newest first, when it is not healthy after a change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<String>,
    /// Who measured it and published it, where that was not the run that tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_by: Option<String>,
}

impl Judgement {
    /// Makes the conclusion as bad as this, and keeps what the samples said.
    pub fn worsen(&mut self, health: Health) {
        let worst = self.health.worst(health);
        if worst != self.health {
            self.sampled.get_or_insert(self.health);
            self.health = worst;
        }
    }

    /// What the samples alone came to.
    pub fn by_samples(&self) -> Health {
        self.sampled.unwrap_or(self.health)
    }

    /// A judgement without samples.
    pub fn new(service: ServiceId, health: Health, evidence: impl Into<String>, at: Timestamp) -> Self {
        Self {
            service,
            health,
            sampled: None,
            release: None,
            complete: false,
            samples: 0,
            failures: 0,
            latency_ms: None,
            evidence: evidence.into(),
            at,
            caused_by: None,
            maintenance: None,
            certificate_not_after: None,
            alerts: Vec::new(),
            comparison: None,
            suspects: Vec::new(),
            published_by: None,
        }
    }
}

/// Planned maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Maintenance {
    /// Until when.
    pub until: Timestamp,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of one configured alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct AlertFinding {
    /// The alert, as configured: `p95 > 800ms over 1h`.
    pub alert: String,
    /// Whether it fired; `null`: it could not be judged, which is no reason to be worse and none to be well.
    pub fired: Option<bool>,
    /// What was found: `912 ms over 240 samples`, `4 samples of at least 20`.
    pub found: String,
}

/// The latency of a service before a change, as raw samples: what a comparison stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Baseline {
    /// The service.
    pub service: ServiceId,
    /// What was live while it was taken, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// How many samples were taken.
    pub samples: u32,
    /// How many of them were not healthy.
    pub failures: u32,
    /// The latency of each that had one, in microseconds, in the order in which they were taken.
    pub latencies_us: Vec<u32>,
    /// When the last of them was taken.
    pub at: Timestamp,
}

/// What a comparison of two sets of latencies came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// There are too few samples to say anything.
    TooFew,
    /// No difference that is both sure and large enough was found.
    NoDifference,
    /// Surely and notably slower than before.
    Slower,
    /// Surely and notably faster than before.
    Faster,
}

/// Latency after a change against the baseline from before it (Mann-Whitney U, two-sided).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// What it came to.
    pub shift: Shift,
    /// How many samples the baseline has.
    pub baseline_samples: u32,
    /// The baseline's median, in milliseconds.
    pub baseline_p50: Option<f64>,
    /// How many samples there are since the change.
    pub samples: u32,
    /// Their median, in milliseconds.
    pub p50: Option<f64>,
    /// How likely such a difference, or a larger one, would be by chance; `null` with too few samples.
    pub p_value: Option<f64>,
    /// The effect's size: how likely a sample since the change is slower than one from before (Vargha and Delaney's A;
    /// 0.5 means no difference, 1 that each is slower); `null` with too few samples.
    pub effect: Option<f64>,
}
