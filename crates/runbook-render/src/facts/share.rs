//! Shares of time: figures that never claim more than was seen, and a line of signs, one for each stretch.

/// The signs of a stretch, from always down to always up.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Stands for a stretch in which nothing was observed.
const UNOBSERVED: char = '·';

/// A share of one, such as `99.2 %`. Cut, never rounded: only all of it reads as 100 %, and only nothing as 0 %.
pub(crate) fn percent(share: f64) -> String {
    // What a float loses in a multiplication must not cost a whole digit.
    let cut = |share: f64, digits: f64| (share * digits + 1e-6).floor();
    if !share.is_finite() {
        "unknown".to_owned()
    } else if share >= 1.0 {
        "100 %".to_owned()
    } else if share <= 0.0 {
        "0 %".to_owned()
    } else if share < 0.001 {
        "under 0.1 %".to_owned()
    } else if share >= 0.999 {
        format!("{} %", cut(share, 1e4).min(9999.0) / 100.0)
    } else {
        format!("{} %", cut(share, 1e3) / 10.0)
    }
}

/// How much was observed, in whole percents: more digits would say nothing.
pub(crate) fn coverage_percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 {
        "under 1 %".to_owned()
    } else if share > 0.0 && share < 1.0 {
        format!("{} %", (share * 100.0 + 1e-6).floor().min(99.0))
    } else {
        percent(share)
    }
}

/// How long a service was up, and of how much that is told: `99.2 % of 41 % observed`.
pub(crate) fn observed(uptime: Option<f64>, coverage: f64) -> String {
    match uptime.filter(|uptime| uptime.is_finite()) {
        Some(uptime) => format!("{} of {} observed", percent(uptime), coverage_percent(coverage)),
        None => "nothing observed".to_owned(),
    }
}

/// A sign for each stretch, oldest first. The highest one only where no fault was seen.
pub(crate) fn sparkline(uptimes: impl IntoIterator<Item = Option<f64>>) -> String {
    let sign = |uptime: f64| match uptime {
        all if all >= 1.0 => LEVELS[7],
        // Saturates at 0, and 7 is for those without fault.
        part => LEVELS[((part * 7.0) as usize).min(6)],
    };
    uptimes.into_iter().map(|uptime| uptime.filter(|share| share.is_finite()).map_or(UNOBSERVED, sign)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_all_reads_as_all_and_only_nothing_as_nothing() {
        for (share, text) in [
            (1.0, "100 %"),
            (0.999_999_9, "99.99 %"),
            (0.9995, "99.95 %"),
            (0.999, "99.9 %"),
            (0.992, "99.2 %"),
            (0.9929, "99.2 %"),
            (0.5, "50 %"),
            (0.001, "0.1 %"),
            (0.000_1, "under 0.1 %"),
            (0.0, "0 %"),
            (f64::NAN, "unknown"),
        ] {
            assert_eq!(percent(share), text);
        }
        assert_eq!(observed(Some(0.992), 0.41), "99.2 % of 41 % observed");
        assert_eq!(observed(Some(1.0), 0.003), "100 % of under 1 % observed");
        assert_eq!(observed(Some(1.0), 0.9999), "100 % of 99 % observed");
        assert_eq!(observed(None, 0.0), "nothing observed");
    }

    #[test]
    fn what_was_not_observed_is_neither_up_nor_down() {
        let hours = [Some(0.0), Some(0.5), Some(0.999), Some(1.0), None, Some(f64::NAN), Some(7.0), Some(-1.0)];
        assert_eq!(sparkline(hours), "▁▄▇█··█▁");
    }

    proptest! {
        #[test]
        fn a_fault_is_never_hidden(share in 0.0_f64..1.0) {
            prop_assert_ne!(percent(share), "100 %");
            prop_assert_ne!(coverage_percent(share), "100 %");
            prop_assert_ne!(sparkline([Some(share)]), "█");
        }
    }
}
