//! Comparisons: against the numbers of another implementation, and what holds for any samples.

use proptest::{collection::vec, prelude::*};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

/// A rule that lets p-value and effect be seen with any number of samples.
const ANY: CompareRule = CompareRule { min_samples: 1, slowdown_percent: 25, significance: 0.01, effect: 0.71 };

#[track_caller]
fn assert_near(found: Option<f64>, expected: f64) {
    let found = found.expect("a value");
    assert!((found - expected).abs() <= expected.abs() * 1e-9, "{found} is not {expected}");
}

/// The expected numbers come from SciPy 1.17.1:
/// `scipy.stats.mannwhitneyu(now, baseline, alternative="two-sided", method="exact")`, and the effect from its
/// statistic divided by `len(now) * len(baseline)`.
#[test]
fn exact_p_values_agree_with_scipy() {
    let baseline = [10.1, 11.2, 9.8, 10.5, 12.0, 10.9, 11.7, 9.5];
    let now = [10.3, 12.4, 11.9, 13.0, 12.7, 11.1, 14.2, 10.0, 13.3];
    let found = compare(&baseline, &now, &ANY);
    assert_near(found.p_value, 0.046_400_658_165_364_046);
    assert_near(found.effect, 57.0 / 72.0);

    // [1.0, 2.0, …, 20.0] and [20.5, 21.5, …, 39.5]: 2 of 137,846,528,820 orders.
    let baseline: Vec<f64> = (1..=20).map(f64::from).collect();
    let apart: Vec<f64> = (0..20).map(|i| f64::from(i) + 20.5).collect();
    let found = compare(&baseline, &apart, &ANY);
    assert_near(found.p_value, 1.450_888_910_384_968_4e-11);
    assert_eq!(found.effect, Some(1.0));

    // [1.0, 2.0, …, 20.0] and [6.5, 7.5, …, 25.5]
    let shifted: Vec<f64> = (1..=20).map(|i| f64::from(i) + 5.5).collect();
    let found = compare(&baseline, &shifted, &ANY);
    assert_near(found.p_value, 0.009_483_607_191_205_003);
    assert_near(found.effect, 295.0 / 400.0);

    assert_eq!(compare(&[2.0], &[1.0], &ANY).p_value, Some(1.0));
}

/// The same with `method="asymptotic"`, which corrects for ties and for continuity by default.
#[test]
fn approximate_p_values_agree_with_scipy() {
    let baseline = [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0, 5.0, 6.0];
    let now = [2.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 6.0, 7.0, 8.0, 8.0];
    let found = compare(&baseline, &now, &ANY);
    assert_near(found.p_value, 0.038_983_939_772_269_59);
    assert_near(found.effect, 84.5 / 110.0);

    // [100 + ((i * 37) % 101) * 0.37 for i in range(101)] and [102 + ((i * 53) % 97) * 0.41 for i in range(97)]
    let baseline: Vec<f64> = (0..101).map(|i| 100.0 + f64::from((i * 37) % 101) * 0.37).collect();
    let now: Vec<f64> = (0..97).map(|i| 102.0 + f64::from((i * 53) % 97) * 0.41).collect();
    let found = compare(&baseline, &now, &ANY);
    assert_near(found.p_value, 0.056_090_626_667_553_56);
    assert_near(found.effect, 5669.0 / 9797.0);

    // [1.0, 2.0, …, 21.0] and [6.5, 7.5, …, 26.5]: one sample more than the exact distribution is taken for.
    let baseline: Vec<f64> = (1..=21).map(f64::from).collect();
    let now: Vec<f64> = (1..=21).map(|i| f64::from(i) + 5.5).collect();
    assert_near(compare(&baseline, &now, &ANY).p_value, 0.011_883_872_063_715_774);
}

#[test]
fn too_few_samples_are_no_verdict() {
    let rule = CompareRule::default();
    let fast = [1.0; 19];
    let slow: Vec<f64> = (0..200).map(|i| 100.0 + f64::from(i)).collect();
    for (baseline, now) in [(&fast[..], &slow[..]), (&slow, &fast)] {
        let found = compare(baseline, now, &rule);
        assert_eq!(found.shift, Shift::TooFew);
        assert_eq!((found.p_value, found.effect), (None, None));
        assert!(found.p50.is_some() && found.baseline_p50.is_some(), "what was measured is told all the same");
    }
    let none = compare(&[], &slow, &ANY);
    assert_eq!((none.shift, none.baseline_p50, none.baseline_samples, none.samples), (Shift::TooFew, None, 0, 200));
    let never = CompareRule { min_samples: 0, ..rule };
    assert_eq!(compare(&[], &[], &never).shift, Shift::TooFew);
}

#[test]
fn values_that_are_not_finite_are_no_samples() {
    let mut baseline = vec![1.0; 19];
    baseline.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    let found = compare(&baseline, &[9.0; 20], &CompareRule::default());
    assert_eq!((found.shift, found.baseline_samples), (Shift::TooFew, 19));
}

#[test]
fn identical_samples_and_ties_are_no_difference() {
    let rule = CompareRule::default();
    let ties = compare(&[5.0; 20], &[5.0; 20], &rule);
    assert_eq!((ties.shift, ties.p_value, ties.effect), (Shift::NoDifference, Some(1.0), Some(0.5)));
    let samples: Vec<f64> = (0..50).map(|i| f64::from(i % 17)).collect();
    let same = compare(&samples, &samples, &rule);
    assert_eq!((same.shift, same.p_value, same.effect), (Shift::NoDifference, Some(1.0), Some(0.5)));
    let zeros = compare(&[0.0; 20], &[-0.0; 20], &CompareRule { slowdown_percent: 0, ..rule });
    assert_eq!(zeros.shift, Shift::NoDifference);
}

/// Each of the three conditions holds a verdict back by itself.
#[test]
fn sure_is_not_enough_and_large_is_not_enough() {
    let rule = CompareRule::default();
    let hundred = |from: f64, step: f64| -> Vec<f64> { (0..100).map(|i| from + f64::from(i) * step).collect() };
    // Surely and by a large effect slower, but by 5 % only.
    let slight = compare(&hundred(100.0, 0.01), &hundred(105.0, 0.01), &rule);
    assert!(slight.p_value.unwrap() < 1e-30 && slight.effect == Some(1.0));
    assert_eq!(slight.shift, Shift::NoDifference);
    // Surely slower, with medians far apart, but the effect is not large: a third of the samples is as fast as before.
    let mut mixed = hundred(10.0, 0.5);
    mixed[30..].iter_mut().for_each(|ms| *ms += 14.0);
    let mixed = compare(&hundred(10.0, 0.5), &mixed, &rule);
    assert!(mixed.p_value.unwrap() < 0.01 && mixed.p50.unwrap() > mixed.baseline_p50.unwrap() * 1.25, "{mixed:?}");
    assert!(mixed.effect.unwrap() < 0.71, "{mixed:?}");
    assert_eq!(mixed.shift, Shift::NoDifference);
    // A large effect with medians far apart, but four samples each cannot be sure.
    let four = CompareRule { min_samples: 4, ..rule };
    let unsure = compare(&[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0, 30.0, 40.0], &four);
    assert!(unsure.p_value.unwrap() > 0.01 && unsure.effect == Some(1.0));
    assert_eq!(unsure.shift, Shift::NoDifference);
}

/// Latencies as services have them: most near `median`, some far above it.
fn latencies(random: &mut StdRng, median: f64, samples: usize) -> Vec<f64> {
    let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    (0..samples).map(|_| median * (0.35 * normal()).exp()).collect()
}

/// Two times 4,000 comparisons of what has one distribution.
#[test]
fn no_difference_is_rarely_called_one() {
    let mut random = StdRng::seed_from_u64(20_260_710);
    for samples in [20, 40] {
        let (mut unlikely, mut verdicts) = (0, 0);
        for _ in 0..4_000 {
            let baseline = latencies(&mut random, 40.0, samples);
            let found = compare(&baseline, &latencies(&mut random, 40.0, samples), &CompareRule::default());
            unlikely += usize::from(found.p_value.unwrap() < 0.01);
            verdicts += usize::from(found.shift != Shift::NoDifference);
        }
        assert!(
            (10..=60).contains(&unlikely),
            "p < 0.01 in {unlikely} of 4000 with {samples} samples: it should be 40"
        );
        assert!(verdicts <= unlikely && verdicts <= 40, "{verdicts} false verdicts of 4000 with {samples} samples");
    }
}

#[test]
fn twice_as_slow_is_found_with_twenty_samples() {
    let mut random = StdRng::seed_from_u64(7);
    let mut found = 0;
    for _ in 0..500 {
        let before = latencies(&mut random, 40.0, 20);
        let after = latencies(&mut random, 80.0, 20);
        found += usize::from(compare(&before, &after, &CompareRule::default()).shift == Shift::Slower);
        assert_ne!(compare(&after, &before, &CompareRule::default()).shift, Shift::Slower);
    }
    assert!(found >= 495, "found {found} of 500");
}

/// Where the exact distribution ends, the approximation takes over without a jump.
#[test]
fn exact_and_approximate_agree() {
    for u in 200..=400 {
        let (exact, ranks) = (exact(20, 20, u), Ranks { baseline: 20, now: 20, twice_u: 2 * u, ties: 0.0 });
        let approximate = ranks.approximate(u as f64);
        assert!((exact - approximate).abs() < 0.005, "{exact} and {approximate} at {u}");
        assert!(exact > 0.02 || (exact - approximate).abs() < 0.0015, "{exact} and {approximate} at {u}");
    }
}

/// Few different values, so that there are ties.
fn samples() -> impl Strategy<Value = Vec<f64>> {
    vec(prop_oneof![(0_u32..12).prop_map(f64::from), 0.0..1e4_f64], 1..45)
}

proptest! {
    #[test]
    fn swapped_sides_swap_the_verdict(a in samples(), b in samples(), percent in 0_u32..80) {
        let rule = CompareRule { slowdown_percent: percent, ..ANY };
        let (one, other) = (compare(&a, &b, &rule), compare(&b, &a, &rule));
        prop_assert_eq!(one.p_value, other.p_value);
        prop_assert!((one.effect.unwrap() + other.effect.unwrap() - 1.0).abs() < 1e-12);
        let swapped = match one.shift {
            Shift::Slower => Shift::Faster,
            Shift::Faster => Shift::Slower,
            same => same,
        };
        prop_assert_eq!(other.shift, swapped);
        prop_assert!((0.0..=1.0).contains(&one.p_value.unwrap()));
        prop_assert!((0.0..=1.0).contains(&one.effect.unwrap()));
    }

    /// Only ranks count: any strictly growing function of all samples changes neither p-value nor effect. Whole numbers,
    /// because the function must not round two samples together.
    #[test]
    fn only_ranks_count(a in vec(0_u32..1_000, 1..45), b in vec(0_u32..1_000, 1..45)) {
        let plain = |samples: &[u32]| samples.iter().copied().map(f64::from).collect::<Vec<_>>();
        let grown = |samples: &[u32]| {
            samples.iter().copied().map(f64::from).map(|ms| ms * ms * 3.0 + ms + 1.0).collect::<Vec<_>>()
        };
        let one = compare(&plain(&a), &plain(&b), &ANY);
        let other = compare(&grown(&a), &grown(&b), &ANY);
        prop_assert_eq!((one.p_value, one.effect), (other.p_value, other.effect));
    }

    /// The order in which samples were taken says nothing.
    #[test]
    fn order_says_nothing(a in samples(), b in samples()) {
        let backwards: Vec<f64> = a.iter().rev().copied().collect();
        prop_assert_eq!(compare(&a, &b, &ANY), compare(&backwards, &b, &ANY));
    }
}
