//! This machine's clock against GitHub's.

use jiff::{SignedDuration, Timestamp};
use runbook_core::Finding;

const ID: &str = "clock";
const WHY: &str = "times in journal and issue mislead, `valid until` and maintenance windows are judged by a wrong clock, \
                   and a GitHub App whose clock is ahead by a minute is not let in";
const MEND: &str = "timedatectl set-ntp true";
/// The header has whole seconds, and the answer took its time.
const NOTHING: SignedDuration = SignedDuration::from_secs(30);
/// GitHub takes an App's word for a minute at most that is still to come.
const MOST_OF_AN_APP: SignedDuration = SignedDuration::from_secs(60);
const MOST: SignedDuration = SignedDuration::from_secs(5 * 60);

/// Compares what the answer said with the time when it was there. Pure.
pub(super) fn compare(there: Option<Timestamp>, now: Timestamp, is_app: bool) -> Finding {
    let Some(there) = there else {
        return Finding::unknown(ID, "GitHub did not say what time it is", WHY, "mend the connection first");
    };
    let ahead = now.duration_since(there);
    let off = ahead.abs();
    let what = match ahead.is_negative() {
        true => format!("this machine's clock is {} s behind GitHub's", off.as_secs()),
        false => format!("this machine's clock is {} s ahead of GitHub's", off.as_secs()),
    };
    if off <= NOTHING {
        return Finding::ok(ID, "this machine's clock agrees with GitHub's");
    }
    if off > MOST || (is_app && off > MOST_OF_AN_APP) {
        return Finding::problem(ID, what, WHY, MEND);
    }
    Finding::warning(ID, what, WHY, MEND)
}

#[cfg(test)]
mod tests {
    use runbook_core::FindingLevel;

    use super::*;

    fn level(off_s: i64, is_app: bool) -> FindingLevel {
        let there = Timestamp::from_second(1_700_000_000).unwrap_or_default();
        let now = Timestamp::from_second(1_700_000_000 + off_s).unwrap_or_default();
        compare(Some(there), now, is_app).level
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off_in_either_direction() {
        for sign in [1, -1] {
            assert_eq!(level(sign * 30, false), FindingLevel::Ok);
            assert_eq!(level(sign * 61, false), FindingLevel::Warning);
            assert_eq!(level(sign * 61, true), FindingLevel::Problem, "an App is not let in");
            assert_eq!(level(sign * 301, false), FindingLevel::Problem);
        }
    }

    #[test]
    fn a_clock_that_nobody_compared_is_unknown() {
        assert_eq!(compare(None, Timestamp::UNIX_EPOCH, false).level, FindingLevel::Unknown);
    }
}
