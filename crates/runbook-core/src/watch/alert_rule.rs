//! How a threshold over many samples is written: `p95 > 800ms`. What samples make of it is in `alert`.

use std::{cmp::Ordering, fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// The most samples, or days, that a rule can count.
pub(super) const MAX_COUNT: u32 = 10_000;

/// The longest latency that a rule can name.
const MAX_LATENCY: Duration = Duration::from_secs(24 * 3_600);

/// When an alert fires. Written as a measure, a comparison and a bound:
///
/// | rule | of which samples |
/// | --- | --- |
/// | `error_rate > 5%` | of those that measured something, the share that was unhealthy |
/// | `p50 > 200ms`, `p95 >= 1s`, `p99 > 2s` | the percentile (nearest rank) of each latency that was measured, whatever the health |
/// | `consecutive_failures >= 3` | how many of the newest in a row were unhealthy |
/// | `failures >= 3 of 10` | how many of the newest ten that measured something were unhealthy; of fewer, when there are fewer |
/// | `certificate_days < 14` | whole days until the certificate that was seen last ends to be valid; negative after that |
///
/// An unknown sample measured nothing: it is no failure and no success, and neither breaks nor extends a row of failures.
/// A degraded one is no failure. `Display` writes what `FromStr` reads.
///
/// ```
/// use runbook_core::watch::AlertRule;
///
/// assert_eq!("p95>1000ms".parse::<AlertRule>().unwrap().to_string(), "p95 > 1s");
/// assert!("p95 < 1s".parse::<AlertRule>().unwrap_err().to_string().contains("above its bound"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRule {
    pub(super) measure: Measure,
    /// Whether the bound itself fires.
    inclusive: bool,
}

/// What is measured, with its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Thousandths of a percent, so that a bound such as 0.1 % is held exactly.
    ErrorRate {
        thousandths: u32,
    },
    Latency {
        percentile: u8,
        bound: Duration,
    },
    ConsecutiveFailures {
        count: u32,
    },
    Failures {
        count: u32,
        of: u32,
    },
    CertificateDays {
        days: u32,
    },
}

/// A text that is no alert rule, with what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AlertRuleError {
    /// What is wrong, and what is expected.
    pub message: String,
}

const RATE: &str = "error_rate";
const IN_A_ROW: &str = "consecutive_failures";
const FAILURES: &str = "failures";
const CERTIFICATE: &str = "certificate_days";

/// Each measure, with an example of a rule.
const MEASURES: [(&str, &str); 7] = [
    (RATE, "error_rate > 5%"),
    ("p50", "p50 > 200ms"),
    ("p95", "p95 > 1s"),
    ("p99", "p99 > 2s"),
    (IN_A_ROW, "consecutive_failures >= 3"),
    (FAILURES, "failures >= 3 of 10"),
    (CERTIFICATE, "certificate_days < 14"),
];

impl FromStr for AlertRule {
    type Err = AlertRuleError;

    fn from_str(text: &str) -> Result<Self, AlertRuleError> {
        let wrong = |message: String| Err(AlertRuleError { message });
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let Some((name, example)) = MEASURES.into_iter().find(|(known, _)| *known == name) else {
            let hint = did_you_mean(name, MEASURES.map(|(known, _)| known));
            return wrong(format!("{text:?} does not begin with what an alert can measure: {hint}"));
        };
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !"<>=!".contains(c)).unwrap_or(rest.len());
        let (sign, bound) = (&rest[..end], rest[end..].trim());
        let inclusive = match (name == CERTIFICATE, sign) {
            (false, ">") | (true, "<") => false,
            (false, ">=") | (true, "<=") => true,
            (_, "") => return wrong(format!("{text:?} has no comparison; expected one such as `{example}`")),
            (false, _) => {
                return wrong(format!("an alert on `{name}` fires above its bound, with `>` or `>=`: `{example}`"));
            }
            (true, _) => {
                return wrong(format!("an alert on `{name}` fires below its bound, with `<` or `<=`: `{example}`"));
            }
        };
        let Some(measure) = measure(name, bound) else {
            let expected = match name {
                RATE => "a percentage from 0% to 100%, with at most three decimals".to_owned(),
                IN_A_ROW => format!("a whole number up to {MAX_COUNT}"),
                FAILURES => format!("how many of how many samples, up to {MAX_COUNT}"),
                CERTIFICATE => format!("a whole number of days up to {MAX_COUNT}"),
                _ => "a length of time of more than 0, up to a day".to_owned(),
            };
            return wrong(format!("{bound:?} is no bound of `{name}`: expected {expected}, as in `{example}`"));
        };
        let rule = Self { measure, inclusive };
        match rule.fires_always_or_never() {
            Some(word) => wrong(format!("`{rule}` would {word} fire; expected a bound such as in `{example}`")),
            None => Ok(rule),
        }
    }
}

/// The bound of a measure; `None` when the text is none.
fn measure(name: &str, bound: &str) -> Option<Measure> {
    Some(match name {
        RATE => Measure::ErrorRate { thousandths: thousandths(bound.strip_suffix('%')?.trim_end())? },
        IN_A_ROW => Measure::ConsecutiveFailures { count: whole(bound)? },
        FAILURES => {
            let (count, of) = bound.split_once("of")?;
            Measure::Failures { count: whole(count.trim_end())?, of: whole(of.trim_start())? }
        }
        CERTIFICATE => Measure::CertificateDays { days: whole(bound)? },
        _ => {
            let percentile = name.strip_prefix('p')?.parse().ok()?;
            let span: SignedDuration = bound.parse().ok()?;
            let bound = Duration::try_from(span).ok()?;
            (!bound.is_zero() && bound <= MAX_LATENCY).then_some(Measure::Latency { percentile, bound })?
        }
    })
}

/// Digits alone, up to what an alert can count.
fn whole(text: &str) -> Option<u32> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number <= MAX_COUNT)
}

/// `0.125` as 125; at most 100.
fn thousandths(text: &str) -> Option<u32> {
    let (units, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.is_empty() || decimals.len() > 3 {
        return None;
    }
    let thousandths = whole(units)? * 1_000 + whole(&format!("{decimals:0<3}"))?;
    (thousandths <= 100_000).then_some(thousandths)
}

impl AlertRule {
    fn fires_always_or_never(self) -> Option<&'static str> {
        let least = |count: u32| if self.inclusive { count } else { count + 1 };
        let (least, most) = match self.measure {
            Measure::ErrorRate { thousandths } => (least(thousandths), 100_000),
            Measure::ConsecutiveFailures { count } => (least(count), MAX_COUNT),
            Measure::Failures { count, of } => (least(count), of),
            Measure::Latency { .. } | Measure::CertificateDays { .. } => return None,
        };
        if least == 0 {
            Some("always")
        } else if least > most {
            Some("never")
        } else {
            None
        }
    }

    /// Whether a value fires that falls out so against the bound.
    pub(super) fn fires(self, against_bound: Ordering) -> bool {
        let outside = match self.measure {
            Measure::CertificateDays { .. } => Ordering::Less,
            _ => Ordering::Greater,
        };
        against_bound == outside || (self.inclusive && against_bound.is_eq())
    }
}

impl fmt::Display for AlertRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.inclusive { ">=" } else { ">" };
        match self.measure {
            Measure::ErrorRate { thousandths } => write!(f, "{RATE} {sign} {}%", f64::from(thousandths) / 1e3),
            Measure::Latency { percentile, bound } => write!(f, "p{percentile} {sign} {}", length(bound)),
            Measure::ConsecutiveFailures { count } => write!(f, "{IN_A_ROW} {sign} {count}"),
            Measure::Failures { count, of } => write!(f, "{FAILURES} {sign} {count} of {of}"),
            Measure::CertificateDays { days } => {
                write!(f, "{CERTIFICATE} {} {days}", if self.inclusive { "<=" } else { "<" })
            }
        }
    }
}

/// Whole hours and minutes as such, anything else as `Duration` writes it.
pub(super) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (duration.subsec_nanos(), seconds) {
        (0, 1..) if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        (0, 1..) if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{duration:?}"),
    }
}

impl<'de> Deserialize<'de> for AlertRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = AlertRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an alert rule such as \"error_rate > 5%\" or \"p95 > 1s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AlertRule, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for AlertRule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AlertRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "a measure, a comparison and a bound",
            "examples": MEASURES.map(|(_, example)| example),
        })
    }
}

/// "did you mean", or the list of what there is.
pub(super) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), *name))
        .filter(|(distance, name)| *distance <= (name.len().max(wrong.len()) / 3).max(1))
        .min();
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is none to choose from".to_owned(),
        None => {
            format!("expected one of {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
#[path = "tests_alert_rule.rs"]
mod tests;
