//! TCP probes against real ports.

use std::time::Duration;

use runbook_core::{Health, Reading, ports::Probe};

use runbook_testkit::conformance::{self, ProbeCases};

use crate::{
    server::{Act, Server, closed_port},
    support::{assert_reading, shown, try_tcp},
};

async fn sample(server: &Server, settings: &str) -> Reading {
    try_tcp(Some(&format!("redis://user@{}/0", server.address)), settings).unwrap().sample().await.unwrap()
}

#[tokio::test]
async fn an_open_port_is_healthy_and_a_closed_one_is_not() {
    let server = Server::acting([Act::Hold]).await;
    let reading = sample(&server, "{}").await;
    insta::assert_snapshot!(shown(&reading, server.address.port()), @"healthy: tcp 127.0.0.1:PORT → open in N ms");
    assert!(reading.phases.connect_ms.is_some() && reading.phases.first_byte_ms.is_none());

    let (_held, port) = closed_port();
    let probe = try_tcp(None, &format!(r#"{{"host": "localhost", "port": {port}}}"#)).unwrap();
    let reading = probe.sample().await.unwrap();
    insta::assert_snapshot!(shown(&reading, port), @"unhealthy: tcp localhost:PORT → connection refused");
    assert_eq!(reading.latency_ms, None);
}

#[tokio::test]
async fn what_the_service_says_is_judged() {
    let banner = Server::acting([
        Act::Say(b"SSH-2".to_vec()),
        Act::Wait(Duration::from_millis(20)),
        Act::Say(b".0-OpenSSH\r\n".to_vec()),
        Act::Hold,
    ])
    .await;
    for (expect, health, words) in [
        ("SSH-2.0", Health::Healthy, "→ open in"),
        ("~ ^SSH-[12]\\\\.[0-9]", Health::Healthy, "→ open in"),
        ("220 ", Health::Unhealthy, "→ open; expected an answer that begins with \"220 \", found \"SSH-2"),
        ("~ ^220", Health::Unhealthy, "→ open; expected an answer ~ ^220, found \"SSH-2.0-OpenSSH  \" within 300 ms"),
    ] {
        let reading = sample(&banner, &format!(r#"{{"timeout": "300ms", "expect": "{expect}"}}"#)).await;
        assert_reading(&reading, health, words);
    }
}

#[tokio::test]
async fn a_question_is_sent_before_the_answer_is_awaited() {
    let server = Server::acting([Act::Hear, Act::Say(b"+PONG\r\n".to_vec())]).await;
    let reading = sample(&server, r#"{"send": "PING\r\n\r\n", "expect": "+PONG"}"#).await;
    assert_reading(&reading, Health::Healthy, "→ open in");
    assert!(reading.phases.first_byte_ms.is_some());
    assert_eq!(server.heard(), ["PING\r\n\r\n"]);
}

#[tokio::test]
async fn silence_a_close_and_a_flood_end_in_time() {
    let silent = Server::acting([Act::Hold]).await;
    let reading = sample(&silent, r#"{"timeout": "200ms", "expect": "x"}"#).await;
    assert_reading(
        &reading,
        Health::Unhealthy,
        "→ open, but silent for 200 ms; expected an answer that begins with \"x\"",
    );
    let closing = Server::acting([]).await;
    let reading = sample(&closing, r#"{"expect": "x"}"#).await;
    assert_reading(&reading, Health::Unhealthy, "→ open, but closed without a word");
    let flood = Server::acting([Act::SayForever(vec![b'y'; 4096])]).await;
    let reading = sample(&flood, r#"{"expect": "~ x"}"#).await;
    assert_reading(&reading, Health::Unhealthy, "→ open; expected an answer ~ x, found \"yyy");
    assert!(reading.evidence.chars().count() < 400);
}

#[tokio::test]
async fn tcp_keeps_the_contract_of_probes() {
    let server = Server::acting([Act::Say(b"+PONG\r\n".to_vec()), Act::Hold]).await;
    let silent = Server::acting([Act::Hold]).await;
    let build = |server: &Server, settings: &str| try_tcp(Some(&server.address.to_string()), settings).unwrap();
    conformance::probe(ProbeCases {
        healthy: &build(&server, r#"{"expect": "+PONG"}"#),
        unhealthy: &build(&server, r#"{"expect": "-ERR"}"#),
        unmeasurable: Some(&try_tcp(None, r#"{"host": "no-such-service.invalid", "port": 1}"#).unwrap()),
        silent: Some(&build(&silent, r#"{"expect": "+PONG", "timeout": "300ms"}"#)),
        limit: Duration::from_secs(10),
    })
    .await;
}

/// Below the library's own limit of a regular expression, which is ten times as large.
#[test]
fn an_expression_that_takes_too_much_memory_is_refused() {
    let error = try_tcp(Some("db:5432"), r#"{"expect": "~ a{60000}"}"#).unwrap_err();
    assert_eq!(error.key.as_deref(), Some("expect"));
    assert!(error.message.contains("it takes more than 1 MiB"), "{error}");
}

#[tokio::test]
async fn a_service_out_of_reach_is_unknown() {
    let mut scope = crate::support::scope(Some("tcp://localhost:1"));
    scope.service.as_mut().unwrap().out_of_reach = Some("DB_URL is not set".to_owned());
    let probe = <runbook_health::TcpProbe as runbook_core::registry::ProbeDefinition>::build(
        runbook_health::TcpSettings::default(),
        &scope,
    );
    assert_eq!(probe.unwrap().sample().await.unwrap_err().to_string(), "DB_URL is not set");
}

/// A runner of somebody else's has no service: what listens there at a loopback address is not the owner's.
#[tokio::test]
async fn on_a_hosted_runner_a_host_of_its_own_is_unknown_wherever_the_service_is() {
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"] {
        let mut scope = crate::support::scope(Some("https://api.example.com"));
        scope.hosted_runner = true;
        let settings: runbook_health::TcpSettings =
            serde_json::from_value(serde_json::json!({ "host": host, "port": 1 })).unwrap();
        let probe = <runbook_health::TcpProbe as runbook_core::registry::ProbeDefinition>::build(settings, &scope);
        let error = probe.unwrap().sample().await.unwrap_err().to_string();
        assert!(error.ends_with("is this machine itself, and this runner has no service of its own"), "{error}");
    }
}
