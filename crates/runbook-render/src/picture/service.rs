//! One service's row, at a level of detail.

use jiff::Timestamp;
use runbook_core::{ServiceRow, Trend};

use super::{Detail, build::or_unknown, model::ServicePicture};
use crate::{
    facts,
    text::{count, shorten},
    words,
};

/// The most hours of a sparkline: 24 whole ones and the one that is under way.
const MOST_HOURS: usize = 25;

/// The picture of a row among `rows`, as it stands `now`.
pub(super) fn service(row: &ServiceRow, rows: &[ServiceRow], now: Timestamp, detail: &Detail) -> ServicePicture {
    let trend = row.trend.as_ref();
    ServicePicture {
        name: or_unknown(shorten(&row.name, detail.text)),
        port: row.port,
        critical: row.critical,
        sign: words::health_sign(row.health).to_owned(),
        health: row.health.to_string(),
        because: facts::because(row, rows).map(|cause| or_unknown(shorten(cause, detail.text))),
        maintenance: facts::maintenance(row).map(|text| shorten(&text, detail.text)),
        latency: words::latency(row.latency_ms),
        since: row.since.map_or_else(|| words::UNKNOWN.to_owned(), words::moment),
        measured_at: row.measured_at.map_or_else(|| "never".to_owned(), words::moment),
        release: match &row.release {
            Some(release) => Some(shorten(release.as_str(), detail.text)),
            None => row.stopped.then(|| "stopped".to_owned()),
        },
        sparkline: trend.filter(|_| detail.trend).map(|trend| facts::sparkline(hours(trend).iter().copied())),
        uptime: trend.map_or_else(|| "–".to_owned(), |trend| facts::observed(trend.uptime, trend.coverage)),
        evidence: if detail.evidence == 0 {
            "–".to_owned()
        } else {
            or_unknown(shorten(&row.evidence, detail.evidence))
        },
        facts: lines(row, now, detail),
    }
}

/// The newest hours, as many as a sparkline has.
pub(crate) fn hours(trend: &Trend) -> &[Option<f64>] {
    &trend.hours[trend.hours.len().saturating_sub(MOST_HOURS)..]
}

/// As many facts as are asked for, and a line that counts the rest.
fn lines(row: &ServiceRow, now: Timestamp, detail: &Detail) -> Vec<String> {
    if detail.evidence == 0 || detail.facts == 0 {
        return Vec::new();
    }
    let facts = facts::facts(row, now, None, detail.depth, detail.commits);
    // A fact says more than evidence does, and the name of its alert stands in it.
    let longest = detail.evidence.saturating_mul(2);
    let mut lines: Vec<_> = facts.iter().take(detail.facts).map(|fact| shorten(&fact.line(), longest)).collect();
    if facts.len() > lines.len() {
        lines.push(format!("… and {}", count(facts.len() - lines.len(), "more finding", "more findings")));
    }
    lines
}
