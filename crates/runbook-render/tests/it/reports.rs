//! The monitoring reports that tests render: every state that a service can be in, and a history to each.

use std::collections::BTreeMap;

use crate::views::{self, at};
use jiff::{SignedDuration, Timestamp};
use runbook_core::{
    AlertFinding, Bucket, Comparison, Health, IssueRow, Latency, Maintenance, NotificationRow, Quantiles, ReleaseId,
    ReleasesRow, Report, ReturnRow, RollbackRow, Series, ServiceId, ServiceRow, Shift, StatusDocument, StatusView,
    Trend, Verdict,
};
use runbook_render::MonitoringReport;

pub const TO: &str = "2026-11-23T10:15:00Z";

/// The same numbers each time, and no pattern that an eye would find.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1_u64 << 31) as f64
    }
}

pub fn alert(alert: &str, fired: Option<bool>, found: &str) -> AlertFinding {
    AlertFinding { alert: alert.into(), fired, found: found.into() }
}

pub fn slower() -> Comparison {
    Comparison {
        shift: Shift::Slower,
        baseline_samples: 60,
        baseline_p50: Some(12.1),
        samples: 60,
        p50: Some(30.4),
        p_value: Some(0.000_3),
        effect: Some(0.93),
    }
}

/// A bucket of an hour in which so many minutes were observed, so many of them up, and so many samples degraded.
pub fn bucket(start: Timestamp, observed: u32, up: f64, degraded: u64, p50: f64, p95: f64) -> Bucket {
    let samples = u64::from(observed) * 2;
    Bucket {
        observed,
        up,
        samples,
        unhealthy: samples - (up * 2.0).round() as u64,
        degraded,
        latency_ms: (up > 0.0).then_some(Quantiles { p50, p95, p99: p95 * 1.4, samples: (up * 2.0).round() as u64 }),
        ..Bucket::empty(start, 60)
    }
}

/// The hours before [`TO`], each as `make` says (its number, its beginning).
pub fn series(id: &str, hours: i64, mut make: impl FnMut(i64, Timestamp) -> Bucket) -> Series {
    let to = at(TO);
    let last = at("2026-11-23T10:00:00Z");
    let start = |n: i64| last - SignedDuration::from_hours(hours - 1 - n);
    let mut buckets: Vec<_> = (0..hours).map(|n| make(n, start(n))).collect();
    if let Some(newest) = buckets.last_mut() {
        // Of the hour that is under way, the minutes that are still to come are left out.
        newest.minutes = 15;
        newest.observed = newest.observed.min(15);
        newest.maintenance = newest.maintenance.min(15 - newest.observed);
        newest.up = newest.up.min(f64::from(newest.observed));
    }
    let mut total = Bucket::empty(start(0), 0);
    for bucket in &buckets {
        total.minutes += bucket.minutes;
        total.observed += bucket.observed;
        total.up += bucket.up;
        total.maintenance += bucket.maintenance;
        total.samples += bucket.samples;
        total.unhealthy += bucket.unhealthy;
        total.degraded += bucket.degraded;
        total.unknown += bucket.unknown;
    }
    let latencies: Vec<_> = buckets.iter().filter_map(|bucket| bucket.latency_ms).collect();
    total.latency_ms = latencies.iter().copied().reduce(|a, b| Quantiles {
        p50: (a.p50 + b.p50) / 2.0,
        p95: a.p95.max(b.p95),
        p99: a.p99.max(b.p99),
        samples: a.samples + b.samples,
    });
    Series { service: ServiceId::new(id).unwrap(), from: start(0), to, width_minutes: 60, buckets, total }
}

/// The last 24 hours of a series.
pub fn trend(series: &Series) -> Trend {
    let mut day = series.clone();
    day.buckets = series.buckets[series.buckets.len().saturating_sub(24)..].to_vec();
    Trend::from(&day)
}

fn row(id: &str, name: &str, port: u16, health: Health) -> ServiceRow {
    views::service(id, name, port, health)
}

/// Everything that can be known of a service, in eight of them.
pub fn services() -> Vec<ServiceRow> {
    let db = ServiceRow {
        evidence: "SELECT 1 → connection refused (127.0.0.1:5432); 3 of 3 confirmations agree".into(),
        alerts: vec![
            alert("3 in a row", Some(true), "7 unhealthy samples in a row"),
            alert("errors > 5% over 1h", Some(true), "41.2 % of 120 samples"),
        ],
        suspects: vec![
            "a1b2c3d Move the pool to its own crate".into(),
            "d4e5f6a Raise max_connections".into(),
            "0123abc Rename the role".into(),
        ],
        latency_ms: None,
        ..row("db", "PostgreSQL", 5432, Health::Unhealthy)
    };
    let api = ServiceRow {
        caused_by: ServiceId::new("db").ok(),
        comparison: Some(slower()),
        ..row("api", "Orders API", 8000, Health::Unhealthy)
    };
    let web = ServiceRow {
        alerts: vec![
            alert("p95 > 800ms over 1h", Some(true), "912 ms over 240 samples"),
            alert("p99 > 2s over 1d", None, "4 samples of at least 20"),
        ],
        certificate_not_after: Some(at("2026-12-05T12:00:00Z")),
        latency_ms: Some(Latency { p50: 212.0, p95: 912.0, samples: 240 }),
        ..row("web", "Web Front", 443, Health::Degraded)
    };
    let worker = ServiceRow {
        maintenance: Some(Maintenance {
            until: at("2026-11-23T12:00:00Z"),
            reason: Some("moving to new disks".into()),
        }),
        ..row("worker", "Worker", 9100, Health::Unhealthy)
    };
    let search = row("search", "Search", 9200, Health::Unknown);
    let legacy = ServiceRow {
        stopped: true,
        release: None,
        latency_ms: None,
        since: None,
        evidence: "stopped".into(),
        critical: false,
        ..row("legacy", "Legacy Import", 8088, Health::Unhealthy)
    };
    let docs = ServiceRow { critical: false, ..row("docs", "Documentation", 8081, Health::Healthy) };
    let cache = ServiceRow {
        certificate_not_after: Some(at("2027-06-01T00:00:00Z")),
        comparison: Some(Comparison {
            shift: Shift::NoDifference,
            p50: Some(12.3),
            p_value: Some(0.41),
            effect: Some(0.52),
            ..slower()
        }),
        ..row("cache", "Cache", 6379, Health::Healthy)
    };
    vec![cache, docs, web, api, db, worker, search, legacy]
}

/// The history of those services; `docs` has none.
pub fn histories(hours: i64) -> Vec<Series> {
    let mut noise = Noise(7);
    let mut latency = |base: f64, n: i64| {
        let wave = 1.0 + 0.25 * (n as f64 / 3.8).sin();
        let p50 = base * wave * (0.9 + 0.2 * noise.next());
        (p50, p50 * (2.0 + 1.5 * noise.next()))
    };
    vec![
        series("cache", hours, |n, start| {
            let (p50, p95) = latency(0.8, n);
            bucket(start, 60, 60.0, 0, p50, p95)
        }),
        series("web", hours, |n, start| {
            let late = hours - n <= 5;
            let (p50, p95) = latency(if late { 210.0 } else { 60.0 }, n);
            bucket(start, 60, 60.0, if late { 90 } else { 0 }, p50, p95)
        }),
        series("api", hours, |n, start| {
            let (p50, p95) = latency(if hours - n <= 3 { 30.0 } else { 12.0 }, n);
            match hours - n {
                1 | 2 => bucket(start, 60, 21.5, 10, p50, p95),
                14..=17 => Bucket::empty(start, 60),
                _ => bucket(start, 25, 25.0, 0, p50, p95),
            }
        }),
        series("db", hours, |n, start| {
            let (p50, p95) = latency(2.0, n);
            match hours - n {
                1 => bucket(start, 60, 0.0, 0, p50, p95),
                2 => bucket(start, 60, 11.0, 0, p50, p95),
                11 => bucket(start, 60, 59.0, 0, p50, p95 * 6.0),
                _ => bucket(start, 60, 60.0, 0, p50, p95),
            }
        }),
        series("worker", hours, |n, start| {
            let (p50, p95) = latency(45.0, n);
            match hours - n {
                1..=2 => Bucket { maintenance: 60, samples: 60, ..Bucket::empty(start, 60) },
                // Measured by a schedule, every six hours for two minutes.
                _ if n % 6 == 0 => bucket(start, 2, 2.0, 0, p50, p95),
                _ => Bucket::empty(start, 60),
            }
        }),
        series("search", hours, |_, start| Bucket::empty(start, 60)),
        series("legacy", hours, |n, start| {
            let (p50, p95) = latency(120.0, n);
            if hours - n > 9 { bucket(start, 60, 60.0, 0, p50, p95) } else { bucket(start, 60, 0.0, 0, p50, p95) }
        }),
    ]
}

/// A view of these services with their last 24 hours.
pub fn view() -> StatusView {
    let histories = histories(24);
    let mut services = services();
    for row in &mut services {
        row.trend = histories.iter().find(|series| series.service == row.id).map(trend);
    }
    views::view(services, None)
}

pub fn document(services: Vec<ServiceRow>) -> StatusDocument {
    views::view(services, None).document
}

pub fn run() -> Report {
    let view = views::rolled_back();
    let id = |id: &str| ServiceId::new(id).unwrap();
    let release = |name: &str| ReleaseId::new(name).ok();
    let rollback = RollbackRow {
        services: [(id("api"), ReturnRow { from: release("v1.3.0"), to: ReleaseId::new("v1.2.0").unwrap() })].into(),
        reason: "Orders API was unhealthy with v1.3.0".into(),
        automatic: true,
        branch: Some("rollback/v1.2.0-20261123T101500Z".into()),
        verified: true,
        pull_request: None,
        taken_back: views::taken_back(),
        suspects: vec!["a1b2c3d Move the pool to its own crate".into(), "d4e5f6a Raise max_connections".into()],
    };
    Report {
        schema: Report::SCHEMA.into(),
        run: view.run,
        action: view.action,
        trigger: view.trigger,
        actor: view.actor,
        environment: view.environment,
        branch: view.branch,
        commit: "7b0e1f6a2c3d4e5f60718293a4b5c6d7e8f90a1b".parse().ok(),
        request_id: None,
        started_at: at("2026-11-23T10:08:00Z"),
        finished_at: view.updated_at,
        elapsed_ms: 368_441,
        verdict: Some(Verdict::RolledBack),
        verdict_reason: Some("Orders API was unhealthy with v1.3.0; v1.2.0 is live again".into()),
        operational_status: view.operational_status,
        status_reasons: view.reasons,
        valid_until: view.valid_until,
        stages: view.stages,
        services: Vec::new(),
        releases: ReleasesRow {
            before: BTreeMap::from([
                (id("api"), release("v1.2.0")),
                (id("web"), release("v1.1.0")),
                (id("search"), None),
            ]),
            after: BTreeMap::from([
                (id("api"), release("v1.2.0")),
                (id("web"), release("v1.2.0")),
                (id("search"), None),
            ]),
        },
        rollback: Some(rollback),
        notifications: vec![
            NotificationRow { to: "slack".into(), outcome: "sent".into() },
            NotificationRow { to: "discord".into(), outcome: "the webhook answered 404".into() },
        ],
        issue: Some(IssueRow {
            number: 7,
            url: "https://github.com/forge/quantum-pi/issues/7".into(),
            requests: Some(2),
        }),
        next: None,
        history: Vec::new(),
    }
}

/// Every state that a service can be in, over so many hours.
pub fn rich(hours: i64) -> MonitoringReport {
    let series = histories(hours);
    let mut services = services();
    for row in &mut services {
        row.trend = series.iter().find(|series| series.service == row.id).map(trend);
    }
    MonitoringReport { from: series[0].from, to: series[0].to, status: document(services), report: Some(run()), series }
}

/// Everything well.
pub fn calm(hours: i64) -> MonitoringReport {
    let mut report = rich(hours);
    report.status = document(report.status.services.into_iter().filter(|row| row.health == Health::Healthy).collect());
    report.report = None;
    report
}

/// What tries to break out of each place that it is put in.
pub const HOSTILE: &str = "</title></style></svg><script>alert(1)</script><img src=https://evil.example/x onerror=alert(1)> \" ' & `x` {{status}} \u{202e}evil\u{200f}\u{0}<!-- ";

/// Every text from outside is hostile, and some of them are endless.
pub fn hostile() -> MonitoringReport {
    let mut report = rich(24);
    let text = || HOSTILE.to_owned();
    report.status.project = text();
    report.status.status_reasons = vec![text(), "x".repeat(10_000)];
    report.status.stopped = Some(text());
    for row in &mut report.status.services {
        row.name = text();
        row.evidence = format!("{HOSTILE}{}", "evidence<b>\"".repeat(900));
        row.alerts = vec![alert(HOSTILE, Some(true), HOSTILE), alert(HOSTILE, None, HOSTILE)];
        row.suspects = vec![text(), text()];
        row.maintenance = Some(Maintenance { until: at("2026-11-23T12:00:00Z"), reason: Some(text()) });
    }
    let run = report.report.as_mut().unwrap();
    (run.actor, run.trigger, run.branch, run.verdict_reason) = (text(), text(), Some(text()), Some(text()));
    for stage in &mut run.stages {
        (stage.outcome, stage.reason) = (text(), Some(text()));
    }
    run.notifications = vec![NotificationRow { to: text(), outcome: text() }];
    run.issue = Some(IssueRow { number: 7, url: format!("javascript:{HOSTILE}"), requests: None });
    let rollback = run.rollback.as_mut().unwrap();
    (rollback.reason, rollback.branch) = (text(), Some(text()));
    for series in &mut report.series {
        for (at, bucket) in series.buckets.iter_mut().enumerate() {
            let odd = [f64::NAN, f64::INFINITY, -1.0, 1e308][at % 4];
            bucket.up = odd;
            bucket.latency_ms = Some(Quantiles { p50: odd, p95: odd, p99: odd, samples: u64::MAX });
            (bucket.samples, bucket.degraded, bucket.observed) = (u64::MAX, u64::MAX, u32::MAX);
        }
        series.total.up = f64::NAN;
        series.total.latency_ms = Some(Quantiles { p50: f64::NAN, p95: f64::INFINITY, p99: -1.0, samples: 1 });
    }
    report
}
