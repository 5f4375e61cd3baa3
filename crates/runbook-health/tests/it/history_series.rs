//! What the history adds up: the same figures as a history that keeps everything, before and after, level by level.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use runbook_core::config::Keep;
use runbook_core::{
    Bucket, Health, Judgement, Latency, Maintenance, RunId, Series,
    event::Head,
    ports::{History, Look, Sample},
};
use runbook_health::{Retention, SqliteHistory};
use runbook_testkit::MemoryHistory;

use crate::history::{query, sample, t};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Ages that a test outlives quickly.
const SHORT: Retention =
    Retention { raw: Keep::hours(1), minutes: Keep::hours(6), hours: Keep::days(1), days: Keep::days(10) };

fn any_health() -> impl Strategy<Value = Health> {
    prop_oneof![
        4 => Just(Health::Healthy),
        1 => Just(Health::Degraded),
        2 => Just(Health::Unhealthy),
        1 => Just(Health::Unknown)
    ]
}

/// Times that meet in minutes, in hours and at their borders, over four days.
fn any_time() -> impl Strategy<Value = i64> {
    (0..4_i64, 0..3_i64, prop_oneof![0..3_i64, 57..60_i64], 0..60_i64)
        .prop_map(|(day, hour, minute, second)| day * DAY + (hour * 11) * HOUR + minute * 60 + second)
}

prop_compose! {
    fn any_sample()(
        service in prop_oneof![Just("api"), Just("web")],
        at in any_time(),
        health in any_health(),
        latency in proptest::option::of(0.001_f64..60_000.0),
        maintenance in proptest::bool::weighted(0.1),
    ) -> Sample {
        let mut sample = sample(service, at, health);
        sample.reading.latency_ms = latency.map(|ms| (ms * 1e3).round() / 1e3);
        sample.maintenance = maintenance;
        sample
    }
}

prop_compose! {
    fn any_look()(
        service in prop_oneof![Just("api"), Just("web")],
        at in any_time(),
        health in any_health(),
        samples in 0..9_u32,
        failures in 0..9_u32,
        latency in proptest::option::of((1.0_f64..1_000.0, 1.0_f64..10.0, 2..9_u32)),
        maintenance in proptest::bool::weighted(0.1),
    ) -> Look {
        let round = |ms: f64| (ms * 1e3).round() / 1e3;
        let judgement = Judgement::new(service.parse().unwrap(), health, "", t(at));
        let latency_ms = latency.map(|(p50, factor, samples)| Latency {
            p50: round(p50), p95: round(p50 * factor), samples,
        });
        let maintenance = maintenance.then(|| Maintenance { until: t(9 * DAY), reason: None });
        let judgement = Judgement { samples, failures: failures.min(samples), latency_ms, maintenance, ..judgement };
        Look { run: RunId::new(), judgement }
    }
}

/// What both say of the same question, apart from the sketch's error.
fn same(found: &Series, expected: &Series) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.buckets.len(), expected.buckets.len());
    let counts =
        |b: &Bucket| ((b.start, b.minutes, b.observed, b.maintenance), (b.samples, b.unhealthy, b.degraded, b.unknown));
    for (found, expected) in found.buckets.iter().zip(&expected.buckets).chain([(&found.total, &expected.total)]) {
        prop_assert_eq!(counts(found), counts(expected));
        prop_assert!((found.up - expected.up).abs() < 1e-9, "up {} for {}", found.up, expected.up);
        prop_assert!(found.coverage() == expected.coverage());
        prop_assert_eq!(found.latency_ms.map(|l| l.samples), expected.latency_ms.map(|l| l.samples));
        for (found, expected) in found.latency_ms.iter().zip(&expected.latency_ms) {
            for (found, exact) in [(found.p50, expected.p50), (found.p95, expected.p95), (found.p99, expected.p99)] {
                prop_assert!((found - exact).abs() <= exact * 0.01 + 0.001, "{} for {}", found, exact);
            }
        }
    }
    Ok(())
}

async fn agree(file: &SqliteHistory, memory: &MemoryHistory, widths: &[u32]) -> Result<(), TestCaseError> {
    for (service, width) in
        [("api", widths), ("web", widths)].into_iter().flat_map(|(s, w)| w.iter().map(move |w| (s, *w)))
    {
        let query = query(service, 0, 4 * 24 * 60, width);
        same(&file.series(&query).await.unwrap(), &memory.series(&query).await.unwrap())?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Adding up in any order of calls, with everything told again in between, changes no figure.
    #[test]
    fn adding_up_never_changes_a_figure(
        samples in proptest::collection::vec(any_sample(), 1..120),
        looks in proptest::collection::vec(any_look(), 0..25),
        again in any::<prop::sample::Index>(),
        hours in proptest::collection::vec(0..110_i64, 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let state = tempfile::tempdir().unwrap();
            let file = SqliteHistory::open(state.path(), SHORT);
            let memory = MemoryHistory::new();
            let environment = samples[0].environment.clone();
            for history in [&file as &dyn History, &memory] {
                history.record(&samples).await.unwrap();
                history.learn(&environment, &looks, &Head::EMPTY).await.unwrap();
            }
            agree(&file, &memory, &[1, 60, 120, 1440]).await?;
            let again = again.index(samples.len());
            for hour in hours {
                file.compact(t(hour * HOUR)).await.unwrap();
                agree(&file, &memory, &[1440]).await?;
                file.record(&samples[again..]).await.unwrap();
                file.learn(&environment, &looks, &Head::EMPTY).await.unwrap();
                agree(&file, &memory, &[1440, 2880]).await?;
            }
            // What is in hours still answers hours.
            let file = SqliteHistory::open(&state.path().join("hours"), Retention { hours: Keep::days(9), ..SHORT });
            file.record(&samples).await.unwrap();
            file.learn(&environment, &looks, &Head::EMPTY).await.unwrap();
            file.compact(t(5 * DAY)).await.unwrap();
            agree(&file, &memory, &[60, 120, 1440]).await
        })?;
    }
}

fn short(state: &tempfile::TempDir) -> SqliteHistory {
    SqliteHistory::open(state.path(), SHORT)
}

async fn figures(history: &SqliteHistory, from: i64, to: i64, width: u32) -> (u32, u64) {
    let total = history.series(&query("api", from, to, width)).await.unwrap().total;
    (total.observed, total.samples)
}

#[tokio::test]
async fn each_level_answers_its_own_width_and_says_nothing_finer() {
    let state = tempfile::tempdir().unwrap();
    let history = short(&state);
    let first = sample("api", 90, Health::Healthy);
    history.record(&[first.clone(), sample("api", 150, Health::Unhealthy)]).await.unwrap();
    let raw = async || history.samples(&first.environment, &first.service, t(0), 9).await.unwrap().len();
    let answers = async || {
        [
            figures(&history, 0, 60, 1).await,
            figures(&history, 0, 60, 60).await,
            figures(&history, 0, 1_440, 1_440).await,
        ]
    };
    let (all, nothing) = ((2, 2), (0, 0));
    for (hours, samples, expected) in [
        (1, 2, [all, all, all]),
        (2, 0, [all, all, all]),
        (8, 0, [nothing, all, all]),
        (47, 0, [nothing, all, all]),
        (48, 0, [nothing, nothing, all]),
        (10 * 24, 0, [nothing, nothing, all]),
        // Past the last age nothing is left, and nothing is claimed.
        (11 * 24, 0, [nothing, nothing, nothing]),
    ] {
        history.compact(t(hours * HOUR)).await.unwrap();
        assert_eq!((raw().await, answers().await), (samples, expected), "after {hours} hours");
    }
}

#[tokio::test]
async fn a_row_that_reaches_past_the_question_is_left_out_of_it() {
    let state = tempfile::tempdir().unwrap();
    let history = short(&state);
    history.record(&[sample("api", 90, Health::Healthy)]).await.unwrap();
    history.compact(t(8 * HOUR)).await.unwrap();
    assert_eq!(figures(&history, 0, 30, 60).await, (0, 0), "when in the hour it was is not known any more");
    assert_eq!(figures(&history, 0, 60, 60).await, (1, 1));
}

#[tokio::test]
async fn looks_go_with_the_days() {
    let state = tempfile::tempdir().unwrap();
    let history = short(&state);
    let environment = sample("api", 0, Health::Healthy).environment;
    let judgement = Judgement::new("api".parse().unwrap(), Health::Healthy, "", t(90));
    let look = Look { run: RunId::new(), judgement: Judgement { samples: 3, ..judgement } };
    history.learn(&environment, std::slice::from_ref(&look), &Head::EMPTY).await.unwrap();
    history.compact(t(10 * DAY)).await.unwrap();
    assert_eq!(figures(&history, 0, 60, 1).await, (1, 3), "a look keeps its minute for as long as it is kept");
    history.compact(t(11 * DAY)).await.unwrap();
    assert_eq!(figures(&history, 0, 60, 1).await, (0, 0));
}

#[tokio::test]
async fn a_late_sample_fills_a_gap_and_never_counts_twice() {
    let state = tempfile::tempdir().unwrap();
    let history = short(&state);
    let first = sample("api", 90, Health::Healthy);
    history.record(std::slice::from_ref(&first)).await.unwrap();
    for hours in [2, 8, 48] {
        history.compact(t(hours * HOUR)).await.unwrap();
        // The same minute as before, and one of which nothing is known.
        let late = sample("api", 60 * (10 + hours), Health::Unhealthy);
        history.record(&[first.clone(), late.clone()]).await.unwrap();
        history.compact(t(hours * HOUR)).await.unwrap();
        history.record(&[first.clone(), late]).await.unwrap();
    }
    let total = history.series(&query("api", 0, 1_440, 1_440)).await.unwrap().total;
    assert_eq!((total.observed, total.samples, total.unhealthy, total.up), (4, 4, 3, 1.0));
}

/// The quickest of three, so that a busy machine does not fail what is quick.
async fn quickest(what: &str, mut work: impl AsyncFnMut(i64)) -> Duration {
    let mut quickest = Duration::MAX;
    for time in 0..3 {
        let begun = Instant::now();
        work(time).await;
        quickest = quickest.min(begun.elapsed());
    }
    println!("{what}: {quickest:?}");
    quickest
}

#[tokio::test]
async fn ten_thousand_samples_are_one_quick_transaction() {
    let state = tempfile::tempdir().unwrap();
    let history = SqliteHistory::open(state.path(), Retention::default());
    for (case, services) in [("one round of many services", 10_000), ("a long stretch of few", 10)] {
        let took = quickest(case, async |time| {
            let at = |n: i64| n / services * 7 + time;
            let samples: Vec<Sample> =
                (0..10_000).map(|n| sample(&format!("service-{}", n % services), at(n), Health::Healthy)).collect();
            history.record(&samples).await.unwrap();
        });
        let took = took.await;
        assert!(took < Duration::from_secs(1), "{case} took {took:?}");
    }
    history.compact(t(3 * DAY)).await.unwrap();
    let raw = history.samples(&"staging".parse().unwrap(), &"service-3".parse().unwrap(), t(0), 9).await.unwrap();
    assert!(raw.is_empty(), "all of it is added up in one call");
    let total = history.series(&query("service-3", 0, 1_440, 1_440)).await.unwrap().total;
    assert_eq!(total.samples, 3_000, "the first of each stretch is the one of the round");
}

#[tokio::test]
async fn a_month_of_minutes_is_answered_quickly() {
    let state = tempfile::tempdir().unwrap();
    let retention = Retention { minutes: Keep::days(60), ..Retention::default() };
    let history = SqliteHistory::open(state.path(), retention);
    let minutes = 30 * 24 * 60;
    for service in ["api", "web"] {
        let samples: Vec<Sample> = (0..minutes)
            .map(|minute| {
                let mut sample = sample(service, minute * 60, Health::Healthy);
                sample.reading.latency_ms = Some(1.0 + (minute * 7 % 500) as f64);
                sample
            })
            .collect();
        for samples in samples.chunks(5_000) {
            history.record(samples).await.unwrap();
        }
    }
    let web = sample("web", 0, Health::Healthy);
    let mut calls = 0;
    // A backlog that one call does not work off is left to the next.
    while !history.samples(&web.environment, &web.service, t(0), 1).await.unwrap().is_empty() {
        history.compact(t(40 * DAY)).await.unwrap();
        calls += 1;
        assert!(calls < 20, "every call adds some of it up");
    }
    let took = quickest("30 days by the hour", async |_| {
        let series = history.series(&query("api", 0, minutes, 60)).await.unwrap();
        assert_eq!((series.buckets.len(), series.total.observed, series.total.coverage()), (720, 43_200, 1.0));
        let p50 = series.total.latency_ms.unwrap().p50;
        assert!((p50 - 250.0).abs() < 4.0, "{p50}");
    });
    let took = took.await;
    assert!(took < Duration::from_millis(1_500), "30 days by the hour took {took:?}");
}
