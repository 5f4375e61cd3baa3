//! What answers are worth: the table of expectations, over a real connection.

use runbook_core::Health::{Degraded, Healthy, Unhealthy, Unknown};

use crate::{
    server::{Act, Server, answer, ok},
    support::{assert_reading, http, shown},
};

#[tokio::test]
async fn an_empty_table_asks_for_a_2xx_answer() {
    let server = Server::answering(ok("fine")).await;
    let reading = http(&server.url(""), "{}").await.unwrap();
    insta::assert_snapshot!(shown(&reading, server.address.port()), @"healthy: GET http://127.0.0.1:PORT/ → 200 in N ms");
    let latency = reading.latency_ms.unwrap();
    let phases = reading.phases;
    assert_eq!((phases.dns_ms, phases.tls_ms), (None, None), "an address needs no look-up, http no TLS");
    let parts = [phases.connect_ms, phases.first_byte_ms, phases.body_ms].map(Option::unwrap);
    assert!(parts.iter().all(|part| *part >= 0.0) && parts.iter().sum::<f64>() <= latency, "{parts:?} of {latency}");
    let request = server.heard().remove(0).to_lowercase();
    assert!(request.starts_with("get / http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", server.address)), "{request}");
    assert!(request.contains("user-agent: runbook/"), "{request}");
}

#[tokio::test]
async fn everything_expected_is_judged() {
    let body = r#"{"status": "healthy", "load": 0.5, "checks": [{"ok": true}], "empty": null}"#;
    let server =
        Server::answering(answer("200 OK", "content-type: application/json\r\nx-many: a\r\nx-many: b\r\n", body)).await;
    let url = server.url("/");
    for (expect, health, evidence) in [
        (r#"{"status": ["200-299"], "json": {"/status": "healthy"}, "max_latency": "30s"}"#, Healthy, "→ 200 in"),
        (r#"{"json": {"/load": "< 1", "/checks/0/ok": true, "/error": {"exists": false}}}"#, Healthy, "→ 200 in"),
        (r#"{"header": {"Content-Type": "~ json", "x-many": "a, b"}}"#, Healthy, "→ 200 in"),
        (r#"{"body": "~ \"healthy\""}"#, Healthy, "→ 200 in"),
        (r#"{"status": 204}"#, Unhealthy, "; expected status 204"),
        (r#"{"json": {"/status": "ready"}}"#, Unhealthy, "; expected /status = \"ready\", found \"healthy\""),
        (r#"{"json": {"/load": "> 0.5"}}"#, Unhealthy, "; expected /load > 0.5, found 0.5"),
        (
            r#"{"json": {"/version": {"exists": true}}}"#,
            Unhealthy,
            "; expected /version must be present, but it is missing",
        ),
        (r#"{"json": {"/version": "~ ^2"}}"#, Unknown, "; expected /version ~ ^2, but it is missing"),
        (r#"{"json": {"/status": "< 5"}}"#, Unknown, "; expected /status < 5, but it is the text \"healthy\""),
        (r#"{"json": {"/empty": false}}"#, Unknown, "; expected /empty = false, but it is null"),
        (r#"{"json": {"/checks": 1}}"#, Unknown, "; expected /checks = 1, but it is an array"),
        (r#"{"header": {"x-load": "< 5"}}"#, Unknown, "; expected header x-load < 5, but it is missing"),
        (r#"{"header": {"content-type": "text/html"}}"#, Unhealthy, "found \"application/json\""),
        (r#"{"body": "healthy"}"#, Unhealthy, "; expected body = \"healthy\", found"),
        (r#"{"json": {"/checks": {"length": ">= 1"}, "": {"length": 4}, "/status": {"length": 7}}}"#, Healthy, "→ 200"),
        (r#"{"body": {"length": "> 50"}}"#, Healthy, "→ 200 in"),
        (
            r#"{"json": {"/checks": {"length": ">= 2"}}}"#,
            Unhealthy,
            "; expected /checks length >= 2, found an array of 1",
        ),
        (r#"{"json": {"/status": {"length": "< 7"}}}"#, Unhealthy, "; expected /status length < 7, found 7 characters"),
        (r#"{"json": {"/load": {"length": 3}}}"#, Unknown, "; expected /load length = 3, but it is the number 0.5"),
        (r#"{"json": {"/error": {"length": 0}}}"#, Unknown, "; expected /error length = 0, but it is missing"),
        (
            r#"{"latency": {"total": "< 30s", "connect": "< 30s", "first_byte": "< 30s", "body": "< 30s"}}"#,
            Healthy,
            "→ 200 in",
        ),
        (r#"{"latency": {"total": "< 1ns"}}"#, Unhealthy, "; expected latency total < 1ns, found"),
        (r#"{"latency": {"dns": "< 1s"}}"#, Unknown, "; expected latency dns < 1s, but there was no such part"),
        (r#"{"latency": {"tls": "< 1s"}}"#, Unknown, "; expected latency tls < 1s, but there was no such part"),
    ] {
        let reading = http(&url, &format!(r#"{{"expect": {expect}}}"#)).await.unwrap();
        assert_reading(&reading, health, evidence);
        assert!(reading.latency_ms.is_some(), "it answered");
    }
}

/// What fails in `degrade` is only degraded; what is missing is unknown in both tables, and worst wins across them.
#[tokio::test]
async fn a_condition_can_only_degrade() {
    let server = Server::answering(answer("200 OK", "x-load: 9\r\n", r#"{"queue": 70, "jobs": []}"#)).await;
    let url = server.url("/");
    for (settings, health, evidence) in [
        (r#"{"degrade": {"json": {"/queue": "< 100"}, "header": {"x-load": "< 10"}}}"#, Healthy, "→ 200 in"),
        (
            r#"{"expect": {"json": {"/queue": "< 100"}}, "degrade": {"json": {"/queue": "< 50"}}}"#,
            Degraded,
            "; expected /queue < 50, found 70",
        ),
        (r#"{"degrade": {"status": 204}}"#, Degraded, "; expected status 204"),
        (r#"{"degrade": {"header": {"x-load": "< 5"}}}"#, Degraded, "; expected header x-load < 5, found \"9\""),
        (
            r#"{"degrade": {"json": {"/jobs": {"length": ">= 1"}}}}"#,
            Degraded,
            "; expected /jobs length >= 1, found an array of 0",
        ),
        (r#"{"degrade": {"body": "~ never"}}"#, Degraded, "; expected body ~ never, found"),
        (r#"{"degrade": {"latency": {"total": "< 1ns"}}}"#, Degraded, "; expected latency total < 1ns, found"),
        (r#"{"degrade": {"max_latency": "1ns"}}"#, Degraded, "; expected at most"),
        (r#"{"degrade": {"json": {"/lag": "< 5"}}}"#, Unknown, "; expected /lag < 5, but it is missing"),
        (
            r#"{"expect": {"status": 201}, "degrade": {"status": 204}}"#,
            Unhealthy,
            "; expected status 201; expected status 204",
        ),
    ] {
        assert_reading(&http(&url, settings).await.unwrap(), health, evidence);
    }
    let down = Server::answering(answer("500 Internal Server Error", "", "")).await;
    let reading = http(&down.url("/"), r#"{"degrade": {"status": 500}}"#).await.unwrap();
    assert_reading(&reading, Unhealthy, "; expected status 200-299");
}

/// Gatus: a failed status code compared as 0 and passed `< 300`.
#[tokio::test]
async fn a_request_that_failed_never_passes_a_condition_on_its_status() {
    let server = Server::acting([Act::Hear]).await;
    let reading = http(&server.url("/"), r#"{"expect": {"status": "< 300"}}"#).await.unwrap();
    assert_reading(&reading, Unhealthy, "the connection was closed before the answer was complete");
    assert_eq!(reading.latency_ms, None, "nothing answered");
}

/// Gatus: a missing JSON path became 0 and passed `< 5`.
#[tokio::test]
async fn a_missing_json_path_never_passes_as_zero() {
    let server = Server::answering(ok(r#"{"queue": {}}"#)).await;
    let reading = http(&server.url("/"), r#"{"expect": {"json": {"/queue/length": "< 5"}}}"#).await.unwrap();
    assert_reading(&reading, Unknown, "expected /queue/length < 5, but it is missing");
}

/// Upptime: a slow 500 became "degraded", because latency overwrote down.
#[tokio::test]
async fn a_slow_500_stays_unhealthy() {
    let slow =
        |answer: String| [Act::Hear, Act::Wait(std::time::Duration::from_millis(30)), Act::Say(answer.into_bytes())];
    let settings = r#"{"expect": {"max_latency": "20ms"}}"#;
    let failing = Server::acting(slow(answer("500 Internal Server Error", "", "oops"))).await;
    let reading = http(&failing.url("/health"), settings).await.unwrap();
    insta::assert_snapshot!(
        shown(&reading, failing.address.port()),
        @"unhealthy: GET http://127.0.0.1:PORT/health → 500 in N ms; expected status 200-299; expected at most 20 ms"
    );
    let working = Server::acting(slow(ok("fine"))).await;
    let reading = http(&working.url("/health"), settings).await.unwrap();
    assert_reading(&reading, Degraded, "; expected at most 20 ms");
    assert!(reading.latency_ms.unwrap() >= 30.0);
}

#[tokio::test]
async fn the_request_is_what_was_configured() {
    let server = Server::answering(ok("")).await;
    let settings = r#"{"path": "/hooks?full=1", "method": "post", "body": "{}", "headers": {"X-Key": "value", "Host": "virtual.example"}}"#;
    let reading = http(&server.url("/api/"), settings).await.unwrap();
    assert_reading(&reading, Healthy, "POST http://127.0.0.1");
    let request = server.heard().remove(0).to_lowercase();
    assert!(request.starts_with("post /api/hooks?full=1 http/1.1\r\n"), "{request}");
    for header in ["x-key: value\r\n", "host: virtual.example\r\n", "content-length: 2\r\n"] {
        assert!(request.contains(header), "{header} is not in {request}");
    }
    assert_eq!(request.matches("host:").count(), 1);
}
