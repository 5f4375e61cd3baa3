//! The axis of latency: from nothing to a round number above the highest value, in steps that people count in.

use super::{
    model::TickPicture,
    path::{HEIGHT, number},
};

/// About so many steps.
const STEPS: f64 = 4.0;
/// From here on, in milliseconds, the axis is in seconds.
const SECONDS: f64 = 2000.0;

/// An axis from 0 to a multiple of its step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    step: f64,
    steps: u32,
}

impl Axis {
    /// The axis that holds everything from 0 to `highest`, in milliseconds.
    pub(super) fn upto(highest: f64) -> Self {
        // Below a microsecond nothing was measured, and there must be something to divide by.
        let highest = if highest.is_finite() { highest.max(1e-3) } else { 1.0 };
        let step = round_step(highest / STEPS);
        let steps = (highest / step - 1e-9).ceil().clamp(1.0, 100.0);
        // A small whole number.
        Self { step, steps: steps as u32 }
    }

    /// The value at the top.
    pub(super) fn top(&self) -> f64 {
        self.step * f64::from(self.steps)
    }

    /// How far below the top a value stands, of [`HEIGHT`].
    pub(super) fn place(&self, ms: f64) -> f64 {
        let share = ms / self.top();
        if share.is_finite() { (HEIGHT - share * HEIGHT).clamp(0.0, HEIGHT) } else { HEIGHT }
    }

    /// Its ticks, from the bottom.
    pub(super) fn ticks(&self) -> Vec<TickPicture> {
        (0..=self.steps)
            .map(|n| {
                let value = self.step * f64::from(n);
                TickPicture { at: number(self.place(value)), label: self.label(value) }
            })
            .collect()
    }

    fn label(&self, ms: f64) -> String {
        let (value, step, unit) =
            if self.top() >= SECONDS { (ms / 1000.0, self.step / 1000.0, "s") } else { (ms, self.step, "ms") };
        if value == 0.0 {
            return "0".to_owned();
        }
        // As many decimals as the step has: 0.25 needs two of them, 20 none.
        let decimals = (0..6).find(|digits| is_whole(step * 10_f64.powi(*digits))).unwrap_or(6);
        // Between 0 and 6.
        format!("{value:.*} {unit}", decimals as usize)
    }
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-6
}

/// The next step of 1, 2, 2.5 or 5 times a power of ten that is not smaller.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0].into_iter().find(|step| least <= step * power * (1.0 + 1e-9)).unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(highest: f64) -> Vec<String> {
        Axis::upto(highest).ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn steps_are_round_and_have_their_unit() {
        assert_eq!(labels(87.0), ["0", "25 ms", "50 ms", "75 ms", "100 ms"]);
        assert_eq!(labels(1.7), ["0", "0.5 ms", "1.0 ms", "1.5 ms", "2.0 ms"]);
        assert_eq!(labels(4_100.0), ["0", "2 s", "4 s", "6 s"]);
        assert_eq!(labels(2_000.0), ["0", "0.5 s", "1.0 s", "1.5 s", "2.0 s"]);
        assert_eq!(labels(0.9), ["0", "0.25 ms", "0.50 ms", "0.75 ms", "1.00 ms"]);
        assert_eq!(labels(0.0).len(), 5, "an axis without a value is still an axis");
    }

    proptest! {
        #[test]
        fn ticks_cover_the_data_and_are_few(highest in prop_oneof![0.0_f64..5e10, 0.0_f64..2.0, any::<f64>()]) {
            let axis = Axis::upto(highest);
            let ticks = axis.ticks();
            prop_assert!((2..=12).contains(&ticks.len()), "{ticks:?}");
            if (0.0..5e10).contains(&highest) {
                prop_assert!(axis.top() >= highest * (1.0 - 1e-8), "{} does not reach {highest}", axis.top());
                prop_assert!((0.0..=HEIGHT).contains(&axis.place(highest)));
                prop_assert!(axis.top() <= highest.max(1e-3) * 2.6, "{} is far above {highest}", axis.top());
            }
            let at: Vec<f64> = ticks.iter().map(|tick| tick.at.parse().unwrap()).collect();
            prop_assert_eq!((at[0], at[at.len() - 1]), (100.0, 0.0));
            prop_assert!(at.windows(2).all(|pair| pair[0] > pair[1]), "{at:?}");
            let labels: Vec<_> = ticks.iter().map(|tick| &tick.label).collect();
            prop_assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
        }
    }
}
