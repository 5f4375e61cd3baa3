//! What every history promises.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runbook_core::{
    Bucket, Digest, EnvironmentId, Health, Judgement, Latency, Maintenance, Phases, Reading, RunId, Series, ServiceId,
    event::Head,
    ports::{History, HistoryError, Look, Sample, SeriesQuery},
};

/// No call to a history of this size may take longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// How far a quantile may be off.
const TOLERANCE: f64 = 0.02;

/// Drives a history through its contract. `open` opens the same place each time, as another process would; it is empty
/// at first. A history that adds up must keep whole days for at least a month.
///
/// # Panics
/// At the first broken promise, or when a call takes longer than half a minute.
pub async fn history<H: History>(open: impl AsyncFn() -> H) {
    let history = open().await;
    nothing_is_unobserved(&history).await;
    samples_read_back(&history, &open().await).await;
    the_same_sample_counts_once(&history, &open().await).await;
    a_minute_is_the_unit(&history).await;
    buckets_are_whole(&history).await;
    what_is_no_question_is_refused(&history).await;
    latency_is_of_those_that_had_one(&history).await;
    looks_fill_gaps(&history, &open().await).await;
    places_are_apart(&history).await;
    writers_do_not_lose(&history, &open().await).await;
    adding_up_changes_nothing(&history, &open().await).await;
}

async fn nothing_is_unobserved(history: &impl History) {
    let at = Place::new("nobody");
    done(history.record(&[]).await, "to record nothing must work");
    assert_eq!(samples(history, &at, t(0), 10).await, [], "what nobody recorded must be an empty answer");
    assert_eq!(learned(history, &at).await, None, "nothing may be learned at first");
    let series = series(history, &at, 0, 180, 60).await;
    assert_eq!(
        series.buckets,
        [0, 60, 120].map(|start| Bucket::empty(t(start * 60), 60)),
        "empty buckets must be there"
    );
    assert_eq!(series.total, Bucket::empty(t(0), 180), "what nobody looked at must be unobserved");
    assert_eq!((series.service, series.width_minutes), (at.service, 60), "a series must say what it is of");
}

async fn samples_read_back(history: &impl History, other: &impl History) {
    let at = Place::new("read");
    let full = Sample {
        reading: Reading {
            latency_ms: Some(12.345),
            phases: Phases {
                dns_ms: Some(0.25),
                connect_ms: Some(1.5),
                tls_ms: None,
                first_byte_ms: Some(9.0),
                body_ms: Some(0.001),
            },
            certificate_not_after: Some(t(90 * 86_400)),
            ..Reading::new(Health::Degraded, "")
        },
        maintenance: true,
        ..at.sample(30, Health::Healthy)
    };
    // Out of order, as a clock that was set back gives them.
    let given = [
        at.sample(120, Health::Unhealthy),
        full.clone(),
        at.sample(60, Health::Unknown),
        at.sample(90, Health::Healthy),
    ];
    record(history, &given).await;
    let all = samples(other, &at, t(0), 100).await;
    let times: Vec<Timestamp> = all.iter().map(|sample| sample.at).collect();
    assert_eq!(times, [t(30), t(60), t(90), t(120)], "another process must see the samples, oldest first");
    // An implementation may keep less of the evidence, but nothing else.
    let mut found = all[0].clone();
    found.reading.evidence = String::new();
    assert_eq!(found, full, "a sample must read back as it was");
    assert_eq!(all[3].reading.health, Health::Unhealthy);

    let ats = async |since: i64, limit: u32| -> Vec<Timestamp> {
        samples(history, &at, t(since), limit).await.iter().map(|sample| sample.at).collect()
    };
    assert_eq!(ats(60, 100).await, [t(60), t(90), t(120)], "`since` is part of the answer");
    assert_eq!(ats(0, 2).await, [t(90), t(120)], "`limit` must keep the newest, oldest first");
    assert_eq!(ats(0, 0).await, [], "no more than `limit`");
    assert_eq!(ats(121, 9).await, [], "nothing from before `since`");
}

async fn the_same_sample_counts_once(history: &impl History, other: &impl History) {
    let at = Place::new("twice");
    let sample = at.sample(5, Health::Healthy);
    record(history, &[sample.clone(), sample.clone()]).await;
    record(other, &[sample.clone(), at.sample(6, Health::Healthy)]).await;
    record(history, &[sample]).await;
    let total = series(history, &at, 0, 1, 1).await.total;
    assert_eq!(total.samples, 2, "the same sample twice must count once");
    assert_eq!(samples(history, &at, t(0), 100).await.len(), 2, "the same sample twice must be kept once");
}

async fn a_minute_is_the_unit(history: &impl History) {
    use Health::{Degraded, Healthy, Unhealthy, Unknown};
    let at = Place::new("minutes");
    let quiet = |seconds: i64, health| Sample { maintenance: true, ..at.sample(seconds, health) };
    record(
        history,
        &[
            at.sample(0, Healthy),
            at.sample(60, Degraded),
            at.sample(120, Unhealthy),
            // Three good ones and a bad one, and one that measured nothing.
            at.sample(180, Healthy),
            at.sample(190, Degraded),
            at.sample(200, Unhealthy),
            at.sample(210, Healthy),
            at.sample(220, Unknown),
            at.sample(240, Unknown),
            quiet(300, Unhealthy),
            quiet(360, Unknown),
            // The window of maintenance ends in the middle of this one.
            quiet(420, Unhealthy),
            at.sample(450, Healthy),
            // And nothing in the ninth.
        ],
    )
    .await;
    let series = series(history, &at, 0, 9, 1).await;
    let figures: Vec<(u32, f64, u32)> = series.buckets.iter().map(|b| (b.observed, b.up, b.maintenance)).collect();
    let promises = [
        ((1, 1.0, 0), "a healthy minute is up"),
        ((1, 1.0, 0), "a degraded minute is up"),
        ((1, 0.0, 0), "an unhealthy minute is observed and not up"),
        ((1, 0.75, 0), "a mixed minute is up by the share of what was measured"),
        ((0, 0.0, 0), "a minute in which nothing could be measured is unobserved"),
        ((0, 0.0, 1), "a minute of maintenance is neither observed nor up"),
        ((0, 0.0, 1), "a minute of maintenance counts even when nothing was measured"),
        ((0, 0.0, 1), "a minute that is partly maintenance is maintenance"),
        ((0, 0.0, 0), "a minute that nobody looked at is unobserved"),
    ];
    assert_eq!(figures.len(), promises.len(), "every bucket must be there");
    for (found, (expected, promise)) in figures.into_iter().zip(promises) {
        assert_eq!(found, expected, "{promise} (observed, up, maintenance)");
    }
    let total = series.total;
    assert_eq!((total.minutes, total.observed, total.maintenance), (9, 4, 3), "the total must add the minutes up");
    assert!((total.up - 2.75).abs() < 1e-9, "the total must add up what was up, but has {}", total.up);
    assert_eq!(
        (total.samples, total.unhealthy, total.degraded, total.unknown),
        (13, 4, 2, 3),
        "every sample must be counted by its health, in maintenance too"
    );
    let uptime = total.uptime().unwrap_or_default();
    assert!((uptime - 2.75 / 4.0).abs() < 1e-9, "uptime is of the observed minutes, but was {uptime}");
}

async fn buckets_are_whole(history: &impl History) {
    let at = Place::new("buckets");
    let hour = 60 * 60;
    // On both sides of midnight.
    let midnight = 24 * hour;
    record(
        history,
        &[midnight - 1, midnight, midnight + hour - 1, midnight + hour].map(|s| at.sample(s, Health::Healthy)),
    )
    .await;
    let counts = |series: &Series| series.buckets.iter().map(|b| (b.start, b.minutes, b.samples)).collect::<Vec<_>>();
    let hours = series(history, &at, 23 * 60 + 10, 25 * 60, 60).await;
    assert_eq!(
        counts(&hours),
        [(t(midnight - hour), 60, 1), (t(midnight), 60, 2)],
        "the beginning must be rounded down to a whole bucket, and a sample at the end must be left out"
    );
    assert_eq!(hours.from, t(midnight - hour), "a series must say from when it is");
    let days = series(history, &at, 60, 25 * 60 + 30, 1440).await;
    assert_eq!(counts(&days), [(t(0), 1440, 1), (t(midnight), 90, 3)], "days must begin at midnight in UTC");
    let part = series(history, &at, 24 * 60, 24 * 60 + 20, 60).await;
    assert_eq!(counts(&part), [(t(midnight), 20, 1)], "minutes after the end must be no part of the bucket");
    let wide = series(history, &at, 0, 48 * 60, 360).await;
    assert_eq!(wide.buckets.iter().map(|b| b.samples).collect::<Vec<_>>(), [0, 0, 0, 1, 3, 0, 0, 0]);
    for series in [hours, days, part, wide] {
        let sum: u64 = series.buckets.iter().map(|b| b.samples).sum();
        let minutes: u32 = series.buckets.iter().map(|b| b.minutes).sum();
        assert_eq!(
            (series.total.samples, series.total.minutes),
            (sum, minutes),
            "the total must be that of its buckets"
        );
    }
    // The minute in which the question is asked has begun.
    let query = SeriesQuery { to: t(midnight + 1), ..at.query(24 * 60, 25 * 60, 60) };
    let now = done(within(history.series(&query)).await, "to ask until now must work");
    assert_eq!(counts(&now), [(t(midnight), 1, 1)], "the minute that has begun is part of the answer");
}

async fn what_is_no_question_is_refused(history: &impl History) {
    let at = Place::new("questions");
    for (from, to, width) in [(0, 60, 0), (0, 60, 7), (0, 60, 90), (60, 60, 60), (60, 0, 1)] {
        let answer = within(history.series(&at.query(from, to, width))).await;
        let Err(error) = answer else { panic!("a series from {from} to {to} by {width} minutes must be refused") };
        assert!(!error.to_string().trim().is_empty(), "a refusal must say why");
    }
}

async fn latency_is_of_those_that_had_one(history: &impl History) {
    let at = Place::new("latency");
    let timed = |at: Sample, ms| Sample { reading: Reading { latency_ms: ms, ..at.reading }, ..at };
    let mut given: Vec<Sample> =
        (1_u32..=200).map(|n| timed(at.sample(i64::from(n), Health::Healthy), Some(f64::from(n)))).collect();
    given.push(timed(at.sample(300, Health::Unhealthy), None));
    given.push(timed(at.sample(301, Health::Unhealthy), Some(f64::NAN)));
    record(history, &given).await;
    let series = series(history, &at, 0, 60, 60).await;
    let Some(found) = series.total.latency_ms else { panic!("latency must be part of a series") };
    assert_eq!(found.samples, 200, "only samples with a latency may count for it");
    for (found, expected) in [(found.p50, 100.0), (found.p95, 190.0), (found.p99, 198.0)] {
        near(found, expected, "a quantile must be the nearest rank");
    }
    assert_eq!(series.buckets[0].latency_ms, Some(found), "one bucket must be as the total of it");
}

async fn looks_fill_gaps(history: &impl History, other: &impl History) {
    let at = Place::new("looks");
    let head = |seq| Head { seq, digest: Digest::of(format!("{seq}").as_bytes()) };
    let mut healthy = at.look(60, Health::Healthy, (10, 1));
    healthy.judgement.latency_ms = Some(Latency { p50: 40.0, p95: 80.0, samples: 10 });
    let mut quiet = at.look(300, Health::Unhealthy, (3, 3));
    quiet.judgement.maintenance = Some(Maintenance { until: t(9_000), reason: None });
    let looks = [
        healthy.clone(),
        at.look(120, Health::Unhealthy, (4, 3)),
        at.look(180, Health::Degraded, (5, 5)),
        at.look(240, Health::Unknown, (2, 2)),
        quiet,
        // Nothing was measured, whatever it says.
        at.look(360, Health::Healthy, (0, 0)),
        // In the same minute as the first, by another run.
        at.look(61, Health::Unhealthy, (1, 1)),
    ];
    learn(history, &at, &looks, &head(7)).await;
    assert_eq!(learned(other, &at).await, Some(head(7)), "another process must see how far the journal was taken in");
    let figures = async |minute: i64| {
        let bucket = series(history, &at, minute, minute + 1, 1).await.total;
        (bucket.observed, bucket.up, bucket.maintenance, bucket.samples)
    };
    assert_eq!(figures(1).await, (1, 0.5, 0, 11), "each look is one measurement of its minute");
    assert_eq!(figures(2).await, (1, 0.0, 0, 4), "an unhealthy look must be observed and not up");
    assert_eq!(figures(3).await, (1, 1.0, 0, 5), "a degraded look must be up");
    assert_eq!(figures(4).await, (0, 0.0, 0, 2), "an unknown look must be unobserved");
    assert_eq!(figures(5).await, (0, 0.0, 1, 3), "a look in maintenance must count as that");
    assert_eq!(figures(6).await, (0, 0.0, 0, 0), "a look without samples observed nothing");
    let total = series(history, &at, 0, 60, 60).await.total;
    assert_eq!((total.unhealthy, total.degraded), (3 + 3 + 1, 5), "failures must count as what was concluded of them");
    let Some(latency) = total.latency_ms else { panic!("the latency of a look must not be lost") };
    near(latency.p50, 40.0, "the median of a look must be kept");
    near(latency.p95, 80.0, "the p95 of a look must be kept");

    learn(other, &at, &looks, &head(8)).await;
    assert_eq!(series(history, &at, 0, 60, 60).await.total, total, "the same look twice must count once");
    assert_eq!(learned(history, &at).await, Some(head(8)), "a later head must be kept");

    // A sample of the same minute comes late: from then on the looks of that minute are superfluous.
    record(history, &[at.sample(90, Health::Healthy)]).await;
    assert_eq!(figures(1).await, (1, 1.0, 0, 1), "a look must not count where a sample of its minute is kept");
    learn(history, &at, &[at.look(70, Health::Unhealthy, (1, 1))], &head(9)).await;
    assert_eq!(figures(1).await, (1, 1.0, 0, 1), "nor when it comes after the sample");
    assert_eq!(samples(history, &at, t(0), 100).await.len(), 1, "a look must not become a sample");

    learn(history, &at, &[], &head(2)).await;
    assert_eq!(learned(history, &at).await, Some(head(2)), "another journal may be shorter than the one before");
}

async fn places_are_apart(history: &impl History) {
    let (here, there) = (Place::new("here"), Place::new("there"));
    let elsewhere = Place { environment: id("elsewhere"), ..here.clone() };
    record(history, &[here.sample(0, Health::Healthy)]).await;
    learn(history, &here, &[here.look(60, Health::Healthy, (1, 0))], &Head { seq: 3, digest: Digest::ZERO }).await;
    for place in [there, elsewhere.clone()] {
        assert_eq!(samples(history, &place, t(0), 9).await, [], "samples must stay in their environment and service");
        let total = series(history, &place, 0, 60, 60).await.total;
        assert_eq!(total.samples, 0, "a series must be of one service in one environment");
    }
    assert_eq!(learned(history, &elsewhere).await, None, "each environment has a journal of its own");
}

async fn writers_do_not_lose(one: &impl History, other: &impl History) {
    let at = Place::new("writers");
    let write = async |history: &dyn History, offset: i64| {
        for n in 0..20 {
            // One of both is the same.
            record(history, &[at.sample(n * 10 + offset, Health::Healthy), at.sample(n * 10, Health::Healthy)]).await;
        }
    };
    futures::future::join(write(one, 1), write(other, 2)).await;
    assert_eq!(series(one, &at, 0, 60, 60).await.total.samples, 60, "no writer may lose what another wrote");
}

async fn adding_up_changes_nothing(history: &impl History, other: &impl History) {
    use Health::{Degraded, Healthy, Unhealthy, Unknown};
    let at = Place::new("compact");
    let mut given: Vec<Sample> = [Healthy, Unhealthy, Unknown, Degraded, Healthy, Healthy]
        .into_iter()
        .cycle()
        .zip(0..400)
        .map(|(health, n)| at.sample(n * 47, health))
        .collect();
    given[100].maintenance = true;
    record(history, &given).await;
    let look = at.look(20 * 3_600, Unhealthy, (2, 2));
    // This one has a sample in its minute.
    let superfluous = at.look(3_600, Unhealthy, (2, 2));
    let head = Head { seq: 1, digest: Digest::ZERO };
    learn(history, &at, &[look.clone(), superfluous.clone()], &head).await;
    let day = async |history: &dyn History| series(history, &at, 0, 1_440, 1_440).await;
    let before = day(history).await;
    assert_eq!(before.total.samples, 402);

    for days in [0, 3, 3, 20, 1, 30] {
        let now = t(86_400 * (1 + days));
        done(within(history.compact(now)).await, "to add up must work");
        same(&day(other).await, &before, &format!("to add up after {days} days must not change a day"));
        // Whatever comes again, or late, is known already.
        record(other, &given).await;
        learn(other, &at, &[superfluous.clone(), look.clone()], &head).await;
        same(&day(history).await, &before, &format!("nor must what comes again after {days} days"));
    }
    record(history, &[at.sample(86_400 * 31, Healthy)]).await;
    done(within(history.compact(t(86_400 * 31 + 60))).await, "to add up must work");
    let kept = samples(history, &at, t(86_400 * 31), 9).await;
    assert_eq!(kept.len(), 1, "a sample of the last hour must be kept as it is");
    assert_eq!(learned(history, &at).await, Some(head), "to add up must not forget the journal");
}

fn same(found: &Series, expected: &Series, promise: &str) {
    let figures =
        |b: &Bucket| (b.start, b.minutes, b.observed, b.maintenance, b.samples, b.unhealthy, b.degraded, b.unknown);
    for (found, expected) in found.buckets.iter().zip(&expected.buckets).chain([(&found.total, &expected.total)]) {
        assert_eq!(figures(found), figures(expected), "{promise}");
        assert!((found.up - expected.up).abs() < 1e-6, "{promise}: up is {} and was {}", found.up, expected.up);
        match (found.latency_ms, expected.latency_ms) {
            (Some(found), Some(expected)) => {
                assert_eq!(found.samples, expected.samples, "{promise}");
                near(found.p50, expected.p50, promise);
                near(found.p95, expected.p95, promise);
            }
            (found, expected) => assert_eq!(found, expected, "{promise}"),
        }
    }
}

fn near(found: f64, expected: f64, promise: &str) {
    assert!((found - expected).abs() <= expected * TOLERANCE, "{promise}: {found} instead of {expected}");
}

/// Of what a part of the suite speaks, so that the parts share one history without meeting.
#[derive(Debug, Clone)]
struct Place {
    environment: EnvironmentId,
    service: ServiceId,
}

impl Place {
    fn new(name: &str) -> Self {
        Self { environment: id(name), service: id("api") }
    }

    fn sample(&self, seconds: i64, health: Health) -> Sample {
        let reading = Reading { latency_ms: Some(10.0 + (seconds % 977) as f64), ..Reading::new(health, "asked") };
        let (environment, service) = (self.environment.clone(), self.service.clone());
        Sample { environment, service, at: t(seconds), reading, maintenance: false }
    }

    /// What one run concluded from (samples, failures).
    fn look(&self, seconds: i64, health: Health, (samples, failures): (u32, u32)) -> Look {
        // The same run each time for the same look, so that it is the same look.
        let run = format!("0197{:04x}-0000-7000-8000-{seconds:012x}", samples);
        let Ok(run) = run.parse::<RunId>() else { panic!("{run} must be a run id") };
        let judgement = Judgement::new(self.service.clone(), health, "judged", t(seconds));
        Look { run, judgement: Judgement { samples, failures, complete: true, ..judgement } }
    }

    /// From one minute to another.
    fn query(&self, from: i64, to: i64, width_minutes: u32) -> SeriesQuery {
        let (environment, service) = (self.environment.clone(), self.service.clone());
        SeriesQuery { environment, service, from: t(from * 60), to: t(to * 60), width_minutes }
    }
}

fn id<T: std::str::FromStr>(name: &str) -> T {
    name.parse().unwrap_or_else(|_| panic!("{name} must be a name"))
}

/// So many seconds after a midnight.
fn t(seconds: i64) -> Timestamp {
    Timestamp::constant(1_772_323_200, 0) + SignedDuration::from_secs(seconds)
}

async fn record<H: History + ?Sized>(history: &H, samples: &[Sample]) {
    done(within(history.record(samples)).await, "to record must work");
}

async fn learn(history: &impl History, at: &Place, looks: &[Look], head: &Head) {
    done(within(history.learn(&at.environment, looks, head)).await, "to learn must work");
}

async fn learned(history: &impl History, at: &Place) -> Option<Head> {
    done(within(history.learned(&at.environment)).await, "to read the head must work")
}

async fn samples(history: &impl History, at: &Place, since: Timestamp, limit: u32) -> Vec<Sample> {
    done(within(history.samples(&at.environment, &at.service, since, limit)).await, "to read samples must work")
}

async fn series<H: History + ?Sized>(history: &H, at: &Place, from: i64, to: i64, width: u32) -> Series {
    done(within(history.series(&at.query(from, to, width))).await, "to read a series must work")
}

async fn within<T>(call: impl Future<Output = Result<T, HistoryError>>) -> Result<T, HistoryError> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(result) => result,
        Err(_) => panic!("a call must end within {DEADLINE:?}"),
    }
}

#[track_caller]
fn done<T>(result: Result<T, HistoryError>, promise: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{promise}, but gave {error:?}"),
    }
}
