//! The axis of time, in UTC: ticks at whole minutes, hours, days and months.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{columns::seconds, model::TickPicture, path::number};

/// The most ticks: as many labels as fit on the screen of a telephone.
const MOST: i64 = 6;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The first Monday after the beginning of Unix time, for steps of weeks.
const MONDAY: i64 = 4 * DAY;

const STEPS: [i64; 14] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
];

/// Steps of months, for what is too long for weeks.
const MONTHS: [i64; 10] = [1, 2, 3, 6, 12, 60, 120, 240, 600, 1200];

/// The ticks between two moments; none when no time lies between them.
pub(super) fn ticks(from: Timestamp, to: Timestamp) -> Vec<TickPicture> {
    let span = seconds(from, to);
    if span <= 0.0 {
        return Vec::new();
    }
    let (first, last) = (from.as_second(), to.as_second());
    let tick = |at: Timestamp, label: String| TickPicture { at: number(seconds(from, at) / span * 100.0), label };
    if let Some(step) = STEPS.into_iter().find(|step| (last - first) / step < MOST) {
        let offset = if step == 7 * DAY { MONDAY } else { 0 };
        let begin = (first - offset).div_euclid(step) * step + offset;
        let moments = (0..=MOST + 1).map(|n| begin + n * step);
        let moments = moments.filter_map(|second| Timestamp::from_second(second).ok());
        return moments.filter(|at| (from..=to).contains(at)).map(|at| tick(at, label(at, step))).collect();
    }
    months(from, to).into_iter().map(|(at, label)| tick(at, label)).collect()
}

fn label(at: Timestamp, step: i64) -> String {
    let midnight = at.as_second().rem_euclid(DAY) == 0;
    let format = if step >= DAY || midnight { "%b %-d" } else { "%H:%M" };
    at.strftime(format).to_string()
}

/// The beginnings of months between two moments, as few as are asked for.
fn months(from: Timestamp, to: Timestamp) -> Vec<(Timestamp, String)> {
    let month = |at: Timestamp| {
        let date = at.to_zoned(TimeZone::UTC).date();
        i64::from(date.year()) * 12 + i64::from(date.month()) - 1
    };
    let (first, last) = (month(from), month(to));
    let Some(step) = MONTHS.into_iter().find(|step| (last - first) / step < MOST) else {
        return Vec::new();
    };
    let begin = first.div_euclid(step) * step;
    (0..=MOST + 1)
        .filter_map(|n| {
            let month = begin + n * step;
            let year = i16::try_from(month.div_euclid(12)).ok()?;
            let date = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
            let at = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
            (from..=to).contains(&at).then(|| (at, at.strftime("%b %Y").to_string()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(from: &str, to: &str) -> Vec<String> {
        ticks(from.parse().unwrap(), to.parse().unwrap()).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_stand_at_whole_hours_days_and_months() {
        assert_eq!(
            labels("2026-11-22T10:15:00Z", "2026-11-23T10:15:00Z"),
            ["12:00", "18:00", "Nov 23", "06:00"],
            "a midnight is the day that begins"
        );
        assert_eq!(
            labels("2026-11-23T10:00:00Z", "2026-11-23T10:05:00Z"),
            ["10:00", "10:01", "10:02", "10:03", "10:04", "10:05"]
        );
        let weeks = ["Oct 26", "Nov 2", "Nov 9", "Nov 16", "Nov 23"];
        assert_eq!(labels("2026-10-24T00:00:00Z", "2026-11-23T10:00:00Z"), weeks, "weeks begin on Mondays");
        let months = ["Sep 2026", "Oct 2026", "Nov 2026"];
        assert_eq!(labels("2026-08-25T10:00:00Z", "2026-11-23T10:00:00Z"), months);
        assert_eq!(labels("1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z").len(), 0, "no step is as long");
        assert_eq!(labels("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z").len(), 0);
    }

    proptest! {
        #[test]
        fn few_ticks_and_all_on_the_axis(first in -5_000_000_000_i64..5_000_000_000, span in 1_i64..4_000_000_000) {
            let (from, to) = (Timestamp::from_second(first).unwrap(), Timestamp::from_second(first + span).unwrap());
            let ticks = ticks(from, to);
            prop_assert!(ticks.len() <= 7, "{ticks:?}");
            prop_assert!(span < 2 * MINUTE || !ticks.is_empty());
            let at: Vec<f64> = ticks.iter().map(|tick| tick.at.parse().unwrap()).collect();
            prop_assert!(at.iter().all(|at| (0.0..=100.0).contains(at)) && at.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
