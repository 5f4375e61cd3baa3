//! A series as columns on the axis of time, with every number checked: what is no share or no latency was not measured.

use jiff::Timestamp;
use runbook_core::{Bucket, Series};

use super::path::WIDTH;
use crate::{facts, words};

/// The most columns of a chart: narrower ones than this could not be told apart.
const MOST: usize = 360;

/// The most signs of a line.
const SIGNS: usize = 48;

/// Longer than this, in milliseconds, nothing was measured: it is a year, and no deadline is as long.
const LONGEST: f64 = 365.0 * 86_400_000.0;

/// The columns of a series.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How many buckets of the history stand in one column.
    pub each: usize,
    /// The columns, oldest first; all of them between `from` and `to`.
    pub columns: Vec<Column>,
}

/// One column: minutes that add up to its width, and latencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// When it begins.
    pub start: Timestamp,
    /// How many minutes it has.
    pub minutes: f64,
    /// In how many the service was up and well.
    pub up: f64,
    /// In how many it was up, but degraded.
    pub degraded: f64,
    /// In how many it was down.
    pub down: f64,
    /// In how many it was in maintenance.
    pub maintenance: f64,
    /// The median latency, in milliseconds; of several buckets the highest.
    pub p50: Option<f64>,
    /// The 95th percentile, in milliseconds; of several buckets the highest.
    pub p95: Option<f64>,
    /// Where it begins, of [`WIDTH`].
    pub x: f64,
    /// How wide it is, of [`WIDTH`].
    pub width: f64,
}

/// Where a series comes from, with what people call its service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampledSeries<'a> {
    /// The series.
    pub series: &'a Series,
    /// What people call the service.
    pub name: &'a str,
    /// The beginning of the ids of its charts.
    pub id: &'a str,
    /// Whether each column tells a pointer what it is.
    pub hover: bool,
}

impl Columns {
    /// The columns of a series; `None` when it spans no time or has no bucket in it.
    pub(crate) fn of(series: &Series) -> Option<Self> {
        let (from, to) = (series.from, series.to);
        let span = seconds(from, to);
        let inside: Vec<_> = series.buckets.iter().filter(|bucket| bucket.start < to && bucket.start >= from).collect();
        if span <= 0.0 || inside.is_empty() {
            return None;
        }
        let each = inside.len().div_ceil(MOST);
        let columns = inside.chunks(each).map(|buckets| {
            let mut column = Column::of(buckets);
            column.x = seconds(from, column.start) / span * WIDTH;
            column.width = (column.minutes * 60.0 / span * WIDTH).clamp(0.0, WIDTH - column.x);
            column
        });
        Some(Self { from, to, each, columns: columns.collect() })
    }

    /// A line of signs, oldest first, each for as many columns as the others.
    pub(crate) fn sparkline(&self) -> String {
        let uptime = |columns: &[Column]| {
            let (observed, up) = columns.iter().fold((0.0, 0.0), |(observed, up), column| {
                (observed + column.observed(), up + column.up + column.degraded)
            });
            (observed > 0.0).then(|| up / observed)
        };
        facts::sparkline(self.columns.chunks(self.columns_per_sign()).map(uptime))
    }

    /// How many buckets of the history stand in one sign of that line.
    pub(crate) fn buckets_per_sign(&self) -> usize {
        self.each * self.columns_per_sign()
    }

    fn columns_per_sign(&self) -> usize {
        self.columns.len().div_ceil(SIGNS).max(1)
    }
}

/// How long one sign of the line of a series stands for, in words.
pub(crate) fn sign_span(series: &Series, columns: Option<&Columns>) -> String {
    let buckets = columns.map_or(1, Columns::buckets_per_sign);
    words::minutes(f64::from(series.width_minutes) * buckets as f64)
}

impl Column {
    fn of(buckets: &[&Bucket]) -> Self {
        let start = buckets.first().map_or(Timestamp::UNIX_EPOCH, |bucket| bucket.start);
        let mut column = Self {
            start,
            minutes: 0.0,
            up: 0.0,
            degraded: 0.0,
            down: 0.0,
            maintenance: 0.0,
            p50: None,
            p95: None,
            x: 0.0,
            width: 0.0,
        };
        for bucket in buckets {
            let shares = Shares::of(bucket);
            column.minutes += f64::from(bucket.minutes);
            column.up += shares.up;
            column.degraded += shares.degraded;
            column.down += shares.down;
            column.maintenance += shares.maintenance;
            let latency = bucket.latency_ms;
            column.p50 = highest(column.p50, latency.map(|latency| latency.p50));
            column.p95 = highest(column.p95, latency.map(|latency| latency.p95));
        }
        column
    }

    /// In how many minutes something was measured, maintenance left out.
    pub(crate) fn observed(&self) -> f64 {
        self.up + self.degraded + self.down
    }

    /// The share of the observed minutes that the service was up; `None` when nothing was observed.
    pub(super) fn uptime(&self) -> Option<f64> {
        (self.observed() > 0.0).then(|| (self.up + self.degraded) / self.observed())
    }

    /// The share of the minutes, maintenance left out, that were observed.
    pub(super) fn coverage(&self) -> f64 {
        let minutes = self.minutes - self.maintenance;
        if minutes > 0.0 { (self.observed() / minutes).clamp(0.0, 1.0) } else { 0.0 }
    }
}

fn highest(known: Option<f64>, other: Option<f64>) -> Option<f64> {
    let other = other.filter(|ms| (0.0..=LONGEST).contains(ms));
    match (known, other) {
        (Some(known), Some(other)) => Some(known.max(other)),
        (known, other) => known.or(other),
    }
}

/// From one moment to another.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The minutes of one bucket.
struct Shares {
    up: f64,
    degraded: f64,
    down: f64,
    maintenance: f64,
}

impl Shares {
    fn of(bucket: &Bucket) -> Self {
        let minutes = f64::from(bucket.minutes);
        let observed = if bucket.up.is_finite() { f64::from(bucket.observed).min(minutes) } else { 0.0 };
        let up = bucket.up.clamp(0.0, observed);
        let up = if up.is_finite() { up } else { 0.0 };
        // How long it was degraded is told by samples only: their share of those that found it up.
        let answered = bucket.samples.saturating_sub(bucket.unhealthy).saturating_sub(bucket.unknown);
        let share = if answered > 0 { (bucket.degraded as f64 / answered as f64).min(1.0) } else { 0.0 };
        Self {
            up: up * (1.0 - share),
            degraded: up * share,
            down: observed - up,
            maintenance: f64::from(bucket.maintenance).min(minutes - observed),
        }
    }
}
