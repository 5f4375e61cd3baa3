//! A service over time: a sign for each stretch, the figures of the whole time, and the stretches themselves.

use runbook_core::{Bucket, Series};

use super::line::{Line, Tone, indented, widest};
use crate::{
    chart::{self, Columns},
    facts,
    text::{count, shorten},
    words,
};

/// The most stretches that have a line of their own: the newest ones.
const ROWS: usize = 48;

/// The width of a label's column.
const LABEL: usize = 14;

/// A service over time. Stretches in which nothing was seen are told together.
pub fn terminal_series(series: &Series) -> Vec<Line> {
    let (from, to) = (words::minute(series.from), words::minute(series.to));
    let title = format!("{} from {from} to {to}", shorten(series.service.as_str(), 60));
    let mut lines = vec![Line::default().outside(Tone::Plain, &title)];
    if let Some(columns) = Columns::of(series) {
        let each = chart::sign_span(series, Some(&columns));
        let line = indented().own(Tone::Plain, &columns.sparkline());
        lines.push(line.own(Tone::Dim, &format!("  each sign {each}")));
    }
    lines.push(Line::default());
    lines.extend(figures(&series.total));
    let rows = stretches(&series.buckets);
    if rows.iter().any(|row| matches!(row, Stretch::Seen(_))) {
        lines.push(Line::default());
        lines.extend(table(&rows));
    }
    lines
}

/// Some time of a series: a bucket in which something was seen, or several in a row in which nothing was.
#[derive(Debug)]
enum Stretch<'a> {
    Seen(&'a Bucket),
    Unobserved { buckets: usize, minutes: f64 },
}

fn stretches(buckets: &[Bucket]) -> Vec<Stretch<'_>> {
    let mut rows: Vec<Stretch<'_>> = Vec::new();
    for bucket in buckets {
        let is_seen = bucket.samples > 0 || bucket.observed > 0 || bucket.maintenance > 0;
        match rows.last_mut() {
            _ if is_seen => rows.push(Stretch::Seen(bucket)),
            Some(Stretch::Unobserved { buckets, minutes }) => {
                *buckets += 1;
                *minutes += f64::from(bucket.minutes);
            }
            _ => rows.push(Stretch::Unobserved { buckets: 1, minutes: f64::from(bucket.minutes) }),
        }
    }
    rows
}

fn figures(total: &Bucket) -> Vec<Line> {
    let row = |label: &str, tone: Tone, text: &str| indented().column(Tone::Dim, label, LABEL).own(tone, text);
    let minutes = |minutes: f64| if minutes > 0.0 { words::minutes(minutes) } else { "none".to_owned() };
    let uptime = total.uptime();
    let mut lines = vec![row("up", tone(total), &facts::observed(uptime, total.coverage()))];
    if let Some(uptime) = uptime {
        lines.push(row("down", Tone::Plain, &minutes((1.0 - uptime) * f64::from(total.observed))));
    }
    let unobserved = total.minutes.saturating_sub(total.observed).saturating_sub(total.maintenance);
    lines.push(row("not observed", Tone::Plain, &minutes(f64::from(unobserved))));
    if total.maintenance > 0 {
        lines.push(row("maintenance", Tone::Plain, &minutes(f64::from(total.maintenance))));
    }
    let latency = total.latency_ms.map_or_else(
        || words::UNKNOWN.to_owned(),
        |ms| {
            let value = words::latency_value;
            format!("{} p50, {} p95, {} p99", value(ms.p50), value(ms.p95), value(ms.p99))
        },
    );
    lines.push(row("latency", Tone::Plain, &latency));
    lines.push(row("samples", Tone::Plain, &samples(total)));
    lines
}

fn table(rows: &[Stretch<'_>]) -> Vec<Line> {
    let hidden = rows.len().saturating_sub(ROWS);
    let shown = rows.get(hidden..).unwrap_or_default();
    let seen = || {
        shown.iter().filter_map(|row| match row {
            Stretch::Seen(bucket) => Some(*bucket),
            Stretch::Unobserved { .. } => None,
        })
    };
    let (ups, latencies) = (widest(seen().map(up)), widest(seen().map(latency)));
    let mut lines = Vec::with_capacity(shown.len() + 1);
    if hidden > 0 {
        let earlier = format!("… {} before", count(hidden, "earlier stretch", "earlier stretches"));
        lines.push(indented().own(Tone::Dim, &earlier));
    }
    lines.extend(shown.iter().map(|row| {
        match row {
            Stretch::Unobserved { minutes, .. } => {
                indented().own(Tone::Dim, &format!("nothing observed for {}", words::minutes(*minutes)))
            }
            Stretch::Seen(bucket) => indented()
                .column(Tone::Dim, &words::minute(bucket.start), 22)
                .column(tone(bucket), &up(bucket), ups + 2)
                .column(Tone::Plain, &latency(bucket), latencies + 2)
                .own(Tone::Dim, &samples(bucket)),
        }
    }));
    lines
}

fn up(bucket: &Bucket) -> String {
    match bucket.uptime() {
        None if bucket.maintenance > 0 => "maintenance".to_owned(),
        uptime => facts::observed(uptime, bucket.coverage()),
    }
}

fn latency(bucket: &Bucket) -> String {
    bucket.latency_ms.map_or_else(
        || words::UNKNOWN.to_owned(),
        |ms| format!("{} / {}", words::latency_value(ms.p50), words::latency_value(ms.p95)),
    )
}

/// How many there were, and how many of them were what.
fn samples(bucket: &Bucket) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut text = count(number(bucket.samples), "sample", "samples");
    let parts = [(bucket.unhealthy, "unhealthy"), (bucket.degraded, "degraded"), (bucket.unknown, "unknown")];
    for (number, health) in parts.into_iter().filter(|(number, _)| *number > 0) {
        text.push_str(&format!(", {number} {health}"));
    }
    text
}

fn tone(bucket: &Bucket) -> Tone {
    match bucket.uptime() {
        None => Tone::Dim,
        Some(uptime) if uptime < 1.0 => Tone::Bad,
        Some(_) if bucket.degraded > 0 => Tone::Warn,
        Some(_) => Tone::Good,
    }
}
