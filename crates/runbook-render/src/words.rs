//! How numbers, times and outcomes are written for people, and the signs that stand before them.

use jiff::Timestamp;
use runbook_core::{Health, Latency, OperationalStatus, Verdict};

/// What stands where something could not be measured.
pub(crate) const UNKNOWN: &str = "unknown";

/// A moment, such as `2026-11-23 10:15:00 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A moment to the minute, such as `2026-11-23 10:15 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A span in minutes, such as `14 h 10 min`.
pub(crate) fn minutes(minutes: f64) -> String {
    // Saturates far beyond any history.
    match minutes.round() as u64 {
        0 => "under 1 min".to_owned(),
        minutes => span(minutes.saturating_mul(60_000)),
    }
}

/// A span in milliseconds, in at most two units: `3 ms`, `1.2 s`, `4 min 5 s`, `6 h`, `3 d 4 h`.
pub(crate) fn span(ms: u64) -> String {
    let two = |big: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {part}"),
    };
    let seconds = ms / 1000;
    match ms {
        0 => "under 1 ms".to_owned(),
        1..1000 => format!("{ms} ms"),
        // Tenths are cut, not rounded: 59.96 s must not read as 60 s.
        1000..60_000 if ms % 1000 < 100 => format!("{seconds} s"),
        1000..60_000 => format!("{seconds}.{} s", ms % 1000 / 100),
        60_000..3_600_000 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600_000..86_400_000 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

/// One latency: `0.4 ms`, `12 ms`, `1.2 s`; what is no number is unknown.
pub(crate) fn latency_value(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        return UNKNOWN.to_owned();
    }
    let tenths = (ms * 10.0).round() / 10.0;
    if tenths < 0.1 {
        "under 0.1 ms".to_owned()
    } else if tenths < 10.0 {
        format!("{tenths} ms")
    } else {
        // Saturates far beyond any latency.
        span(ms.round() as u64)
    }
}

/// Median and 95th percentile, such as `12 ms / 40 ms`.
pub(crate) fn latency(latency: Option<Latency>) -> String {
    match latency {
        Some(latency) => format!("{} / {}", latency_value(latency.p50), latency_value(latency.p95)),
        None => UNKNOWN.to_owned(),
    }
}

/// The sign of a service's health.
pub(crate) fn health_sign(health: Health) -> &'static str {
    match health {
        Health::Healthy => "✅",
        Health::Degraded => "⚠️",
        Health::Unhealthy => "🔴",
        Health::Unknown => "❔",
    }
}

/// The sign of a verdict; `None` is a run that goes on.
pub(crate) fn verdict_sign(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Succeeded) => "✅",
        Some(Verdict::Blocked) => "⛔",
        Some(Verdict::Failed) => "❌",
        Some(Verdict::RolledBack) => "↩️",
        Some(Verdict::Aborted) => "🛑",
        Some(Verdict::NeedsOperator) => "🚨",
        None => "🔄",
    }
}

/// The verdict in words; `None` is a run that goes on.
pub(crate) fn verdict_phrase(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("still running", Verdict::phrase)
}

/// The sign of a stage's outcome, by the word of the report.
pub(crate) fn outcome_sign(outcome: &str) -> &'static str {
    match outcome {
        "passed" => "✅",
        "warned" => "⚠️",
        "skipped" => "⏭️",
        "blocked" => "⛔",
        "failed" => "❌",
        "running" => "🔄",
        "pending" => "⏳",
        _ => "❔",
    }
}

/// How long a stage took, by its outcome: what did not run took no time, and that is not zero.
pub(crate) fn stage_time(outcome: &str, ms: u64) -> String {
    match outcome {
        "pending" => "not started".to_owned(),
        "running" => "still running".to_owned(),
        // A stage that skips itself within the millisecond is no other than one that was left out.
        "skipped" if ms < 10 => "did not run".to_owned(),
        _ => span(ms),
    }
}

/// The display name of a stage: the built-in ones have one, others are called by their id.
pub(crate) fn stage_name(id: &str) -> &str {
    match id {
        "gate" | "safety-gate" => "Safety Gate",
        "ci" => "CI Pipeline",
        "baseline" => "Baseline",
        "deploy" => "Deployment",
        "monitor" => "Monitoring",
        "rollback" => "Rollback",
        "verify" => "Verification",
        "stop" => "Emergency Stop",
        "resume" => "Resume",
        "report" => "Report",
        custom => custom,
    }
}

/// The sign that stands before a stage's display name.
pub(crate) fn stage_sign(id: &str) -> &'static str {
    match id {
        "gate" | "safety-gate" => "🛡️",
        "ci" => "🔧",
        "baseline" => "📏",
        "deploy" => "🚀",
        "monitor" => "📊",
        "rollback" => "🔄",
        "verify" => "🔍",
        "stop" => "🛑",
        "resume" => "▶️",
        "report" => "📝",
        _ => "🧩",
    }
}

/// The colour of a status, as Discord takes it.
pub(crate) fn status_colour(status: OperationalStatus) -> u32 {
    match status {
        OperationalStatus::Operational => 0x2d_a4_4e,
        OperationalStatus::Degraded => 0xd2_99_22,
        OperationalStatus::Critical => 0xcf_22_2e,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_people_write_them() {
        for (ms, text) in [
            (0, "under 1 ms"),
            (3, "3 ms"),
            (1_000, "1 s"),
            (1_234, "1.2 s"),
            (59_999, "59.9 s"),
            (245_000, "4 min 5 s"),
            (21_600_000, "6 h"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }

    #[test]
    fn latencies_are_measured_or_unknown() {
        assert_eq!(latency(None), "unknown");
        assert_eq!(latency(Some(Latency { p50: 1.24, p95: 40.4, samples: 3 })), "1.2 ms / 40 ms");
        assert_eq!(latency(Some(Latency { p50: 0.01, p95: f64::NAN, samples: 1 })), "under 0.1 ms / unknown");
        assert_eq!(latency(Some(Latency { p50: 999.6, p95: 1_250.0, samples: 1 })), "1 s / 1.2 s");
    }

    #[test]
    fn what_did_not_run_took_no_time() {
        assert_eq!(stage_time("pending", 0), "not started");
        assert_eq!(stage_time("skipped", 0), "did not run");
        assert_eq!(stage_time("passed", 0), "under 1 ms");
    }
}
