//! Latency after a change against latency before it: the Mann-Whitney U test, two-sided, with an effect size beside the
//! p-value. It says nothing of what follows from a shift, and nothing of samples that had no latency.
//!
//! The test looks at ranks alone, so a few very slow samples cannot make a difference by themselves, and no shape of the
//! latencies is assumed. Sources: H. B. Mann and D. R. Whitney, "On a Test of Whether one of Two Random Variables is
//! Stochastically Larger than the Other", 1947; A. Vargha and H. D. Delaney, "A Critique and Improvement of the CL Common
//! Language Effect Size Statistics of McGraw and Wong", 2000.

use std::{cmp::Ordering, f64::consts::SQRT_2};

use crate::words::{Comparison, Latency, Shift};

/// Up to how many samples on each side the p-value is exact; beyond, the normal approximation is close to it.
const EXACT_UP_TO: usize = 20;

/// When a difference counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompareRule {
    /// How many samples there must be on both sides, before anything is said; 20 by default.
    pub min_samples: u32,
    /// By how many percent the greater median must exceed the smaller one; 25 by default.
    pub slowdown_percent: u32,
    /// How likely the difference may be by chance, at most; less than 0.01 by default.
    pub significance: f64,
    /// How likely a sample of the slower side must be the slower one of a pair, at least; 0.71 by default, from where on
    /// Vargha and Delaney call an effect large.
    pub effect: f64,
}

impl Default for CompareRule {
    fn default() -> Self {
        Self { min_samples: 20, slowdown_percent: 25, significance: 0.01, effect: 0.71 }
    }
}

/// Compares latencies in milliseconds; values that are not finite are left out.
///
/// It is slower or faster only when that is all of it: unlikely by chance, large, and notable in the medians. With `now`
/// and `baseline` swapped, slower becomes faster and the p-value stays.
pub fn compare(baseline_ms: &[f64], now_ms: &[f64], rule: &CompareRule) -> Comparison {
    let baseline = finite(baseline_ms);
    let now = finite(now_ms);
    let median = |latencies: &[f64]| Latency::of(latencies.iter().copied()).map(|latency| latency.p50);
    let mut comparison = Comparison {
        shift: Shift::TooFew,
        baseline_samples: count(&baseline),
        baseline_p50: median(&baseline),
        samples: count(&now),
        p50: median(&now),
        p_value: None,
        effect: None,
    };
    let (Some(before), Some(since)) = (comparison.baseline_p50, comparison.p50) else { return comparison };
    if comparison.baseline_samples.min(comparison.samples) < rule.min_samples {
        return comparison;
    }
    let ranks = Ranks::of(&baseline, &now);
    let p_value = ranks.p_value();
    let (slower, faster) = ranks.effects();
    let exceeds = |greater: f64, smaller: f64| {
        greater > smaller && greater >= smaller * (1.0 + f64::from(rule.slowdown_percent) / 100.0)
    };
    comparison.shift = if p_value >= rule.significance {
        Shift::NoDifference
    } else if slower >= rule.effect && exceeds(since, before) {
        Shift::Slower
    } else if faster >= rule.effect && exceeds(before, since) {
        Shift::Faster
    } else {
        Shift::NoDifference
    };
    comparison.p_value = Some(p_value);
    comparison.effect = Some(slower);
    comparison
}

fn finite(latencies: &[f64]) -> Vec<f64> {
    latencies.iter().copied().filter(|latency| latency.is_finite()).collect()
}

fn count(latencies: &[f64]) -> u32 {
    u32::try_from(latencies.len()).unwrap_or(u32::MAX)
}

/// How the samples of both sides stand among each other. Neither side is empty.
struct Ranks {
    baseline: usize,
    now: usize,
    /// Twice the U of the samples since the change: 2 for each pair in which that one is slower, 1 for each equal pair.
    /// Twice, because it is whole then.
    twice_u: u64,
    /// The sum of t³ - t over each group of t equal samples; 0 without ties.
    ties: f64,
}

impl Ranks {
    fn of(baseline: &[f64], now: &[f64]) -> Self {
        let mut all: Vec<(f64, bool)> =
            baseline.iter().map(|ms| (*ms, false)).chain(now.iter().map(|ms| (*ms, true))).collect();
        // Finite values always have an order.
        all.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal));
        let (mut twice_u, mut ties, mut baseline_below) = (0, 0.0, 0);
        for equal in all.chunk_by(|a, b| a.0 == b.0) {
            let of_now = equal.iter().filter(|(_, is_now)| *is_now).count() as u64;
            let of_baseline = equal.len() as u64 - of_now;
            twice_u += of_now * (2 * baseline_below + of_baseline);
            baseline_below += of_baseline;
            let t = equal.len() as f64;
            ties += t * t * t - t;
        }
        Self { baseline: baseline.len(), now: now.len(), twice_u, ties }
    }

    /// Twice the number of pairs.
    fn twice_pairs(&self) -> u64 {
        2 * self.baseline as u64 * self.now as u64
    }

    /// How likely a sample since the change is slower than one from before, and the other way round; together 1.
    fn effects(&self) -> (f64, f64) {
        let pairs = self.twice_pairs() as f64;
        (self.twice_u as f64 / pairs, (self.twice_pairs() - self.twice_u) as f64 / pairs)
    }

    fn p_value(&self) -> f64 {
        let greater = self.twice_u.max(self.twice_pairs() - self.twice_u);
        if self.ties == 0.0 && self.baseline.max(self.now) <= EXACT_UP_TO {
            // Without ties U is whole, and no pair counts half.
            exact(self.baseline, self.now, greater / 2)
        } else {
            self.approximate(greater as f64 / 2.0)
        }
    }

    /// By the normal distribution, corrected for ties and for U's steps of 1.
    fn approximate(&self, u: f64) -> f64 {
        let (n, m) = (self.baseline as f64, self.now as f64);
        let all = n + m;
        let variance = n * m / 12.0 * (all + 1.0 - self.ties / (all * (all - 1.0)));
        if variance <= 0.0 {
            // All samples are equal.
            return 1.0;
        }
        let z = (u - n * m / 2.0 - 0.5) / variance.sqrt();
        // Twice the upper tail of the standard normal distribution.
        libm::erfc(z / SQRT_2).min(1.0)
    }
}

/// The share of all orders of `n` and `m` samples whose U is at least `u` in either direction.
///
/// The orders are counted by their U: the coefficients of the Gaussian binomial, which is the product of
/// (1 - q^(m+i)) / (1 - q^i) over i = 1 to n. Each step divides without a rest, and with at most 20 and 20 samples there
/// are fewer than 2³⁸ orders.
fn exact(n: usize, m: usize, u: u64) -> f64 {
    let mut orders = vec![0_i64; n * m + 1];
    orders[0] = 1;
    for i in 1..=n {
        for at in (m + i..orders.len()).rev() {
            orders[at] -= orders[at - (m + i)];
        }
        for at in i..orders.len() {
            orders[at] += orders[at - i];
        }
    }
    let all: i64 = orders.iter().sum();
    let at_least: i64 = orders.iter().skip(usize::try_from(u).unwrap_or(usize::MAX)).sum();
    (2.0 * at_least as f64 / all as f64).min(1.0)
}

#[cfg(test)]
#[path = "tests_compare.rs"]
mod tests;
