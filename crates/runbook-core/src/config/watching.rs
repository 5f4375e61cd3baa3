//! The tables on watching: `[monitor]` with its baseline, `[control]`, `[history]`, with their defaults.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Keep, Kinded, Period};

/// `[monitor]`: how services are watched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorConfig {
    /// How long a service is watched after a change.
    pub window: Period,
    /// The pause between two samples of one service.
    pub interval: Period,
    /// How long a service may take to come up, before bad samples count.
    pub startup: Period,
    /// How many bad samples confirm a fault, the first one included; a recovery is confirmed by as many good ones.
    pub confirm: u32,
    /// Among how many in a row, the first one included; by default two more than `confirm`.
    pub confirm_of: Option<u32>,
    /// The first pause between two samples that confirm, outside of a window; each further one is half as long again, and
    /// all are jittered by half.
    pub confirm_pause: Period,
    /// The longest that confirming may take, outside of a window; what is not confirmed by then is unknown.
    pub confirm_budget: Period,
    /// How many probes may be under way at once.
    pub concurrency: u32,
    /// For how long a reading counts that was published from elsewhere, of a service that says `runs_on`.
    pub published_for: Period,
    /// The latency before a change, which the latency after it is compared with.
    pub baseline: BaselineConfig,
}

impl MonitorConfig {
    /// Among how many samples in a row `confirm` of them confirm.
    pub fn confirm_of(&self) -> u32 {
        self.confirm_of.unwrap_or(self.confirm.saturating_add(2)).max(self.confirm)
    }

    /// How long the baseline is taken.
    pub fn baseline_window(&self) -> Period {
        self.baseline.window.unwrap_or(Period((self.window.0 / 4).min(Duration::from_secs(10))))
    }

    /// The pause between two samples of the baseline.
    pub fn baseline_interval(&self) -> Period {
        let forty = Period((self.baseline_window().0 / 40).max(Duration::from_millis(10)));
        self.baseline.interval.unwrap_or(forty)
    }
}

/// What a release becomes that is surely slower than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SlowerIs {
    /// Nothing but a note.
    Noted,
    /// Degraded: it stays, and is not promoted.
    #[default]
    Degraded,
    /// Unhealthy: it is rolled back.
    Unhealthy,
}

/// `[monitor.baseline]`: the latency before a change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BaselineConfig {
    /// How long it is taken, before each deploy; by default a quarter of the window, at most 10 s. `"0s"` takes none.
    pub window: Option<Period>,
    /// The pause between two of its samples; by default a fortieth of its window.
    pub interval: Option<Period>,
    /// How many samples there must be on both sides, before anything is said.
    pub min_samples: u32,
    /// By how many percent the median must differ, before it is called slower or faster.
    pub slowdown_percent: u32,
    /// What a release becomes that is surely slower.
    pub slower_is: SlowerIs,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        Self { window: None, interval: None, min_samples: 20, slowdown_percent: 25, slower_is: SlowerIs::Degraded }
    }
}

/// `[control]`: probes of what does not depend on the services, over the same network. When they fail, nothing that is
/// measured from here says anything of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlConfig {
    /// The probes.
    pub probes: Vec<Kinded>,
    /// How many of them must be healthy.
    pub require: u32,
}

/// The plain keys of `[control]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ControlTable {
    /// How many of the control probes must be healthy.
    pub(super) require: u32,
}

impl Default for ControlTable {
    fn default() -> Self {
        Self { require: 1 }
    }
}

/// `[history]`: for how long readings are kept, in which detail. Each age counts from the reading itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Whether they are kept at all.
    pub enabled: bool,
    /// Every reading, with its phases of latency.
    pub raw: Keep,
    /// What each minute adds up to.
    pub minutes: Keep,
    /// What each hour adds up to.
    pub hours: Keep,
    /// What each day (UTC) adds up to, and what the journal said of runs.
    pub days: Keep,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            raw: Keep::hours(48),
            minutes: Keep::days(14),
            hours: Keep::days(90),
            days: Keep::days(3 * 365),
        }
    }
}

impl Default for MonitorConfig {
    fn default() -> Self {
        Self {
            window: Period::secs(60),
            interval: Period::secs(2),
            startup: Period::secs(20),
            confirm: 3,
            confirm_of: None,
            confirm_pause: Period::millis(500),
            confirm_budget: Period::secs(30),
            concurrency: 512,
            published_for: Period::secs(15 * 60),
            baseline: BaselineConfig::default(),
        }
    }
}
