//! One service of the monitoring report: its figures, charts and notes.

use jiff::Timestamp;
use runbook_core::{Bucket, Health, Quantiles, ReleaseId, Series, ServiceRow};

use super::model::{CardPicture, NotePicture};
use crate::{
    chart::{self, Columns, SampledSeries},
    facts::{self, Fact, FactKind},
    picture::{
        Detail,
        service::{hours, service},
    },
    text::{count, shorten},
    words,
};

/// The most stretches that are named as the worst ones.
const WORST: usize = 3;

/// What a card is made of.
#[derive(Debug)]
pub(super) struct CardInput<'a> {
    /// Unique on the page.
    pub id: String,
    /// The service.
    pub row: &'a ServiceRow,
    /// All services.
    pub rows: &'a [ServiceRow],
    /// Its history.
    pub series: Option<&'a Series>,
    /// When the page was written.
    pub now: Timestamp,
    /// The release that its comparison is with.
    pub before: Option<&'a ReleaseId>,
    /// Whether its charts are drawn.
    pub charts: bool,
    /// Whether each column tells a pointer what it is.
    pub hover: bool,
    /// How much is shown.
    pub detail: &'a Detail,
}

/// The card of a service.
pub(super) fn card(input: CardInput<'_>) -> CardPicture {
    let CardInput { row, detail, .. } = input;
    let picture = service(row, input.rows, input.now, &Detail { facts: 0, ..*detail });
    let columns = input.series.and_then(Columns::of);
    let sampled =
        input.series.map(|series| SampledSeries { series, name: &picture.name, id: &input.id, hover: input.hover });
    let drawn = sampled.zip(columns.as_ref()).filter(|_| input.charts);
    let availability = drawn.map(|(sampled, columns)| chart::availability(sampled, columns));
    let latency = drawn.and_then(|(sampled, columns)| chart::latency(sampled, columns));
    let total = input.series.map(|series| &series.total);
    let quantiles = total.and_then(|total| total.latency_ms);
    let quantile = |value: fn(Quantiles) -> f64| {
        quantiles.map_or_else(|| words::UNKNOWN.to_owned(), |quantiles| words::latency_value(value(quantiles)))
    };
    let facts = facts::facts(row, input.now, input.before, detail.depth, detail.commits);
    CardPicture {
        class: health_class(row.health).to_owned(),
        stopped: row.stopped,
        history: total.is_some(),
        uptime: figure(total, |total| total.uptime().filter(|uptime| uptime.is_finite()).map(facts::percent)),
        coverage: figure(total, |total| Some(facts::coverage_percent(total.coverage()))),
        unobserved: figure(total, |total| {
            Some(long(f64::from(total.minutes.saturating_sub(total.observed).saturating_sub(total.maintenance))))
        }),
        down: figure(total, |total| total.uptime().map(|uptime| long((1.0 - uptime) * f64::from(total.observed)))),
        planned: total.filter(|total| total.maintenance > 0).map(|total| long(f64::from(total.maintenance))),
        p50: quantile(|quantiles| quantiles.p50),
        p95: quantile(|quantiles| quantiles.p95),
        p99: quantile(|quantiles| quantiles.p99),
        samples: figure(total, |total| Some(samples(total))),
        line: columns.as_ref().map(Columns::sparkline),
        stretch: input
            .series
            .map_or_else(|| words::UNKNOWN.to_owned(), |series| chart::sign_span(series, columns.as_ref())),
        strip: row.trend.as_ref().map(|trend| chart::strip(trend, hours(trend))),
        worst: columns.as_ref().map(|columns| chart::worst(columns, WORST)).unwrap_or_default(),
        notes: facts.iter().take(detail.facts).map(|fact| note(fact, detail)).collect(),
        more_notes: facts
            .len()
            .checked_sub(detail.facts)
            .filter(|number| *number > 0)
            .map(|number| format!("… and {}", count(number, "more finding", "more findings"))),
        availability,
        latency,
        id: input.id,
        service: picture,
    }
}

/// A figure of the whole time; unknown without a history, or where nothing was observed.
fn figure(total: Option<&Bucket>, value: impl Fn(&Bucket) -> Option<String>) -> String {
    total.and_then(value).unwrap_or_else(|| words::UNKNOWN.to_owned())
}

/// A span of minutes where none of them is a finding too.
fn long(minutes: f64) -> String {
    if minutes > 0.0 { words::minutes(minutes) } else { "none".to_owned() }
}

fn samples(total: &Bucket) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let all = count(number(total.samples), "sample", "samples");
    let with_latency = total.latency_ms.map_or(0, |latency| latency.samples);
    match total.samples.saturating_sub(with_latency) {
        0 => all,
        without => format!("{all}, {without} without latency"),
    }
}

fn note(fact: &Fact, detail: &Detail) -> NotePicture {
    let class = match fact.kind {
        FactKind::Alert => "bad",
        FactKind::Comparison | FactKind::Suspects | FactKind::Certificate => "warn",
        FactKind::ValidCertificate | FactKind::Unjudged | FactKind::NoDifference => "none",
    };
    NotePicture {
        class: class.to_owned(),
        label: fact.kind.label().to_owned(),
        text: shorten(&fact.text, detail.evidence.max(detail.text)),
    }
}

/// What a page colours a health by.
pub(super) fn health_class(health: Health) -> &'static str {
    match health {
        Health::Healthy => "good",
        Health::Degraded => "warn",
        Health::Unhealthy => "bad",
        Health::Unknown => "none",
    }
}
