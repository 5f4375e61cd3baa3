//! For how long something is kept, as people write it: `48h`, `14d`, `12w`, `3y`.

use std::{fmt, str::FromStr};

use jiff::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// For how long something is kept: `48h`, `14d`, `12w`, `3y`. At least an hour, at most 100 years; a year has 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keep {
    minutes: i64,
}

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

impl Keep {
    /// How many minutes that is.
    pub const fn minutes(self) -> i64 {
        self.minutes
    }

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
            (span.get_seconds() / 60, 1),
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
            ("7200s", 120, "2h"),
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
            ("9000y 7000000d", "more than 100 years"),
            ("", EXPECTED),
            ("14", EXPECTED),
            ("forever", EXPECTED),
        ] {
            assert_eq!(text.parse::<Keep>().unwrap_err().to_string(), reason, "{text:?}");
        }
    }
}
