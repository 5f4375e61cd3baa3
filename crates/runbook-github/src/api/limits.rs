//! GitHub's rate limits, as its answers tell them.
//! Source: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A secondary limit without a header: GitHub asks for at least a minute.
const UNNAMED: Duration = Duration::from_secs(60);

/// How long to wait, so that several runners that were refused together do not come back together: up to a second more.
pub(super) fn jittered(wait: Duration) -> Duration {
    wait + Duration::from_millis(rand::random_range(0..1_000))
}

/// The headers that tell of limits, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) retry_after: Option<String>,
    pub(super) remaining: Option<String>,
    pub(super) reset: Option<String>,
}

/// How long to wait when an answer is a rate limit; `None` when it is none. Pure.
///
/// A 403 is a limit only when it says so: it is also the answer to a missing permission, which no waiting mends.
pub(super) fn wait(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Option<Duration> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.trim().parse::<u32>().ok());
    if let Some(seconds) = number(&headers.retry_after) {
        return Some(Duration::from_secs(seconds.into()));
    }
    if number(&headers.remaining) == Some(0)
        && let Some(reset) = headers.reset.as_deref().and_then(|text| text.trim().parse::<i64>().ok())
        && let Ok(reset) = Timestamp::from_second(reset)
    {
        // A second more, because both clocks are cut to whole seconds; never less than one, should ours be ahead.
        let wait = reset.duration_since(now).max(SignedDuration::ZERO) + SignedDuration::from_secs(1);
        return Some(wait.unsigned_abs());
    }
    let words = String::from_utf8_lossy(body).to_lowercase();
    let named = ["secondary rate limit", "rate limit exceeded", "abuse detection"].iter().any(|w| words.contains(w));
    (status == 429 || named).then_some(UNNAMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn wait_s(status: u16, headers: [Option<&str>; 3], body: &str) -> Option<u64> {
        let [retry_after, remaining, reset] = headers.map(|value| value.map(str::to_owned));
        let now = Timestamp::from_second(NOW).unwrap_or_default();
        wait(status, &Headers { retry_after, remaining, reset }, body.as_bytes(), now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_missing_permission_is_no_limit() {
        assert_eq!(wait_s(403, [None, Some("4999"), Some("1700003600")], "Resource not accessible"), None);
        assert_eq!(wait_s(200, [Some("5"), Some("0"), None], ""), None);
    }

    #[test]
    fn what_the_headers_say_comes_first() {
        assert_eq!(wait_s(403, [Some("7"), Some("0"), Some("1700003600")], "secondary rate limit"), Some(7));
        assert_eq!(wait_s(403, [None, Some("0"), Some("1700000020")], ""), Some(21));
        assert_eq!(wait_s(429, [None, Some("0"), Some("1699999000")], ""), Some(1), "a reset in the past");
    }

    #[test]
    fn nobody_comes_back_too_early_and_not_all_at_once() {
        let pauses: Vec<u128> = (0..50).map(|_| jittered(Duration::from_secs(3)).as_millis()).collect();
        assert!(pauses.iter().all(|pause| (3_000..4_000).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    #[test]
    fn a_limit_without_numbers_lasts_a_minute() {
        assert_eq!(wait_s(403, [None; 3], "You have exceeded a SECONDARY rate limit."), Some(60));
        assert_eq!(wait_s(429, [Some("soon"), Some("0"), Some("never")], ""), Some(60));
    }
}
