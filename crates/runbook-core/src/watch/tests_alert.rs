//! Alerts: what they make of samples, and when they say nothing.

use super::*;

const NOW: i64 = 1_900_000_000;

fn alert(text: &str) -> AlertConfig {
    let alert: AlertConfig = toml::from_str(text).unwrap();
    alert.check().unwrap();
    alert
}

fn rule(text: &str) -> AlertConfig {
    alert(&format!("when = '{text}'"))
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// One sample each second, the last one now: h, d, u and ? for the four states.
fn taken(pattern: &str) -> Vec<AlertSample> {
    let health = |sign| match sign {
        'h' => Health::Healthy,
        'd' => Health::Degraded,
        'u' => Health::Unhealthy,
        _ => Health::Unknown,
    };
    let begun = NOW - i64::try_from(pattern.len()).unwrap() + 1;
    (begun..)
        .zip(pattern.chars())
        .map(|(at, sign)| AlertSample { at: second(at), health: health(sign), latency_ms: None })
        .collect()
}

/// Healthy samples with these latencies.
fn timed(latencies: impl IntoIterator<Item = f64>) -> Vec<AlertSample> {
    let sample = |(at, ms)| AlertSample { at: second(at), health: Health::Healthy, latency_ms: Some(ms) };
    (NOW - 100_000..).zip(latencies).map(sample).collect()
}

fn evidence<'a>(own: &'a [AlertSample], past: Option<&'a [AlertSample]>) -> AlertEvidence<'a> {
    AlertEvidence { own, past, now: second(NOW), certificate_not_after: None }
}

fn of(alert: &AlertConfig, samples: &[AlertSample]) -> (Option<bool>, String) {
    let finding = judge(alert, &evidence(samples, None));
    (finding.fired, finding.found)
}

fn fired(text: &str, pattern: &str) -> Option<bool> {
    of(&rule(text), &taken(pattern)).0
}

#[test]
fn an_error_rate_is_the_share_of_measured_samples_that_failed() {
    let five = |text: &str, pattern: String| of(&rule(text), &taken(&pattern));
    assert_eq!(
        five("error_rate > 5%", format!("u{}", "h".repeat(19))),
        (Some(false), "5%: 1 failed of 20 samples".to_owned())
    );
    assert_eq!(five("error_rate >= 5%", format!("u{}", "h".repeat(19))).0, Some(true), "the bound itself counts");
    let found = five("error_rate > 5%", format!("uu{}", "d".repeat(19)));
    assert_eq!(found, (Some(true), "9.524%: 2 failed of 21 samples".to_owned()), "degraded is no failure");
    let found = five("error_rate > 5%", format!("u{}???", "h".repeat(19)));
    assert_eq!(
        found,
        (Some(false), "5%: 1 failed of 20 samples (3 more measured nothing)".to_owned()),
        "unknown is neither failure nor success"
    );
    // In floating point, 0.1 % of 1,000 is easily more or less than 1.
    assert_eq!(five("error_rate >= 0.1%", format!("u{}", "h".repeat(999))).0, Some(true));
    assert_eq!(five("error_rate > 0.1%", format!("u{}", "h".repeat(999))).0, Some(false));
}

#[test]
fn too_few_samples_are_no_verdict() {
    assert_eq!(of(&rule("error_rate > 5%"), &taken("uuuu")), (None, "4 samples of at least 20".to_owned()));
    let found = of(&rule("error_rate > 5%"), &taken(&format!("u{}", "?".repeat(30))));
    assert_eq!(found, (None, "1 sample of at least 20 (30 more measured nothing)".to_owned()));
    assert_eq!(of(&alert("when = 'error_rate > 5%'\nmin_samples = 4"), &taken("uuuu")).0, Some(true));
    let found = of(&rule("p95 > 1s"), &taken(&"u".repeat(30)));
    assert_eq!(found, (None, "0 samples of at least 20 (30 more had no latency)".to_owned()));
    assert_eq!(fired("consecutive_failures >= 3", ""), None);
    assert_eq!(fired("consecutive_failures >= 3", "???"), None);
    assert_eq!(fired("failures >= 3 of 10", "?"), None);
}

#[test]
fn percentiles_are_by_nearest_rank() {
    let hundred = timed((1..=100).map(f64::from));
    let found = |text: &str| of(&rule(text), &hundred);
    assert_eq!(found("p50 > 50ms"), (Some(false), "50 ms over 100 samples".to_owned()));
    assert_eq!(found("p50 >= 50ms").0, Some(true));
    assert_eq!(found("p95 > 94ms"), (Some(true), "95 ms over 100 samples".to_owned()));
    assert_eq!(found("p99 > 99ms"), (Some(false), "99 ms over 100 samples".to_owned()));
    assert_eq!(
        of(&rule("p99 > 19ms"), &timed((1..=20).map(f64::from))),
        (Some(true), "20 ms over 20 samples".to_owned())
    );
    let odd = timed([0.25, f64::NAN, f64::INFINITY].into_iter().chain([0.25; 19]));
    assert_eq!(
        of(&rule("p95 > 200µs"), &odd),
        (Some(true), "0.25 ms over 20 samples (2 more had no latency)".to_owned())
    );
}

/// A latency that was measured is one, whatever the answer was.
#[test]
fn a_slow_failure_is_slow() {
    let mut samples = timed([2_000.0; 20]);
    samples.iter_mut().for_each(|sample| sample.health = Health::Unhealthy);
    assert_eq!(of(&rule("p50 > 1s"), &samples).0, Some(true));
}

#[test]
fn failures_in_a_row_are_the_newest() {
    let in_a_row = |pattern: &str| fired("consecutive_failures >= 3", pattern);
    assert_eq!(in_a_row("huuu"), Some(true));
    assert_eq!(in_a_row("uuuh"), Some(false), "it is over");
    assert_eq!(in_a_row("uuuduu"), Some(false), "degraded answers");
    assert_eq!(in_a_row("uu?u?"), Some(true), "unknown does not break a row");
    assert_eq!(in_a_row("huu?"), Some(false), "and does not extend it");
    assert_eq!(in_a_row("uu"), Some(false));
    assert_eq!(
        of(&rule("consecutive_failures > 1"), &taken("h?uu")).1,
        "2 failed in a row, of 3 samples (1 more measured nothing)"
    );
}

#[test]
fn failures_among_the_newest() {
    let three_of_five = |pattern: &str| fired("failures >= 3 of 5", pattern);
    assert_eq!(three_of_five("uhuhu"), Some(true));
    assert_eq!(three_of_five("uuuhhhh"), Some(false), "two of them are too old");
    assert_eq!(three_of_five("uhu?h?u"), Some(true), "unknown is none of the five");
    assert_eq!(three_of_five("uuu"), Some(true), "three are three, also of three");
    assert_eq!(three_of_five("uuddd"), Some(false));
    assert_eq!(of(&rule("failures > 0 of 2"), &taken("uuuh")).1, "1 failed of the newest 2 samples");
}

#[test]
fn certificates_have_days_left() {
    let days = |text: &str, seconds: Option<i64>| {
        let not_after = seconds.map(|seconds| second(NOW + seconds));
        let finding = judge(&rule(text), &AlertEvidence { certificate_not_after: not_after, ..evidence(&[], None) });
        (finding.fired, finding.found)
    };
    let day = SECONDS_OF_A_DAY;
    assert_eq!(days("certificate_days < 14", Some(14 * day)).0, Some(false));
    assert_eq!(days("certificate_days <= 14", Some(14 * day + 5)).0, Some(true));
    assert_eq!(
        days("certificate_days < 14", Some(14 * day - 1)),
        (Some(true), "13 days left, until 2030-03-31T17:46:39Z".to_owned())
    );
    assert_eq!(
        days("certificate_days < 0", Some(-1)),
        (Some(true), "no longer valid since 2030-03-17T17:46:39Z".to_owned())
    );
    assert_eq!(days("certificate_days < 0", Some(0)).0, Some(false));
    assert_eq!(days("certificate_days < 14", None), (None, "no certificate was seen".to_owned()));
}

#[test]
fn over_looks_at_the_history_and_counts_each_sample_once() {
    let hour = alert("when = 'failures >= 3 of 100'\nover = '1h'");
    assert_eq!(hour.to_string(), "failures >= 3 of 100 over 1h");
    let own = taken("huu");
    let finding = judge(&hour, &evidence(&own, None));
    assert_eq!(finding.fired, None, "without a history the hour is not known");
    assert_eq!(finding.found, "`over` needs a history, and none could be read");
    // The history has the newest samples already, and one that is too old.
    let mut past = own.clone();
    past.insert(0, AlertSample { at: second(NOW - 3_601), health: Health::Unhealthy, latency_ms: None });
    let finding = judge(&hour, &evidence(&own, Some(&past)));
    assert_eq!((finding.fired, finding.found.as_str()), (Some(false), "2 failed of the newest 3 samples"));
    past[0].at = second(NOW - 3_600);
    assert_eq!(judge(&hour, &evidence(&own, Some(&past))).fired, Some(true));
    assert_eq!(judge(&rule("failures >= 3 of 100"), &evidence(&own, Some(&past))).fired, Some(false), "without `over`");
    // What is newer than now, on a clock that went back, is no part of the last hour.
    past[0].at = second(NOW + 1);
    assert_eq!(judge(&hour, &evidence(&own, Some(&past))).fired, Some(false));
}

#[test]
fn a_row_of_failures_goes_back_into_the_history() {
    let hour = alert("when = 'consecutive_failures >= 4'\nover = '1h'");
    let mut past = taken("huuuu");
    past.truncate(3);
    let own = taken("uu");
    assert_eq!(judge(&hour, &evidence(&own, Some(&past))).fired, Some(true));
}

#[test]
fn the_worst_that_fired_counts_and_silence_is_not_told() {
    let alerts = [
        rule("consecutive_failures >= 2"),
        rule("consecutive_failures >= 9"),
        alert("when = 'failures >= 2 of 3'\nlevel = 'unhealthy'"),
        alert("when = 'error_rate > 5%'\nlevel = 'unhealthy'"),
    ];
    let own = taken("huu");
    let (findings, worst) = judge_all(&alerts, &evidence(&own, None));
    let told: Vec<_> = findings.iter().map(|finding| (finding.alert.as_str(), finding.fired)).collect();
    assert_eq!(
        told,
        [("consecutive_failures >= 2", Some(true)), ("failures >= 2 of 3", Some(true)), ("error_rate > 5%", None)]
    );
    assert_eq!(worst, Some(Health::Unhealthy));
    assert_eq!(judge_all(&alerts[..2], &evidence(&own, None)).1, Some(Health::Degraded));
    let (findings, worst) = judge_all(&alerts[3..], &evidence(&own, None));
    assert_eq!((findings.len(), worst), (1, None), "what cannot be judged changes no health");
    assert_eq!(judge_all(&[], &evidence(&own, None)), (Vec::new(), None));
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    let refused = |text: &str| toml::from_str::<AlertConfig>(text).unwrap().check().unwrap_err();
    assert!(refused("when = 'certificate_days < 14'\nlevel = 'unhealthy'").contains("no outage"));
    assert!(refused("when = 'certificate_days < 14'\nover = '1h'").contains("newest certificate"));
    assert!(refused("when = 'certificate_days < 14'\nmin_samples = 2").contains("newest certificate"));
    assert!(refused("when = 'p95 > 1s'\nover = '0s'").contains("no time"));
    assert_eq!(
        refused("when = 'p95 > 1s'\nmin_samples = 0"),
        "`min_samples` of `p95 > 1s` must be from 1 to 10000, found 0"
    );
    assert!(refused("when = 'failures >= 3 of 10'\nmin_samples = 11").contains("from 1 to 10"));
    let wrong = |text: &str| toml::from_str::<AlertConfig>(text).unwrap_err().to_string();
    assert!(wrong("when = 'eror_rate > 5%'").contains("did you mean `error_rate`?"));
    assert!(wrong("when = 5").contains("an alert rule such as"));
    assert!(wrong("when = 'p95 > 1s'\nlevel = 'healthy'").contains("degraded"));
    assert!(wrong("when = 'p95 > 1s'\nfor = '1h'").contains("unknown field"));
}
