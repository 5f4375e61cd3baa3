//! For how long the history keeps what: the settings of a person, and the minutes that they come to.

use std::{fmt, str::FromStr};

use jiff::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::minutes::{DAY, HOUR};

/// For how long the history answers in which detail. Each age counts from the sample, not from the level before; a level
/// whose age is smaller than that of a finer one is kept as long as the finer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Single samples, with their phases of latency: 48 hours when absent.
    pub raw: Keep,
    /// What each minute adds up to: 14 days when absent.
    pub minutes: Keep,
    /// What each hour adds up to: 90 days when absent.
    pub hours: Keep,
    /// What each day (UTC) adds up to, and what the journal said of runs: 3 years when absent.
    pub days: Keep,
}

impl Default for Retention {
    fn default() -> Self {
        Self { raw: Keep::hours(48), minutes: Keep::days(14), hours: Keep::days(90), days: Keep::days(3 * 365) }
    }
}

impl Retention {
    /// Before which minute each level ends at this minute: samples, minutes, hours, days. Whole units of the next level.
    pub(super) fn ends(&self, now: i64) -> Ends {
        let raw = self.raw.minutes.max(HOUR);
        let minutes = self.minutes.minutes.max(raw);
        let hours = self.hours.minutes.max(minutes);
        let days = self.days.minutes.max(hours);
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

/// For how long something is kept: `48h`, `14d`, `12w`, `3y`. At least an hour, at most 100 years; a year has 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keep {
    minutes: i64,
}

impl Keep {
    /// This many hours; none count as one.
    pub const fn hours(hours: u32) -> Self {
        Self { minutes: if hours == 0 { HOUR } else { hours as i64 * HOUR } }
    }

    /// This many days; none count as an hour.
    pub const fn days(days: u32) -> Self {
        Self { minutes: if days == 0 { HOUR } else { days as i64 * DAY } }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.minutes {
            minutes if minutes % (365 * DAY) == 0 => (minutes / (365 * DAY), "y"),
            minutes if minutes % DAY == 0 => (minutes / DAY, "d"),
            minutes if minutes % HOUR == 0 => (minutes / HOUR, "h"),
            minutes => (minutes, "m"),
        };
        write!(f, "{count}{unit}")
    }
}

/// A text that is no age, with what is wrong about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeepError(&'static str);

impl FromStr for Keep {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, KeepError> {
        let span: Span = text.parse().map_err(|_| KeepError(EXPECTED))?;
        if span.get_months() != 0 {
            return Err(KeepError("months differ in length: say it in days, such as 90d"));
        }
        let parts = [
            (i64::from(span.get_years()), 365 * DAY),
            (i64::from(span.get_weeks()), 7 * DAY),
            (i64::from(span.get_days()), DAY),
            (i64::from(span.get_hours()), HOUR),
            (span.get_minutes(), 1),
        ];
        let minutes = parts.iter().fold(0_i64, |sum, (count, unit)| sum.saturating_add(count.saturating_mul(*unit)));
        match minutes {
            ..HOUR => Err(KeepError("less than an hour")),
            _ if minutes > 100 * 365 * DAY => Err(KeepError("more than 100 years")),
            minutes => Ok(Self { minutes }),
        }
    }
}

const EXPECTED: &str = "not an age such as 48h, 14d or 3y";

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Keep;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an age such as \"48h\", \"14d\" or \"3y\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Keep, E> {
                text.parse().map_err(|KeepError(reason)| match reason {
                    EXPECTED => E::invalid_value(de::Unexpected::Str(text), &self),
                    reason => E::custom(reason),
                })
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Keep {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Keep".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "an age such as 48h, 14d, 12w or 3y; at least an hour, at most 100 years",
            "examples": ["48h", "14d", "3y"],
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;

    #[test]
    fn ages_as_people_write_them() {
        for (text, minutes, shown) in [
            ("48h", 2 * DAY, "2d"),
            ("14d", 14 * DAY, "14d"),
            ("2w", 14 * DAY, "14d"),
            ("3y", 3 * 365 * DAY, "3y"),
            ("1d 6h", DAY + 6 * HOUR, "30h"),
            ("90m", 90, "90m"),
        ] {
            let keep: Keep = text.parse().unwrap();
            assert_eq!((keep.minutes, keep.to_string().as_str()), (minutes, shown), "{text}");
        }
        for (text, reason) in [
            ("30m", "less than an hour"),
            ("-3d", "less than an hour"),
            ("0s", "less than an hour"),
            ("3mo", "months differ in length: say it in days, such as 90d"),
            ("101y", "more than 100 years"),
            ("9000y 9000000d", "more than 100 years"),
            ("", EXPECTED),
            ("14", EXPECTED),
            ("forever", EXPECTED),
        ] {
            assert_eq!(text.parse::<Keep>().unwrap_err().to_string(), reason, "{text:?}");
        }
    }

    #[test]
    fn settings_have_defaults_and_no_unknown_keys() {
        let read = |text: &str| serde_json::from_str::<Retention>(text);
        assert_eq!(read("{}").unwrap(), Retention::default());
        assert_eq!(read(r#"{"raw": "6h"}"#).unwrap(), Retention { raw: Keep::hours(6), ..Retention::default() });
        let said = read(r#"{"weeks": "6h"}"#).unwrap_err().to_string();
        assert!(said.contains("unknown field `weeks`"), "{said}");
        let said = read(r#"{"raw": "often"}"#).unwrap_err().to_string();
        assert!(said.contains("an age such as \"48h\""), "{said}");
        let schema = serde_json::to_value(schemars::schema_for!(Retention)).unwrap();
        assert_eq!(schema["additionalProperties"], false);
    }

    #[test]
    fn a_level_lasts_at_least_as_long_as_the_finer_one() {
        let now = 1_000 * DAY + 61;
        let ends = Retention::default().ends(now);
        assert_eq!(
            ends,
            Ends { samples: 998 * DAY + 61, minutes: 986 * DAY + HOUR, hours: 910 * DAY, days: -95 * DAY }
        );
        let odd = Retention { raw: Keep::days(30), minutes: Keep::days(1), hours: Keep::hours(1), days: Keep::hours(1) };
        let ends = odd.ends(now);
        assert_eq!(
            ends,
            Ends { samples: 970 * DAY + 61, minutes: 970 * DAY + HOUR, hours: 970 * DAY, days: 970 * DAY }
        );
    }
}
