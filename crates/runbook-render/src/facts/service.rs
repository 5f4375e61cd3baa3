//! What is known of one service beside its health, in words.

use jiff::{SignedDuration, Timestamp};
use runbook_core::{
    AlertFinding, Comparison, Difference, Listed, MOST_SUSPECTS, ReleaseId, Report, Reverted, RollbackRow, ServiceRow,
    Shift,
};

use crate::{
    text::{count, shorten},
    words,
};

/// With fewer days than this, a certificate is spoken of although no alert asks for it.
const CERTIFICATE_DAYS: i64 = 30;

/// The most characters of one commit.
const LONGEST_COMMIT: usize = 80;

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactKind {
    /// An alert that fired.
    Alert,
    /// An alert that could not be judged.
    Unjudged,
    /// That the certificate is not valid much longer, or no more.
    Certificate,
    /// How long the certificate is valid, where that gives no reason to act.
    ValidCertificate,
    /// How the latency compares with that of the release before, where there is a difference.
    Comparison,
    /// A comparison without a difference or without a verdict.
    NoDifference,
    /// The commits that may have done it.
    Suspects,
}

impl FactKind {
    /// The word before the fact, where it stands in a list of many.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Unjudged => "not judged",
            Self::Certificate | Self::ValidCertificate => "certificate",
            Self::Comparison | Self::NoDifference => "latency",
            Self::Suspects => "suspects",
        }
    }
}

/// One fact in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub kind: FactKind,
    pub text: String,
}

impl Fact {
    /// The fact with its label, as it stands in a table or on a line.
    pub(crate) fn line(&self) -> String {
        format!("{}: {}", self.kind.label(), self.text)
    }
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What somebody should know at once.
    Short,
    /// That, and the alerts that could not be judged.
    Detail,
    /// Everything, also what gives no reason to act.
    All,
}

/// The service whose fault this is: what people call it, where it is one of `rows`.
pub(crate) fn because<'a>(row: &'a ServiceRow, rows: &'a [ServiceRow]) -> Option<&'a str> {
    let cause = row.caused_by.as_ref()?;
    let name = rows.iter().find(|other| other.id == *cause).map(|other| other.name.as_str());
    Some(name.filter(|name| !name.trim().is_empty()).unwrap_or(cause.as_str()))
}

/// `in maintenance until 2026-11-23 12:00:00 UTC: moving the database`.
pub(crate) fn maintenance(row: &ServiceRow) -> Option<String> {
    let maintenance = row.maintenance.as_ref()?;
    let until = format!("in maintenance until {}", words::moment(maintenance.until));
    match maintenance.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) => Some(format!("{until}: {reason}")),
        None => Some(until),
    }
}

/// The release that a service's comparison is with: what was live before the run that measured it. `None` when the newest
/// measurement is from another run, or nobody knows.
pub(crate) fn release_before<'a>(report: &'a Report, row: &ServiceRow) -> Option<&'a ReleaseId> {
    row.measured_at.filter(|at| *at >= report.started_at)?;
    report.releases.before.get(&row.id)?.as_ref()
}

/// The facts of a service, what matters most first; at most `commits` suspects are named and the rest counted.
pub(crate) fn facts(
    row: &ServiceRow,
    now: Timestamp,
    before: Option<&ReleaseId>,
    depth: Depth,
    commits: usize,
) -> Vec<Fact> {
    let fact = |kind| move |text| Fact { kind, text };
    let alert = |fired: Option<bool>| row.alerts.iter().filter(move |alert| alert.fired == fired).map(found);
    let mut facts: Vec<_> = alert(Some(true)).map(fact(FactKind::Alert)).collect();
    facts.extend(row.comparison.as_ref().and_then(|comparison| compared(comparison, before, depth)));
    facts.extend(suspects(&row.suspects, commits).map(fact(FactKind::Suspects)));
    facts.extend(certificate(row, now, depth));
    if depth != Depth::Short {
        facts.extend(alert(None).map(fact(FactKind::Unjudged)));
    }
    facts
}

fn found(alert: &AlertFinding) -> String {
    format!("{}: {}", alert.alert, alert.found)
}

pub(crate) fn suspects(commits: &[String], most: usize) -> Option<String> {
    let named: Vec<_> = commits.iter().take(most).map(|commit| shorten(commit, LONGEST_COMMIT)).collect();
    if named.is_empty() {
        return None;
    }
    let mut text = named.join("; ");
    if commits.len() > named.len() {
        // Whoever lists them stops counting there.
        let least = if commits.len() >= MOST_SUSPECTS { "at least " } else { "" };
        let more = count(commits.len() - named.len(), "more commit", "more commits");
        text.push_str(&format!("; and {least}{more}"));
    }
    Some(text)
}

/// What a rollback takes back, a line for each pair of releases: how many commits and files, and the first of each; the
/// commits only where they are not named as suspects anyway.
pub(crate) fn taken_back(rollback: &RollbackRow, most: usize) -> Vec<String> {
    let line = |reverted: &Reverted| {
        let way = format!("{} → {}", reverted.from, reverted.to);
        let Difference { commits, files, irreversible } = &reverted.difference;
        if reverted.unknown.is_some() {
            return format!("{way}: {}", reverted.size());
        }
        let named = |list: &Listed, one, many, most| {
            let number = count(list.count(), one, many);
            let named: Vec<_> = list.first.iter().take(most).map(|entry| shorten(entry, LONGEST_COMMIT)).collect();
            match (named.is_empty(), list.count() - named.len()) {
                (true, _) => number,
                (false, 0) => format!("{number} ({})", named.join("; ")),
                (false, more) => format!("{number} ({}; and {more} more)", named.join("; ")),
            }
        };
        let suspected = if rollback.suspects.is_empty() { most } else { 0 };
        let commits = named(commits, "commit", "commits", suspected);
        let mut text = format!("{way}: {commits}, {}", named(files, "file", "files", most));
        if !irreversible.is_empty() {
            text.push_str(&format!(
                ", but not {}",
                named(irreversible, "irreversible mark", "irreversible marks", most)
            ));
        }
        text
    };
    rollback.taken_back.iter().map(line).collect()
}

fn certificate(row: &ServiceRow, now: Timestamp, depth: Depth) -> Option<Fact> {
    let until = row.certificate_not_after?;
    let left = until.duration_since(now);
    let soon = left.as_hours() < CERTIFICATE_DAYS * 24;
    let asked = row.alerts.iter().any(|alert| alert.alert.contains("certificate"));
    if !soon && !asked && depth != Depth::All {
        return None;
    }
    let at = words::moment(until);
    // Days past or to come; a certificate's life has never more of them than fit.
    let days = usize::try_from(left.as_hours().unsigned_abs() / 24).unwrap_or(usize::MAX);
    let text = match (left < SignedDuration::ZERO, days) {
        (true, 0) => format!("expired less than a day ago, at {at}"),
        (true, days) => format!("expired {} ago, at {at}", count(days, "day", "days")),
        (false, 0) => format!("less than a day left, until {at}"),
        (false, days) => format!("{} left, until {at}", count(days, "day", "days")),
    };
    Some(Fact { kind: if soon { FactKind::Certificate } else { FactKind::ValidCertificate }, text })
}

/// A latency in three digits: a comparison is about differences that `12 ms` would hide.
pub(crate) fn precise(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        words::UNKNOWN.to_owned()
    } else if ms < 99.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.2} s", ms / 1000.0)
    }
}

fn compared(comparison: &Comparison, before: Option<&ReleaseId>, depth: Depth) -> Option<Fact> {
    let than = before.map_or("before the change", |release| release.as_str());
    let median = |ms: Option<f64>| ms.map_or_else(|| words::UNKNOWN.to_owned(), precise);
    let medians = format!("p50 {} → {}", median(comparison.baseline_p50), median(comparison.p50));
    let figures = match (comparison.p_value, comparison.effect) {
        (Some(p), Some(effect)) => format!("{medians}, {}, A = {effect:.2}", probability(p)),
        _ => medians,
    };
    let samples =
        format!("{} against {}", count(comparison.samples as usize, "sample", "samples"), comparison.baseline_samples);
    let (kind, text) = match comparison.shift {
        Shift::Slower => (FactKind::Comparison, format!("slower than {than}: {figures}")),
        Shift::Faster => (FactKind::Comparison, format!("faster than {than}: {figures}")),
        Shift::NoDifference => {
            let from = before.map_or("what it was before the change", |release| release.as_str());
            (FactKind::NoDifference, format!("no sure difference from {from}: {figures}"))
        }
        Shift::TooFew => (FactKind::NoDifference, format!("too few samples to compare with {than}: {samples}")),
    };
    // In short, only what changed for the worse or the better is told.
    (kind == FactKind::Comparison || depth == Depth::All).then_some(Fact { kind, text })
}

fn probability(p: f64) -> String {
    match p {
        p if !p.is_finite() => "p unknown".to_owned(),
        p if p < 0.000_1 => "p < 0.0001".to_owned(),
        p if p < 0.01 => format!("p = {p:.4}"),
        p => format!("p = {p:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_core::{Health, Maintenance, ServiceId};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn row(id: &str, name: &str) -> ServiceRow {
        serde_json::from_value(serde_json::json!({
            "id": id, "name": name, "health": Health::Unhealthy, "critical": true, "evidence": "no answer",
            "latency_ms": null, "since": null, "measured_at": null, "release": null,
        }))
        .unwrap()
    }

    fn lines(row: &ServiceRow, depth: Depth) -> Vec<String> {
        facts(row, at("2026-11-23T10:00:00Z"), None, depth, 2).iter().map(Fact::line).collect()
    }

    #[test]
    fn the_cause_is_called_as_people_call_it() {
        let db = row("db", "Database");
        let mut app = row("app", "App");
        assert_eq!(because(&app, &[]), None);
        app.caused_by = Some(ServiceId::new("db").unwrap());
        assert_eq!(because(&app, std::slice::from_ref(&db)), Some("Database"));
        assert_eq!(because(&app, &[]), Some("db"), "a service that is not listed has its id");
    }

    #[test]
    fn maintenance_says_until_when_and_what_for() {
        let mut app = row("app", "App");
        app.maintenance = Some(Maintenance { until: at("2026-11-23T12:00:00Z"), reason: Some("new disks".into()) });
        assert_eq!(maintenance(&app).as_deref(), Some("in maintenance until 2026-11-23 12:00:00 UTC: new disks"));
        app.maintenance = Some(Maintenance { until: at("2026-11-23T12:00:00Z"), reason: Some(" ".into()) });
        assert_eq!(maintenance(&app).as_deref(), Some("in maintenance until 2026-11-23 12:00:00 UTC"));
    }

    #[test]
    fn an_alert_that_could_not_be_judged_is_told_apart_from_one_that_fired() {
        let mut app = row("app", "App");
        let alert = |alert: &str, fired, found: &str| AlertFinding { alert: alert.into(), fired, found: found.into() };
        app.alerts = vec![
            alert("p95 > 800ms over 1h", Some(true), "912 ms over 240 samples"),
            alert("p99 > 2s over 1h", None, "4 samples of at least 20"),
            alert("error rate > 5% over 1h", Some(false), "0 %"),
        ];
        assert_eq!(lines(&app, Depth::Short), ["alert: p95 > 800ms over 1h: 912 ms over 240 samples"]);
        assert_eq!(lines(&app, Depth::Detail)[1..], ["not judged: p99 > 2s over 1h: 4 samples of at least 20"]);
    }

    #[test]
    fn a_certificate_is_spoken_of_when_it_ends_soon_or_an_alert_asks() {
        let mut app = row("app", "App");
        let mut with = |until: &str, depth| {
            app.certificate_not_after = Some(at(until));
            lines(&app, depth)
        };
        assert_eq!(
            with("2026-12-05T11:00:00Z", Depth::Short),
            ["certificate: 12 days left, until 2026-12-05 11:00:00 UTC"]
        );
        assert_eq!(
            with("2026-11-23T12:00:00Z", Depth::Short),
            ["certificate: less than a day left, until 2026-11-23 12:00:00 UTC"]
        );
        assert_eq!(
            with("2026-11-21T10:00:00Z", Depth::Short),
            ["certificate: expired 2 days ago, at 2026-11-21 10:00:00 UTC"]
        );
        assert_eq!(with("2026-12-23T10:00:00Z", Depth::Short), [""; 0]);
        assert_eq!(
            with("2026-12-23T10:00:00Z", Depth::All),
            ["certificate: 30 days left, until 2026-12-23 10:00:00 UTC"]
        );
        app.alerts =
            vec![AlertFinding { alert: "certificate < 45d".into(), fired: Some(true), found: "30 days".into() }];
        assert_eq!(lines(&app, Depth::Short).len(), 2);
    }

    #[test]
    fn a_comparison_names_its_figures_and_never_more_than_was_measured() {
        let mut app = row("app", "App");
        let mut comparison = Comparison {
            shift: Shift::Slower,
            baseline_samples: 60,
            baseline_p50: Some(12.1),
            samples: 60,
            p50: Some(30.4),
            p_value: Some(0.000_3),
            effect: Some(0.93),
        };
        app.comparison = Some(comparison.clone());
        let before = ReleaseId::new("v1.0.0").unwrap();
        let told = facts(&app, at("2026-11-23T10:00:00Z"), Some(&before), Depth::Short, 2);
        assert_eq!(told[0].text, "slower than v1.0.0: p50 12.1 ms → 30.4 ms, p = 0.0003, A = 0.93");
        assert!(lines(&app, Depth::Short)[0].starts_with("latency: slower than before the change: "));
        comparison.shift = Shift::TooFew;
        (comparison.samples, comparison.p50, comparison.p_value) = (1, None, None);
        app.comparison = Some(comparison);
        assert!(lines(&app, Depth::Detail).is_empty());
        assert_eq!(
            lines(&app, Depth::All),
            ["latency: too few samples to compare with before the change: 1 sample against 60"]
        );
        assert_eq!([12.1, 912.4, 1_234.0, f64::NAN].map(precise), ["12.1 ms", "912 ms", "1.23 s", "unknown"]);
        assert_eq!(
            [0.00003, 0.0003, 0.04, f64::NAN].map(probability),
            ["p < 0.0001", "p = 0.0003", "p = 0.04", "p unknown"]
        );
    }

    #[test]
    fn suspects_are_named_newest_first_and_the_rest_counted() {
        let mut app = row("app", "App");
        app.suspects = vec!["a1b2c3d Fix the pool".into(), "d4e5f6a Add a cache".into(), "0123abc Start".into()];
        assert_eq!(
            lines(&app, Depth::Short),
            ["suspects: a1b2c3d Fix the pool; d4e5f6a Add a cache; and 1 more commit"]
        );
    }
}
