//! Minutes since 1970 in UTC, and which minutes of a roll-up have samples in them.

use jiff::Timestamp;

/// Minutes of an hour.
pub(super) const HOUR: i64 = 60;
/// Minutes of a day.
pub(super) const DAY: i64 = 24 * HOUR;

const NANOS: i128 = 60_000_000_000;

/// The minute that this instant lies in.
pub(super) fn minute_of(at: Timestamp) -> i64 {
    // A timestamp's nanoseconds span less than 10^21, so that minutes always fit.
    i64::try_from(at.as_nanosecond().div_euclid(NANOS)).unwrap_or(i64::MAX)
}

/// The first minute that begins at this instant or after it.
pub(super) fn minute_from(at: Timestamp) -> i64 {
    let begun = minute_of(at);
    if at.as_nanosecond().rem_euclid(NANOS) == 0 { begun } else { begun + 1 }
}

/// When a minute begins; `None` outside of what a timestamp can say.
pub(super) fn start_of(minute: i64) -> Option<Timestamp> {
    Timestamp::from_second(minute.checked_mul(60)?).ok()
}

/// Which minutes of a roll-up have samples, stored as a hex digit for four minutes, the first in the lowest bit, so that
/// SQL can look a minute up: see `added_up` of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mask {
    digits: Vec<u8>,
}

impl Mask {
    /// No minute of this many.
    pub(super) fn empty(width: i64) -> Self {
        let digits = usize::try_from(width.max(1)).unwrap_or(1).div_ceil(4);
        Self { digits: vec![0; digits] }
    }

    /// Reads a stored mask; `None` when it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        text.chars().map(digit).collect::<Option<_>>().map(|digits| Self { digits })
    }

    /// Adds the minutes of a narrower roll-up that begins `offset` minutes after this one. What does not fit is left out.
    pub(super) fn add(&mut self, other: &Self, offset: i64) {
        let Ok(offset) = usize::try_from(offset) else { return };
        for (at, digit) in other.digits.iter().enumerate() {
            for bit in (0..4).filter(|bit| digit >> bit & 1 == 1) {
                let minute = offset + at * 4 + bit;
                if let Some(mine) = self.digits.get_mut(minute / 4) {
                    *mine |= 1 << (minute % 4);
                }
            }
        }
    }

    /// As it is stored.
    pub(super) fn text(&self) -> String {
        self.digits.iter().filter_map(|digit| char::from_digit(u32::from(*digit), 16)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;

    #[test]
    fn minutes_are_rounded_down_before_1970_too() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        assert_eq!(minute_of(at("1970-01-01T00:01:59.999Z")), 1);
        assert_eq!(minute_of(at("1969-12-31T23:59:59.5Z")), -1);
        assert_eq!(
            (minute_from(at("1970-01-01T00:01:00Z")), minute_from(at("1970-01-01T00:01:00.000000001Z"))),
            (1, 2)
        );
        assert_eq!(start_of(minute_of(Timestamp::MAX)).unwrap().to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(start_of(i64::MAX), None);
    }

    #[test]
    fn masks_add_up() {
        let minute = Mask::read("1").unwrap();
        let mut hour = Mask::empty(HOUR);
        hour.add(&minute, 0);
        hour.add(&minute, 5);
        hour.add(&minute, 59);
        assert_eq!(hour.text(), "120000000000008");
        let mut day = Mask::empty(DAY);
        day.add(&hour, 23 * HOUR);
        assert_eq!(day.text(), format!("{}120000000000008", "0".repeat(345)));
        day.add(&minute, DAY);
        day.add(&minute, -1);
        assert_eq!(day.text().matches(['1', '2', '8']).count(), 3);
        assert_eq!(Mask::read("12x"), None);
    }
}
