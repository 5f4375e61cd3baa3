//! From samples to a conclusion. Pure.
//!
//! A fault counts once it was confirmed by several bad samples in a row; what recovered in between is degraded, not
//! unhealthy. A missing measurement is never a good one.

use crate::words::{Health, Latency, Reading};

/// What the samples of one service say so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// The conclusion.
    pub health: Health,
    /// How many samples there were.
    pub samples: u32,
    /// How many of them were not healthy.
    pub failures: u32,
    /// Latency over the samples that had one.
    pub latency: Option<Latency>,
    /// The sample that decided, in words.
    pub evidence: String,
    /// Whether the newest samples are bad, but not enough of them to be sure.
    pub unconfirmed: bool,
}

/// The share of samples, in percent, that may be bad without being called degraded.
const TOLERATED_PERCENT: usize = 10;

/// Concludes. `confirm` (at least 1) is how many samples in a row confirm a fault, or a lack of measurement.
///
/// | samples | conclusion |
/// | --- | --- |
/// | none | unknown |
/// | `confirm` unhealthy in a row, anywhere | unhealthy |
/// | `confirm` in a row that could not be measured, or more than half of all | unknown |
/// | the newest are unhealthy or unmeasured, not yet `confirm` of them | unknown, and `unconfirmed` |
/// | more than half degraded, or more than a tenth not healthy | degraded |
/// | anything else | healthy |
pub fn conclude(samples: &[Reading], confirm: u32) -> Conclusion {
    let confirm = confirm.max(1) as usize;
    let failures = samples.iter().filter(|s| s.health != Health::Healthy).count();
    let count = |health: Health| samples.iter().filter(|s| s.health == health).count();
    let newest_bad = samples.iter().rev().take_while(|s| is_bad(s.health)).count();
    let (health, unconfirmed) = if samples.is_empty() {
        (Health::Unknown, true)
    } else if longest_run(samples, Health::Unhealthy) >= confirm {
        (Health::Unhealthy, false)
    } else if longest_run(samples, Health::Unknown) >= confirm || count(Health::Unknown) * 2 > samples.len() {
        (Health::Unknown, newest_bad > 0 && newest_bad < confirm)
    } else if newest_bad > 0 {
        (Health::Unknown, true)
    } else if count(Health::Degraded) * 2 > samples.len() || failures * 100 > samples.len() * TOLERATED_PERCENT {
        (Health::Degraded, false)
    } else {
        (Health::Healthy, false)
    };
    Conclusion {
        health,
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        latency: Latency::of(samples.iter().filter_map(|s| s.latency_ms)),
        evidence: evidence(samples, health, failures),
        unconfirmed,
    }
}

fn is_bad(health: Health) -> bool {
    matches!(health, Health::Unhealthy | Health::Unknown)
}

fn longest_run(samples: &[Reading], health: Health) -> usize {
    let mut longest = 0;
    let mut current = 0;
    for sample in samples {
        current = if sample.health == health { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    longest
}

/// The newest sample that speaks for the conclusion, and how many did not.
fn evidence(samples: &[Reading], health: Health, failures: usize) -> String {
    let speaks = samples.iter().rev().find(|s| s.health == health);
    let speaks = speaks.or_else(|| samples.iter().rev().find(|s| s.health != Health::Healthy));
    let Some(sample) = speaks.or(samples.last()) else { return "no sample was taken".to_owned() };
    if samples.len() == 1 {
        return sample.evidence.clone();
    }
    format!("{} ({failures} of {} samples not healthy)", sample.evidence, samples.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(pattern: &str) -> Vec<Reading> {
        let health = |c| match c {
            'h' => Health::Healthy,
            'd' => Health::Degraded,
            'u' => Health::Unhealthy,
            _ => Health::Unknown,
        };
        pattern
            .chars()
            .map(|c| Reading { latency_ms: Some(1.0), ..Reading::new(health(c), format!("sample {c}")) })
            .collect()
    }

    #[test]
    fn the_documented_table() {
        let of = |pattern: &str| {
            let c = conclude(&samples(pattern), 3);
            (c.health, c.unconfirmed)
        };
        assert_eq!(of(""), (Health::Unknown, true));
        assert_eq!(of("hhhhhhhhhh"), (Health::Healthy, false));
        assert_eq!(of("hhuuu"), (Health::Unhealthy, false));
        assert_eq!(of("uuuhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"), (Health::Unhealthy, false), "a confirmed fault stays one");
        assert_eq!(of("hhhu"), (Health::Unknown, true), "one bad sample is not yet a fault, and not health either");
        assert_eq!(of("hhhhhhhhhhuh"), (Health::Healthy, false), "one in twelve recovered");
        assert_eq!(of("hhhuhuh"), (Health::Degraded, false), "it flaps");
        assert_eq!(of("ddd"), (Health::Degraded, false));
        assert_eq!(of("???"), (Health::Unknown, false));
        assert_eq!(of("h???????h"), (Health::Unknown, false));
    }

    proptest! {
        /// No data is not success, and no fault is invented.
        #[test]
        fn unknown_and_bad_never_read_as_healthy(pattern in "[hdu?]{0,40}", confirm in 1_u32..5) {
            let taken = samples(&pattern);
            let conclusion = conclude(&taken, confirm);
            if conclusion.health == Health::Healthy {
                prop_assert!(pattern.ends_with(['h', 'd']));
                prop_assert!(conclusion.failures as usize * 10 <= taken.len());
            }
            if conclusion.health == Health::Unhealthy {
                prop_assert!(pattern.contains(&"u".repeat(confirm as usize)));
            }
        }
    }
}
