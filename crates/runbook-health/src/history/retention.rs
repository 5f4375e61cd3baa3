//! For how long the history keeps what, and the minutes that each level ends at.

use runbook_core::config::{HistoryConfig, Keep};

use super::minutes::{DAY, HOUR};

/// For how long the history answers in which detail. Each age counts from the sample, not from the level before; a level
/// whose age is smaller than that of a finer one is kept as long as the finer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Single samples, with their phases of latency.
    pub raw: Keep,
    /// What each minute adds up to.
    pub minutes: Keep,
    /// What each hour adds up to.
    pub hours: Keep,
    /// What each day (UTC) adds up to, and what the journal said of runs.
    pub days: Keep,
}

impl From<&HistoryConfig> for Retention {
    fn from(config: &HistoryConfig) -> Self {
        Self { raw: config.raw, minutes: config.minutes, hours: config.hours, days: config.days }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self::from(&HistoryConfig::default())
    }
}

impl Retention {
    /// Before which minute each level ends at this minute: samples, minutes, hours, days. Whole units of the next level.
    pub(super) fn ends(&self, now: i64) -> Ends {
        let raw = self.raw.minutes().max(HOUR);
        let minutes = self.minutes.minutes().max(raw);
        let hours = self.hours.minutes().max(minutes);
        let days = self.days.minutes().max(hours);
        let whole = |age: i64, unit: i64| now.saturating_sub(age).div_euclid(unit) * unit;
        Ends { samples: whole(raw, 1), minutes: whole(minutes, HOUR), hours: whole(hours, DAY), days: whole(days, DAY) }
    }
}

/// The first minute of each level that is still kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) samples: i64,
    pub(super) minutes: i64,
    pub(super) hours: i64,
    pub(super) days: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_lasts_at_least_as_long_as_the_finer_one() {
        let now = 1_000 * DAY + 61;
        let ends = Retention::default().ends(now);
        assert_eq!(
            ends,
            Ends { samples: 998 * DAY + 61, minutes: 986 * DAY + HOUR, hours: 910 * DAY, days: -95 * DAY }
        );
        let odd =
            Retention { raw: Keep::days(30), minutes: Keep::days(1), hours: Keep::hours(1), days: Keep::hours(1) };
        let ends = odd.ends(now);
        assert_eq!(
            ends,
            Ends { samples: 970 * DAY + 61, minutes: 970 * DAY + HOUR, hours: 970 * DAY, days: 970 * DAY }
        );
    }
}
