//! The summary of a run, and what is known of an environment.

use jiff::Timestamp;
use runbook_core::{
    Health, OperationalStatus, ReleaseId, Report, RollbackRow, ServiceRow, StageRow, StatusDocument, Verdict,
};

use super::line::{Line, Tone, indented, widest};
use crate::{
    facts::{self, Depth, FactKind, release_before},
    picture::hours,
    text::shorten,
    words,
};

/// The most facts below a service's line.
const FACTS: usize = 6;

/// The most suspects that are named.
const COMMITS: usize = 3;

/// The summary of a run.
pub fn terminal_report(report: &Report) -> Vec<Line> {
    let took = words::span(report.elapsed_ms);
    let origin = format!("run {}, asked by {} ({}), took {took}", report.run, report.actor, report.trigger);
    let mut lines = vec![headline(report), Line::default().outside(Tone::Dim, &origin)];
    if !report.stages.is_empty() {
        lines.push(Line::default());
        let name = widest(report.stages.iter().map(|row| words::stage_name(row.id.as_str())));
        let time = widest(report.stages.iter().map(stage_time));
        lines.extend(report.stages.iter().map(|row| stage(row, name, time)));
    }
    lines.push(Line::default());
    lines.extend(status(report.operational_status, &report.status_reasons));
    lines.push(indented().own(Tone::Dim, &format!("valid until {}", words::moment(report.valid_until))));
    let before = |row: &ServiceRow| release_before(report, row).cloned();
    lines.extend(services(&report.services, report.finished_at, before));
    let mut ends = Vec::new();
    if let Some(rollback) = &report.rollback {
        ends.extend(way_back(rollback));
    }
    ends.extend(report.notifications.iter().map(|row| {
        let tone = if row.outcome == "sent" { Tone::Dim } else { Tone::Warn };
        Line::default().column(Tone::Plain, "told", 10).outside(tone, &format!("{}: {}", row.to, row.outcome))
    }));
    if let Some(issue) = &report.issue {
        let place = format!("#{} {}", issue.number, issue.url);
        ends.push(Line::default().column(Tone::Plain, "issue", 10).outside(Tone::Dim, &place));
    }
    if !ends.is_empty() {
        lines.push(Line::default());
        lines.extend(ends);
    }
    lines
}

/// What is known of an environment.
pub fn terminal_status(document: &StatusDocument) -> Vec<Line> {
    let mut lines = status(document.operational_status, &document.status_reasons);
    let (at, until) = (words::moment(document.updated_at), words::moment(document.valid_until));
    let origin = format!("{}, {}, at {at}; valid until {until}", document.project, document.environment);
    lines.push(indented().outside(Tone::Dim, &origin));
    if let Some(reason) = &document.stopped {
        lines.push(indented().own(Tone::Bad, "the stop latch is set: ").outside(Tone::Plain, reason));
        lines.push(indented().own(Tone::Dim, "a person lifts it with: runbook resume --reason WHY"));
    }
    lines.extend(services(&document.services, document.updated_at, |_| None));
    if let Some(run) = document.run {
        lines.push(Line::default());
        let verdict = words::verdict_phrase(document.verdict);
        lines.push(
            Line::default()
                .column(Tone::Plain, "last run", 10)
                .own(verdict_tone(document.verdict), verdict)
                .own(Tone::Dim, &format!("  {run}")),
        );
    }
    lines
}

fn headline(report: &Report) -> Line {
    let line = Line::default()
        .own(Tone::Plain, &format!("{} in {}: ", report.action, report.environment))
        .own(verdict_tone(report.verdict), words::verdict_phrase(report.verdict));
    match &report.verdict_reason {
        Some(reason) => line.own(Tone::Dim, " – ").outside(Tone::Plain, reason),
        None => line,
    }
}

fn stage(row: &StageRow, name: usize, time: usize) -> Line {
    let tone = outcome_tone(&row.outcome);
    let line = Line::default()
        .column(tone, sign(tone), 3)
        .column(Tone::Plain, words::stage_name(row.id.as_str()), name + 2)
        .column(tone, &row.outcome, 9)
        .column(Tone::Dim, &stage_time(row), time + 2);
    match &row.reason {
        Some(reason) => line.outside(Tone::Plain, reason),
        None => line,
    }
}

fn stage_time(row: &StageRow) -> String {
    words::stage_time(&row.outcome, row.elapsed_ms)
}

fn status(status: OperationalStatus, reasons: &[String]) -> Vec<Line> {
    let tone = match status {
        OperationalStatus::Operational => Tone::Good,
        OperationalStatus::Degraded => Tone::Warn,
        OperationalStatus::Critical => Tone::Bad,
    };
    let mut lines = vec![Line::default().own(tone, status.as_str())];
    lines.extend(reasons.iter().map(|reason| indented().outside(Tone::Plain, reason)));
    lines
}

/// A line for each service; what is not healthy gets its evidence on a line of its own, and so does what else is known.
fn services(rows: &[ServiceRow], now: Timestamp, before: impl Fn(&ServiceRow) -> Option<ReleaseId>) -> Vec<Line> {
    if rows.is_empty() {
        return Vec::new();
    }
    let titles: Vec<_> = rows
        .iter()
        .map(|row| match row.port {
            Some(port) => format!("{} (Port {port})", shorten(&row.name, 60)),
            None => shorten(&row.name, 60),
        })
        .collect();
    let releases: Vec<_> = rows
        .iter()
        .map(|row| match &row.release {
            Some(release) => release.as_str(),
            None if row.stopped => "stopped",
            None => words::UNKNOWN,
        })
        .collect();
    let latencies: Vec<_> = rows.iter().map(|row| words::latency(row.latency_ms)).collect();
    let (title_width, latency_width, release_width) = (widest(&titles), widest(&latencies), widest(&releases));
    let mut lines = vec![Line::default()];
    for (((row, title), latency), release) in rows.iter().zip(&titles).zip(&latencies).zip(&releases) {
        let tone = health_tone(row.health);
        let line = Line::default()
            .column(tone, sign(tone), 3)
            .column(Tone::Plain, title, title_width + 2)
            .column(tone, row.health.as_str(), 11)
            .column(Tone::Dim, latency, latency_width + 2);
        lines.push(match &row.trend {
            Some(trend) => line
                .column(Tone::Plain, release, release_width + 2)
                .own(Tone::Plain, &facts::sparkline(hours(trend).iter().copied()))
                .own(Tone::Dim, &format!("  {}", facts::observed(trend.uptime, trend.coverage))),
            None => line.outside(Tone::Plain, release),
        });
        lines.extend(findings(row, rows, now, before(row).as_ref()));
    }
    lines
}

/// What stands below a service's line: cause, maintenance, evidence, and what else somebody should know.
fn findings(row: &ServiceRow, rows: &[ServiceRow], now: Timestamp, before: Option<&ReleaseId>) -> Vec<Line> {
    let below = || Line::default().own(Tone::Plain, "     ");
    let mut lines = Vec::new();
    if let Some(cause) = facts::because(row, rows) {
        lines.push(below().outside(Tone::Plain, &format!("because of {cause}")));
    }
    if let Some(maintenance) = facts::maintenance(row) {
        lines.push(below().outside(Tone::Plain, &maintenance));
    }
    if row.health != Health::Healthy {
        lines.push(below().outside(Tone::Dim, &row.evidence));
    }
    let facts = facts::facts(row, now, before, Depth::Short, COMMITS);
    lines.extend(facts.iter().take(FACTS).map(|fact| {
        let tone = if fact.kind == FactKind::Alert { Tone::Warn } else { Tone::Plain };
        below().outside(tone, &fact.line())
    }));
    if facts.len() > FACTS {
        lines.push(below().own(Tone::Dim, &format!("… and {} more", facts.len() - FACTS)));
    }
    lines
}

fn way_back(rollback: &RollbackRow) -> Vec<Line> {
    let (tone, checked) = if rollback.verified { (Tone::Good, "verified") } else { (Tone::Bad, "not verified") };
    let asked = if rollback.automatic { "automatic" } else { "asked for" };
    let mut lines = vec![
        Line::default()
            .column(Tone::Plain, "rollback", 10)
            .own(tone, checked)
            .own(Tone::Plain, &format!(", {asked}: "))
            .outside(Tone::Plain, &rollback.reason),
    ];
    lines.extend(rollback.services.iter().map(|(service, way)| {
        let from = way.from.as_ref().map_or(words::UNKNOWN, |release| release.as_str());
        Line::default().column(Tone::Plain, "", 10).outside(Tone::Plain, &format!("{service}: {from} → {}", way.to))
    }));
    let taken_back = facts::taken_back(rollback, COMMITS).into_iter().map(|line| format!("takes back {line}"));
    let suspects = facts::suspects(&rollback.suspects, COMMITS).map(|suspects| format!("suspects: {suspects}"));
    lines.extend(
        taken_back.chain(suspects).map(|line| Line::default().column(Tone::Plain, "", 10).outside(Tone::Plain, &line)),
    );
    if let Some(branch) = &rollback.branch {
        lines.push(
            Line::default().column(Tone::Plain, "", 10).outside(Tone::Dim, &format!("recorded on the branch {branch}")),
        );
    }
    if let Some(url) = &rollback.pull_request {
        lines.push(Line::default().column(Tone::Plain, "", 10).outside(Tone::Dim, &format!("pull request {url}")));
    }
    lines
}

/// The sign of a tone, for eyes and screens that see no colours.
fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓",
        Tone::Warn => "!",
        Tone::Bad => "✗",
        Tone::Plain => "·",
        Tone::Dim => "–",
    }
}

fn health_tone(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Degraded | Health::Unknown => Tone::Warn,
        Health::Unhealthy => Tone::Bad,
    }
}

fn outcome_tone(outcome: &str) -> Tone {
    match outcome {
        "passed" => Tone::Good,
        "warned" => Tone::Warn,
        "blocked" | "failed" => Tone::Bad,
        "skipped" => Tone::Dim,
        _ => Tone::Plain,
    }
}

fn verdict_tone(verdict: Option<Verdict>) -> Tone {
    match verdict {
        Some(Verdict::Succeeded) => Tone::Good,
        Some(Verdict::RolledBack | Verdict::Aborted | Verdict::Blocked) => Tone::Warn,
        Some(Verdict::Failed | Verdict::NeedsOperator) => Tone::Bad,
        None => Tone::Plain,
    }
}
