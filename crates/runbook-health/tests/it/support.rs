//! Building probes from what people write, and reading their findings.

use std::io::Write;

use runbook_core::{
    Health, Reading, Redactor, Secret, ServiceFacts, ServiceId,
    ports::{Probe, ProbeError},
    registry::{BuildError, Lookup, ProbeDefinition, Scope, ServiceScope},
};
use runbook_health::{HttpProbe, TcpProbe};
use runbook_testkit::parts::REQUIRE_PARTS;

/// What the tests' variables hold.
pub const TOKEN: &str = "token-that-nobody-may-see";

/// The scope of a service with this URL.
pub fn scope(url: Option<&str>) -> Scope {
    Scope {
        service: Some(ServiceScope {
            facts: ServiceFacts {
                id: ServiceId::new("api").unwrap(),
                name: "API".to_owned(),
                critical: true,
                port: None,
            },
            url: url.map(str::to_owned),
            out_of_reach: None,
        }),
        variables: Lookup::fixed([("API_TOKEN", TOKEN), ("API_LOGIN", "user:pass-that-is-secret"), ("BROKEN", "a\nb")]),
        redactor: Redactor::new(&[Secret::new("known-to-the-runbook")]),
        ..Scope::bare("Forge", "production".parse().unwrap(), ".")
    }
}

/// An HTTP probe of these settings (JSON) for a service at `url`.
pub fn try_http(url: &str, settings: &str) -> Result<HttpProbe, BuildError> {
    HttpProbe::build(serde_json::from_str(settings).unwrap(), &scope(Some(url)))
}

/// Probes once over HTTP.
pub async fn http(url: &str, settings: &str) -> Result<Reading, ProbeError> {
    try_http(url, settings).unwrap().sample().await
}

/// A TCP probe of these settings (JSON) for a service at `url`.
pub fn try_tcp(url: Option<&str>, settings: &str) -> Result<TcpProbe, BuildError> {
    TcpProbe::build(serde_json::from_str(settings).unwrap(), &scope(url))
}

/// The reading's health and evidence, with the port and all durations that were measured made alike.
pub fn shown(reading: &Reading, port: u16) -> String {
    let evidence = reading.evidence.replace(&port.to_string(), "PORT");
    let measured = without_duration(&evidence);
    format!("{}: {measured}", reading.health)
}

/// Replaces the number in ` in 1.2 ms` by `N`.
fn without_duration(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" in ") else { return text.to_owned() };
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    format!("{before} in N{after}")
}

/// Asserts the health and what the evidence says.
#[track_caller]
pub fn assert_reading(reading: &Reading, health: Health, evidence: &str) {
    assert_eq!(reading.health, health, "{}", reading.evidence);
    assert!(reading.evidence.contains(evidence), "{:?} is not in {:?}", evidence, reading.evidence);
}

/// Says loudly what this machine cannot test: straight to standard error, past the test harness, which would swallow it.
pub fn skipped(what: &str) {
    // A test goes on without the line when standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {what}");
}

/// As [`skipped`], for what a machine has that is to test everything: there it is a failure.
#[track_caller]
pub fn skipped_part(what: &str) {
    let is_required = std::env::var(REQUIRE_PARTS).is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    assert!(!is_required, "{what}, and {REQUIRE_PARTS} is set");
    skipped(what);
}

/// Whether this machine has an IPv6 loopback; without it, a loud line.
pub fn has_ipv6() -> bool {
    let has = std::net::TcpListener::bind("[::1]:0").is_ok();
    if !has {
        skipped("this machine has no IPv6 loopback, so ::1 is not tried");
    }
    has
}
