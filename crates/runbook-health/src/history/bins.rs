//! Latencies as the bins of a DDSketch, kept sparse and as text, so that joining two texts adds them up, in SQL too.

use std::{collections::BTreeMap, sync::LazyLock};

use runbook_core::Quantiles;
use sketches_ddsketch::Config;

/// The relative error of every quantile.
const RELATIVE_ERROR: f64 = 0.01;

/// Of the sketch only the bins are used: 1 µs to 71 minutes are 1,110 of them, so none ever has to collapse.
static SKETCH: LazyLock<Config> = LazyLock::new(|| Config::new(RELATIVE_ERROR, 2_048, 1e-9));

/// A latency as it is stored, in microseconds; `None` for what is no latency. At most 71 minutes.
pub(super) fn micros(ms: Option<f64>) -> Option<u32> {
    // The cast saturates, and what is not finite was left out before.
    ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map(|ms| (ms * 1e3).round() as u32)
}

/// The bin of a latency in microseconds.
pub(super) fn bin(micros: u32) -> i32 {
    SKETCH.key(f64::from(micros.max(1)))
}

/// A bag of latencies.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Bins {
    counts: BTreeMap<i32, u64>,
    /// The fastest and the slowest, in microseconds.
    bounds: Option<(u32, u32)>,
}

impl Bins {
    /// Adds a latency so many times.
    pub(super) fn add(&mut self, micros: u32, count: u64) {
        if count > 0 {
            *self.counts.entry(bin(micros)).or_default() += count;
            self.widen(micros, micros);
        }
    }

    /// Adds a stored text with its bounds; `None` when it is not one, and then nothing was added.
    pub(super) fn add_text(&mut self, text: &str, least: u32, most: u32) -> Option<()> {
        let pair = |word: &str| match word.split_once('*') {
            Some((bin, count)) => Some((bin.parse().ok()?, count.parse().ok()?)),
            None => Some((word.parse().ok()?, 1)),
        };
        let pairs: Vec<(i32, u64)> = text.split_ascii_whitespace().map(pair).collect::<Option<_>>()?;
        for (bin, count) in pairs {
            let sum = self.counts.entry(bin).or_default();
            *sum = sum.saturating_add(count);
        }
        self.widen(least, most);
        Some(())
    }

    /// Adds all of another bag.
    pub(super) fn add_all(&mut self, other: &Self) {
        for (bin, count) in &other.counts {
            let sum = self.counts.entry(*bin).or_default();
            *sum = sum.saturating_add(*count);
        }
        if let Some((least, most)) = other.bounds {
            self.widen(least, most);
        }
    }

    fn widen(&mut self, least: u32, most: u32) {
        let (mine_least, mine_most) = self.bounds.unwrap_or((least, most));
        self.bounds = Some((mine_least.min(least), mine_most.max(most)));
    }

    /// As it is stored: `bin` or `bin*count`, with spaces between; `None` when it is empty.
    pub(super) fn text(&self) -> Option<String> {
        let word = |(bin, count): (&i32, &u64)| if *count == 1 { bin.to_string() } else { format!("{bin}*{count}") };
        (!self.counts.is_empty()).then(|| self.counts.iter().map(word).collect::<Vec<_>>().join(" "))
    }

    /// The fastest and the slowest, in microseconds.
    pub(super) fn bounds(&self) -> Option<(u32, u32)> {
        self.bounds
    }

    /// Quantiles by nearest rank, in milliseconds; `None` when it is empty.
    pub(super) fn quantiles(&self) -> Option<Quantiles> {
        let samples = self.counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let (least, most) = self.bounds?;
        let at = |percent: u64| {
            let rank = (u128::from(samples) * u128::from(percent)).div_ceil(100).max(1);
            if rank == u128::from(samples) {
                return f64::from(most) / 1e3;
            }
            let mut seen = 0_u128;
            let bin = self.counts.iter().find(|(_, count)| {
                seen += u128::from(**count);
                seen >= rank
            });
            let micros = bin.map_or(f64::from(most), |(bin, _)| SKETCH.value(*bin));
            micros.clamp(f64::from(least), f64::from(most)).round() / 1e3
        };
        (samples > 0).then(|| Quantiles { p50: at(50), p95: at(95), p99: at(99), samples })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use proptest::prelude::*;
    use runbook_core::Latency;

    use super::*;

    #[test]
    fn what_is_no_latency_is_none() {
        assert_eq!(micros(Some(1.2345)), Some(1235));
        assert_eq!(micros(Some(0.0)), Some(0));
        assert_eq!(micros(Some(f64::MAX)), Some(u32::MAX));
        for ms in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0)] {
            assert_eq!(micros(ms), None);
        }
        assert!(bin(0) == 0 && bin(u32::MAX) < 2_048, "{}", bin(u32::MAX));
    }

    #[test]
    fn one_sample_is_its_own_quantiles() {
        let mut bins = Bins::default();
        assert_eq!((bins.quantiles(), bins.text()), (None, None));
        bins.add(123_456, 1);
        assert_eq!(bins.quantiles(), Some(Quantiles { p50: 123.456, p95: 123.456, p99: 123.456, samples: 1 }));
        bins.add(0, 0);
        assert_eq!(bins.bounds(), Some((123_456, 123_456)), "nothing was added");
    }

    #[test]
    fn a_damaged_text_adds_nothing() {
        let mut bins = Bins::default();
        for text in ["x", "1*", "*1", "1*-1", "1**2", "99999999999", "1 2 x"] {
            assert_eq!(bins.add_text(text, 1, 1), None, "{text}");
        }
        assert_eq!(bins, Bins::default());
    }

    proptest! {
        #[test]
        fn quantiles_are_within_one_percent_of_the_nearest_rank(
            latencies in proptest::collection::vec(0_u32..100_000_000, 1..300),
            split in any::<prop::sample::Index>(),
        ) {
            let exact = Latency::of(latencies.iter().map(|us| f64::from(*us) / 1e3)).unwrap();
            let (mut one, mut other) = (Bins::default(), Bins::default());
            for (at, latency) in latencies.iter().enumerate() {
                if at < split.index(latencies.len()) { one.add(*latency, 1) } else { other.add(*latency, 1) }
            }
            // Added up in memory, and as SQL does it: by joining the texts.
            let mut added = one.clone();
            added.add_all(&other);
            let (least, most) = added.bounds().unwrap();
            let text = [one.text(), other.text()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let mut joined = Bins::default();
            joined.add_text(&text, least, most).unwrap();
            prop_assert_eq!(&joined, &added);

            let found = added.quantiles().unwrap();
            prop_assert_eq!(found.samples, latencies.len() as u64);
            for (found, exact) in [(found.p50, exact.p50), (found.p95, exact.p95)] {
                prop_assert!((found - exact).abs() <= exact * RELATIVE_ERROR + 0.001, "{} for {}", found, exact);
            }
            prop_assert!(found.p50 <= found.p95 && found.p95 <= found.p99);
        }
    }
}
