//! From samples to a conclusion. Pure.
//!
//! A fault counts once it was confirmed by further bad samples; what recovered in between is degraded, not unhealthy. A
//! recovery is confirmed in the same way. A missing measurement is never a good one.

use crate::words::{Health, Latency, Reading};

/// How many samples confirm a fault, or a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// How many have to agree, the first one included; at least 1.
    pub samples: u32,
    /// Among how many in a row, the first one included; at least `samples`.
    pub of: u32,
}

impl Confirmation {
    /// Both as numbers that make sense together.
    fn bounds(self) -> (usize, usize) {
        let samples = self.samples.max(1);
        (samples as usize, self.of.max(samples) as usize)
    }
}

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
    /// Whether the newest samples hint at something that more of them could confirm.
    pub unconfirmed: bool,
}

/// The share of samples, in percent, that may be bad without being called degraded.
const TOLERATED_PERCENT: usize = 10;

/// Concludes. With `confirmation` = 3 of 5, a bad sample needs two more among the next four to be a fault.
///
/// | samples | conclusion |
/// | --- | --- |
/// | none | unknown, unconfirmed |
/// | `samples` unhealthy among `of` in a row, and no recovery since | unhealthy |
/// | `samples` that are unhealthy or measured nothing among `of` in a row, and no recovery since | unknown |
/// | either of them, and since then `samples` that are good among `of` in a row | degraded |
/// | so many of those at the end that more of them could still confirm it | unknown, unconfirmed |
/// | it was bad before, and fewer than `samples` among the newest `of` are good | unknown, unconfirmed |
/// | more than half measured nothing | unknown |
/// | more than half degraded, or more than a tenth not healthy | degraded |
/// | anything else | healthy |
///
/// `was_bad`: whether the service was known to be bad before the first sample, so that its recovery has to be confirmed.
pub fn conclude<'a>(
    samples: impl IntoIterator<Item = &'a Reading>,
    confirmation: Confirmation,
    was_bad: bool,
) -> Conclusion {
    let samples: Vec<&Reading> = samples.into_iter().collect();
    let (enough, of) = confirmation.bounds();
    let failures = samples.iter().filter(|s| s.health != Health::Healthy).count();
    let count = |health: Health| samples.iter().filter(|s| s.health == health).count();
    let (health, unconfirmed) = if samples.is_empty() {
        (Health::Unknown, true)
    } else if let Some(since) = since_the_newest_fault(&samples, enough, of) {
        match most_among(&samples, of, |health| health == Health::Unhealthy) >= enough {
            _ if most_among(since, of, |health| !is_bad(health)) >= enough
                && count(Health::Unknown) * 2 <= samples.len() =>
            {
                (Health::Degraded, could_be_confirmed(&samples, enough, of))
            }
            true => (Health::Unhealthy, false),
            false => (Health::Unknown, false),
        }
    } else if could_be_confirmed(&samples, enough, of) || (was_bad && !has_recovered(&samples, enough, of)) {
        (Health::Unknown, true)
    } else if count(Health::Unknown) * 2 > samples.len() {
        (Health::Unknown, false)
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
        evidence: evidence(&samples, health, failures),
        unconfirmed,
    }
}

fn is_bad(health: Health) -> bool {
    matches!(health, Health::Unhealthy | Health::Unknown)
}

/// The most samples of a kind among `of` in a row.
fn most_among(samples: &[&Reading], of: usize, is_one: impl Fn(Health) -> bool) -> usize {
    let count = |stretch: &[&Reading]| stretch.iter().filter(|sample| is_one(sample.health)).count();
    if samples.len() <= of {
        return count(samples);
    }
    samples.windows(of).map(count).max().unwrap_or_default()
}

/// The samples after the newest stretch of `of` in a row that has enough bad ones; `None` where there is no such stretch.
fn since_the_newest_fault<'a, 'b>(samples: &'a [&'b Reading], enough: usize, of: usize) -> Option<&'a [&'b Reading]> {
    let is_fault = |stretch: &[&Reading]| most_among(stretch, of, is_bad) >= enough;
    if samples.len() <= of {
        return is_fault(samples).then_some(&[]);
    }
    let newest = samples.windows(of).rposition(is_fault)?;
    Some(&samples[newest + of..])
}

/// Whether a stretch that began near the end of the samples could still gather enough bad ones.
fn could_be_confirmed(samples: &[&Reading], enough: usize, of: usize) -> bool {
    (1..of.min(samples.len() + 1)).any(|length| {
        let stretch = &samples[samples.len() - length..];
        let bad = stretch.iter().filter(|sample| is_bad(sample.health)).count();
        is_bad(stretch[0].health) && bad + (of - length) >= enough
    })
}

fn has_recovered(samples: &[&Reading], enough: usize, of: usize) -> bool {
    let newest = &samples[samples.len().saturating_sub(of)..];
    newest.iter().filter(|sample| !is_bad(sample.health)).count() >= enough
}

/// The newest sample that speaks for the conclusion, and how many did not.
fn evidence(samples: &[&Reading], health: Health, failures: usize) -> String {
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

    const IN_A_ROW: Confirmation = Confirmation { samples: 3, of: 3 };
    const OF_FIVE: Confirmation = Confirmation { samples: 3, of: 5 };

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

    fn of(pattern: &str, confirmation: Confirmation, was_bad: bool) -> (Health, bool) {
        let conclusion = conclude(&samples(pattern), confirmation, was_bad);
        (conclusion.health, conclusion.unconfirmed)
    }

    #[test]
    fn the_documented_table() {
        let of = |pattern: &str| of(pattern, IN_A_ROW, false);
        assert_eq!(of(""), (Health::Unknown, true));
        assert_eq!(of("hhhhhhhhhh"), (Health::Healthy, false));
        assert_eq!(of("hhuuu"), (Health::Unhealthy, false));
        assert_eq!(of("uuuhh"), (Health::Unhealthy, false), "a confirmed fault stays one until its recovery is");
        assert_eq!(of("uuuhhh"), (Health::Degraded, false), "it was down, and is no longer");
        assert_eq!(of("uuuhhhu"), (Health::Degraded, true), "perhaps it is again");
        assert_eq!(of("uuuhhhuuu"), (Health::Unhealthy, false));
        assert_eq!(of("???hhhhhh"), (Health::Degraded, false), "half a minute without a measurement is not health");
        assert_eq!(of("hhhu"), (Health::Unknown, true), "one bad sample is not yet a fault, and not health either");
        assert_eq!(of("hhhhhhhhhhuh"), (Health::Healthy, false), "one in twelve recovered");
        assert_eq!(of("hhhuhuh"), (Health::Degraded, false), "it flaps");
        assert_eq!(of("ddd"), (Health::Degraded, false));
        assert_eq!(of("???"), (Health::Unknown, false));
        assert_eq!(of("h???????h"), (Health::Unknown, false));
        assert_eq!(of("u?u"), (Health::Unknown, false), "neither is confirmed, and it is certainly not well");
    }

    /// A bad first reading is confirmed by 2 of 4 more, and one good one in between clears nothing.
    #[test]
    fn a_fault_is_confirmed_by_some_of_the_next() {
        let of = |pattern: &str| of(pattern, OF_FIVE, false);
        assert_eq!(of("u"), (Health::Unknown, true));
        assert_eq!(of("uh"), (Health::Unknown, true));
        assert_eq!(of("uhu"), (Health::Unknown, true));
        assert_eq!(of("uhuu"), (Health::Unhealthy, false));
        assert_eq!(of("uhhuu"), (Health::Unhealthy, false));
        assert_eq!(of("uhhh"), (Health::Degraded, false), "it can no longer be confirmed");
    }

    #[test]
    fn a_recovery_is_confirmed_likewise() {
        let of = |pattern: &str| of(pattern, OF_FIVE, true);
        assert_eq!(of("h"), (Health::Unknown, true));
        assert_eq!(of("hh"), (Health::Unknown, true));
        assert_eq!(of("hhh"), (Health::Healthy, false));
        assert_eq!(of("uuu"), (Health::Unhealthy, false));
    }

    proptest! {
        /// No data is not success, and no fault is invented.
        #[test]
        fn unknown_and_bad_never_read_as_healthy(
            pattern in "[hdu?]{0,40}",
            enough in 1_u32..5,
            more in 0_u32..4,
            was_bad: bool,
        ) {
            let taken = samples(&pattern);
            let conclusion = conclude(&taken, Confirmation { samples: enough, of: enough + more }, was_bad);
            if conclusion.health == Health::Healthy {
                prop_assert!(pattern.ends_with(['h', 'd']));
                prop_assert!(conclusion.failures as usize * 10 <= taken.len());
            }
            if conclusion.health == Health::Unhealthy {
                prop_assert!(pattern.matches('u').count() >= enough as usize);
            }
            prop_assert_eq!(pattern.is_empty(), conclusion.samples == 0);
        }

        /// A look ends: once there are as many good samples in a row as a stretch has, nothing is left to confirm.
        #[test]
        fn enough_samples_always_settle_it(pattern in "[hdu?]{0,10}", enough in 1_u32..5, more in 0_u32..4, was_bad: bool) {
            let confirmation = Confirmation { samples: enough, of: enough + more };
            let settled = format!("{pattern}{}", "h".repeat(confirmation.of as usize));
            prop_assert!(!conclude(&samples(&settled), confirmation, was_bad).unconfirmed);
        }
    }
}
