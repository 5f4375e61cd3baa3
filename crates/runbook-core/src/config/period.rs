//! A length of time, as people write it: `800ms`, `5s`, `2m`, `1h 30m`, `7d`.

use std::{fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A length of time in a configuration. At most 31 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl Period {
    /// This many milliseconds.
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// This many seconds.
    pub const fn secs(s: u64) -> Self {
        Self(Duration::from_secs(s))
    }

    /// In milliseconds.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl FromStr for Period {
    type Err = de::value::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::deserialize(de::value::StrDeserializer::new(text))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as \"800ms\", \"5s\" or \"2m\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                let wrong = || E::invalid_value(de::Unexpected::Str(text), &self);
                let span: jiff::Span = text.parse().map_err(|_| wrong())?;
                // Months and years have no length of their own.
                let span = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
                let duration = Duration::try_from(span).map_err(|_| wrong())?;
                if duration > Duration::from_secs(31 * 24 * 3600) {
                    return Err(E::custom("a length of time of more than 31 days"));
                }
                Ok(Period(duration))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "a length of time such as 800ms, 5s, 2m, 1h 30m or 7d; at most 31 days",
            "examples": ["800ms", "5s", "2m", "7d"],
        })
    }
}
