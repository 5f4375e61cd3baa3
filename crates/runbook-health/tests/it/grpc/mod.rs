//! gRPC probes against real servers.

mod broken;
mod server;
mod settings;

use std::time::Duration;

use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition},
};
use runbook_health::GrpcProbe;
use runbook_testkit::conformance::{self, ProbeCases};
use tonic::Status;
use tonic_health::ServingStatus;

use self::server::{Authority, Server};
use crate::support::{TOKEN, assert_reading, scope, shown};

fn build(url: Option<&str>, settings: &str) -> Result<GrpcProbe, BuildError> {
    GrpcProbe::build(serde_json::from_str(settings).unwrap(), &scope(url))
}

async fn try_sample(server: &Server, settings: &str) -> Result<Reading, ProbeError> {
    build(Some(&format!("grpc://{}", server.address)), settings).unwrap().sample().await
}

async fn sample(server: &Server, settings: &str) -> Reading {
    try_sample(server, settings).await.unwrap()
}

#[tokio::test]
async fn grpc_keeps_the_contract_of_probes() {
    let (server, _reporter) = server::real().await;
    let without_health = server::without_health().await;
    let silent = server::telling(|_| None).await;
    let build = |server: &Server, settings: &str| build(Some(&format!("grpc://{}", server.address)), settings).unwrap();
    conformance::probe(ProbeCases {
        healthy: &build(&server, "{}"),
        unhealthy: &build(&server, r#"{"service": "nobody.v1.Knows"}"#),
        unmeasurable: Some(&build(&without_health, "{}")),
        silent: Some(&build(&silent, r#"{"timeout": "300ms"}"#)),
        limit: Duration::from_secs(10),
    })
    .await;
}

#[tokio::test]
async fn the_readings_follow_what_the_server_reports() {
    let (server, reporter) = server::real().await;
    let named = r#"{"service": "payments.v1.Payments"}"#;
    let mut readings = vec![sample(&server, "{}").await, sample(&server, named).await];
    for status in [ServingStatus::Serving, ServingStatus::NotServing, ServingStatus::Serving, ServingStatus::Unknown] {
        reporter.set_service_status("payments.v1.Payments", status).await;
        readings.push(sample(&server, named).await);
    }
    let shown: Vec<String> = readings.iter().map(|reading| shown(reading, server.address.port())).collect();
    insta::assert_snapshot!(shown.join("\n"));
    let phases = readings[0].phases;
    assert!(phases.connect_ms.is_some() && phases.first_byte_ms.is_some() && phases.tls_ms.is_none(), "{phases:?}");
    assert!(readings[0].latency_ms.is_some_and(|ms| ms > 0.0));
}

#[tokio::test]
async fn a_server_without_a_health_service_was_not_measured() {
    let server = server::without_health().await;
    let error = try_sample(&server, "{}").await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("grpc {} → UNIMPLEMENTED", server.address)), "{error}");
    assert!(error.ends_with("the server has no health service (grpc.health.v1), so nothing was measured"), "{error}");
}

#[tokio::test]
async fn a_server_that_keeps_no_word_on_itself_was_not_measured() {
    let (server, mut reporter) = server::real().await;
    reporter.clear_service_status("").await;
    let error = try_sample(&server, "{}").await.unwrap_err().to_string();
    assert!(error.ends_with("→ NOT_FOUND: the server keeps no word on itself as a whole; name a `service`"), "{error}");
}

#[tokio::test]
async fn a_status_instead_of_an_answer_is_unhealthy_and_quoted() {
    let server =
        server::telling(|_| Some(Err(Status::unavailable("down\r\nfor known-to-the-runbook\u{1b}[31m")))).await;
    let reading = sample(&server, "{}").await;
    assert_reading(&reading, Health::Unhealthy, "→ UNAVAILABLE, \"down  for *** [31m\" in ");
}

#[tokio::test]
async fn the_token_is_sent_and_nowhere_shown() {
    let server = server::telling(|request| {
        let said = request.metadata().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        Some(match said {
            Some(said) if said == format!("Bearer {TOKEN}") => Err(Status::internal(format!("you said {said}"))),
            said => Err(Status::unauthenticated(format!("who are you? {said:?}"))),
        })
    })
    .await;
    let reading = sample(&server, r#"{"bearer_env": "API_TOKEN"}"#).await;
    assert_reading(&reading, Health::Unhealthy, "→ INTERNAL, \"you said Bearer ***\" in ");
    let error = try_sample(&server, "{}").await.unwrap_err().to_string();
    assert!(error.contains("→ UNAUTHENTICATED, \"who are you? None\": the server does not answer whoever"), "{error}");
    let error = try_sample(&server, r#"{"bearer_env": "NOT_THERE"}"#).await.unwrap_err().to_string();
    assert_eq!(error, "NOT_THERE is not set, so the request cannot say who asks");
    let error = try_sample(&server, r#"{"bearer_env": "BROKEN"}"#).await.unwrap_err().to_string();
    assert!(error.starts_with("BROKEN has a character that no metadata may hold"), "{error}");
}

async fn sample_secured(authority: &Authority, server: &Server, settings: &str) -> Result<Reading, ProbeError> {
    let url = format!("grpcs://localhost:{}", server.address.port());
    let scope = runbook_core::registry::Scope { root: authority.root(), ..scope(Some(&url)) };
    GrpcProbe::build(serde_json::from_str(settings).unwrap(), &scope).unwrap().sample().await
}

#[tokio::test]
async fn over_tls_the_certificate_is_verified() {
    let authority = Authority::new();
    let (plain, _reporter) = server::real().await;
    let guarded = authority.guard(plain.address, false, &[b"h2"]).await;
    let port = guarded.address.port();
    let reading = sample_secured(&authority, &guarded, r#"{"ca_file": "ca.pem"}"#).await.unwrap();
    assert_reading(&reading, Health::Healthy, &format!("grpc localhost:{port} → SERVING in"));
    assert!(reading.phases.tls_ms.is_some_and(|ms| ms > 0.0), "{:?}", reading.phases);
    assert!(reading.certificate_not_after.is_some());

    let stranger = Authority::new();
    let reading = sample_secured(&stranger, &guarded, r#"{"ca_file": "ca.pem"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate's issuer is not trusted");
    let expired = authority.guard(plain.address, true, &[b"h2"]).await;
    let reading = sample_secured(&authority, &expired, r#"{"ca_file": "ca.pem"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate has expired");
    let settings = format!(r#"{{"ca_file": "ca.pem", "host": "127.0.0.1", "port": {port}}}"#);
    let reading = sample_secured(&authority, &guarded, &settings).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is for another name");
    let error = sample_secured(&authority, &guarded, r#"{"ca_file": "missing.pem"}"#).await.unwrap_err();
    assert!(error.to_string().starts_with("failed to read the certificates of `ca_file`"), "{error}");
}

/// A server that negotiates only HTTP/1.1 cannot be asked; one that negotiates nothing may still speak HTTP/2.
#[tokio::test]
async fn over_tls_http_2_is_negotiated() {
    let authority = Authority::new();
    let (plain, _reporter) = server::real().await;
    let old = authority.guard(plain.address, false, &[b"http/1.1"]).await;
    let reading = sample_secured(&authority, &old, r#"{"ca_file": "ca.pem"}"#).await.unwrap();
    assert_reading(
        &reading,
        Health::Unhealthy,
        "→ TLS failed: the server speaks none of the protocols that were offered",
    );
    let silent = authority.guard(plain.address, false, &[]).await;
    let reading = sample_secured(&authority, &silent, r#"{"ca_file": "ca.pem"}"#).await.unwrap();
    assert_reading(&reading, Health::Healthy, "→ SERVING in");
}
