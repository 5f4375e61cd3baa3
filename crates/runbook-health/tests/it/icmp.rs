//! Echo requests to this machine and to nobody, where the system permits them; elsewhere, that it says so.

use std::time::{Duration, Instant};

use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Registry},
};
use runbook_health::{IcmpProbe, IcmpSettings, register};
use runbook_testkit::conformance::{self, ProbeCases};
use tokio::{runtime::Handle, time::timeout};

use crate::support::{assert_reading, scope, shown, skipped};

fn build(url: Option<&str>, settings: &str) -> Result<IcmpProbe, BuildError> {
    IcmpProbe::build(serde_json::from_str(settings).unwrap(), &scope(url))
}

/// A reading; or `None` with a loud line where this machine does not permit it, or does not know the way.
async fn sample(settings: &str) -> Option<Reading> {
    let ended = build(None, settings).unwrap().sample().await;
    match ended {
        Ok(reading) => Some(reading),
        Err(error) => {
            not_measured(settings, &error);
            None
        }
    }
}

fn not_measured(settings: &str, error: &ProbeError) {
    let words = error.to_string();
    let is_clear = words.contains("`net.ipv4.ping_group_range`")
        || words.contains("there is no route from this machine")
        || words.contains("a router says that")
        || words.contains("this machine has no free address or port to do it from");
    assert!(is_clear, "{settings}: {words}: {:?}", error.source);
    skipped(&format!("icmp {settings} is not tried: {words}"));
}

#[tokio::test]
async fn this_machine_answers() {
    for (host, evidence) in [
        ("127.0.0.1", "healthy: icmp 127.0.0.1 → reply in N ms"),
        ("::1", "healthy: icmp [::1] → reply in N ms"),
        ("[::ffff:127.0.0.1]", "healthy: icmp [::ffff:127.0.0.1] → reply in N ms"),
    ] {
        let Some(reading) = sample(&format!(r#"{{"host": "{host}"}}"#)).await else { continue };
        assert_eq!(shown(&reading, 0), evidence);
        assert!(reading.latency_ms.is_some_and(|ms| ms > 0.0) && reading.phases.first_byte_ms.is_some());
    }
    if let Some(reading) = sample(r#"{"host": "localhost", "family": "ipv4"}"#).await {
        assert_reading(&reading, Health::Healthy, "icmp localhost (127.0.0.1) → reply in");
    }
}

/// 198.51.100.0/24 is for documentation and belongs to nobody (RFC 5737).
#[tokio::test]
async fn nobody_does_not_answer_within_the_timeout() {
    let started = Instant::now();
    if let Some(reading) = sample(r#"{"host": "198.51.100.1", "timeout": "300ms"}"#).await {
        assert_reading(&reading, Health::Unhealthy, "icmp 198.51.100.1 → no reply within 300 ms");
        assert_eq!(reading.latency_ms, None);
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn many_at_once_hear_their_own_reply() {
    if sample(r#"{"host": "127.0.0.1"}"#).await.is_none() {
        return;
    }
    let probe = build(None, r#"{"host": "127.0.0.1"}"#).unwrap();
    let readings = futures::future::join_all((0..50).map(|_| probe.sample())).await;
    assert!(readings.into_iter().all(|reading| reading.unwrap().health == Health::Healthy));
}

/// Whoever never answers is down, and cannot be told from one that is silent.
#[tokio::test]
async fn icmp_keeps_the_contract_of_probes() {
    let nobody = r#"{"host": "198.51.100.1", "timeout": "300ms"}"#;
    if sample(r#"{"host": "127.0.0.1"}"#).await.is_none() || sample(nobody).await.is_none() {
        return;
    }
    let build = |settings: &str| build(None, settings).unwrap();
    conformance::probe(ProbeCases {
        healthy: &build(r#"{"host": "127.0.0.1"}"#),
        unhealthy: &build(nobody),
        unmeasurable: Some(&build(r#"{"host": "no-such-host.invalid"}"#)),
        silent: Some(&build(nobody)),
        limit: Duration::from_secs(10),
    })
    .await;
}

#[tokio::test]
async fn a_dropped_future_leaves_nothing() {
    let probe = build(None, r#"{"host": "198.51.100.1", "timeout": "1h"}"#).unwrap();
    // Ends before its time only where nothing can be sent.
    if let Ok(ended) = timeout(Duration::from_millis(100), probe.sample()).await {
        return not_measured("that is dropped", &ended.unwrap_err());
    }
    // A task that was ended is let go when the runtime comes past it.
    let gone = async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), gone).await.unwrap();
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_unknown() {
    let error = build(None, r#"{"host": "no-such-host.invalid"}"#).unwrap().sample().await.unwrap_err();
    assert!(error.to_string().starts_with("failed to look up the name `no-such-host.invalid`"), "{error}");
}

#[tokio::test]
async fn a_service_out_of_reach_is_unknown() {
    let mut scope = scope(Some("http://localhost:8000"));
    scope.service.as_mut().unwrap().out_of_reach = Some("API_URL is not set".to_owned());
    let probe = IcmpProbe::build(IcmpSettings::default(), &scope).unwrap();
    assert_eq!(probe.sample().await.unwrap_err().to_string(), "API_URL is not set");
}

#[test]
fn settings_that_cannot_be_used_name_their_key() {
    let refused: Vec<String> = [
        (None, "{}"),
        (Some("http://a b"), "{}"),
        (None, r#"{"host": "a b"}"#),
        (None, r#"{"host": "h:80"}"#),
        (None, r#"{"host": "127.0.0.1", "family": "ipv6"}"#),
        (None, r#"{"host": "h", "timeout": "0s"}"#),
    ]
    .iter()
    .map(|(url, settings)| {
        let error = build(*url, settings).expect_err(settings);
        format!("{}: {}", error.key.unwrap_or_default(), error.message)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
    assert!(serde_json::from_str::<IcmpSettings>(r#"{"count": 3}"#).is_err());
    assert!(serde_json::from_str::<IcmpSettings>(r#"{"family": "v6"}"#).is_err());
}

#[test]
fn the_schema_is_what_editors_were_promised() {
    let mut registry = Registry::default();
    register(&mut registry);
    insta::assert_json_snapshot!("icmp_schema", registry.schemas()["probe"]["icmp"]);
}
