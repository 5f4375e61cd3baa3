//! DNS probes against a real server on a real port.

mod broken;
mod server;
mod settings;

use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition},
};
use runbook_health::DnsProbe;
use runbook_testkit::conformance::{self, ProbeCases};

use self::server::{Over, Server, a, aaaa, cname, reply, txt};
use crate::support::{assert_reading, scope, shown};

fn build(url: Option<&str>, settings: &str) -> Result<DnsProbe, BuildError> {
    DnsProbe::build(serde_json::from_str(settings).unwrap(), &scope(url))
}

/// Asks the server; the settings are more keys of its table.
async fn try_sample(server: &Server, settings: &str) -> Result<Reading, ProbeError> {
    let comma = if settings.is_empty() { "" } else { ", " };
    let table = format!(r#"{{"server": "{}"{comma}{settings}}}"#, server.address);
    build(Some("https://api.example/x"), &table).unwrap().sample().await
}

async fn sample(server: &Server, settings: &str) -> Reading {
    try_sample(server, settings).await.unwrap()
}

fn shown_at(reading: &Reading, server: &Server) -> String {
    shown(reading, server.address.port())
}

#[tokio::test]
async fn dns_keeps_the_contract_of_probes() {
    let knowing = Server::knowing(vec![a("api.example.", 1)]).await;
    let silent = Server::replying(|_, _| vec![]).await;
    let build = |server: &str, more: &str| {
        build(None, &format!(r#"{{"name": "api.example", "server": "{server}"{more}}}"#)).unwrap()
    };
    let address = knowing.address.to_string();
    conformance::probe(ProbeCases {
        healthy: &build(&address, r#", "expect": {"answers": ["10.0.0.1"]}"#),
        unhealthy: &build(&address, r#", "expect": {"answers": ["10.0.0.2"]}"#),
        unmeasurable: Some(&build("no-such-server.invalid", "")),
        silent: Some(&build(&silent.address.to_string(), r#", "timeout": "300ms""#)),
        limit: Duration::from_secs(10),
    })
    .await;
}

#[tokio::test]
async fn a_name_with_an_address_is_healthy() {
    let server = Server::knowing(vec![a("api.example.", 2), a("api.example.", 1)]).await;
    let reading = sample(&server, "").await;
    insta::assert_snapshot!(shown_at(&reading, &server));
    assert!(reading.latency_ms.is_some_and(|ms| ms > 0.0));
    assert!(reading.phases.first_byte_ms.is_some() && reading.phases.connect_ms.is_none(), "{:?}", reading.phases);
    assert_eq!(server.asked(), ["Udp A api.example."], "asked once, and nothing else");
}

#[tokio::test]
async fn every_type_of_record_is_read() {
    let server = Server::replying(|question, _| {
        let records = match u16::from(question.queries[0].query_type()) {
            28 => vec![aaaa("api.example.", "2001:db8::1")],
            5 => vec![cname("api.example.", "web.example.net.")],
            16 => vec![txt("api.example.", &[b"v=spf1 ", b"-all"]), txt("api.example.", &[b"x\x1b]0;\xff"])],
            _ => vec![],
        };
        vec![reply(question, ResponseCode::NoError, records)]
    })
    .await;
    let mut readings = Vec::new();
    for settings in [
        r#""type": "AAAA", "expect": {"answers": ["2001:DB8:0::1"], "only": true}"#,
        r#""type": "CNAME", "expect": {"answers": ["WEB.example.net"], "only": true}"#,
        r#""type": "TXT", "expect": {"answers": ["v=spf1 -all"], "count": 2}"#,
        r#""type": "TXT", "expect": {"answers": ["v=spf1"]}"#,
        r#""type": "A""#,
    ] {
        readings.push(shown_at(&sample(&server, settings).await, &server));
    }
    insta::assert_snapshot!(readings.join("\n"));
}

#[tokio::test]
async fn what_is_expected_must_be_there() {
    let server = Server::knowing(vec![a("api.example.", 1), a("api.example.", 2)]).await;
    let mut readings = Vec::new();
    for expect in [
        r#"{"answers": ["10.0.0.2", "10.0.0.1"], "only": true}"#,
        r#"{"answers": ["10.0.0.1", "10.0.0.9"]}"#,
        r#"{"answers": ["10.0.0.1"], "only": true}"#,
        r#"{"count": "> 2"}"#,
        r#"{"answers": ["10.0.0.9"], "only": true, "count": 1}"#,
    ] {
        readings.push(shown_at(&sample(&server, &format!(r#""expect": {expect}"#)).await, &server));
    }
    insta::assert_snapshot!(readings.join("\n"));
}

#[tokio::test]
async fn a_server_that_says_no_is_named_with_its_code() {
    let mut readings = Vec::new();
    for code in [1_u16, 2, 3, 4, 5, 9, 11] {
        let server = Server::refusing(ResponseCode::from(0, u8::try_from(code).unwrap())).await;
        readings.push(shown_at(&sample(&server, "").await, &server));
    }
    let without_records = Server::knowing(Vec::new()).await;
    readings.push(shown_at(&sample(&without_records, "").await, &without_records));
    insta::assert_snapshot!(readings.join("\n"));
}

#[tokio::test]
async fn a_name_that_should_not_exist_can_be_expected() {
    let server = Server::refusing(ResponseCode::NXDomain).await;
    let reading = sample(&server, r#""expect": {"count": 0}"#).await;
    assert_reading(&reading, Health::Healthy, "→ NXDOMAIN (there is no such name) in");
    let reading = sample(&server, r#""expect": {"count": "< 0"}"#).await;
    assert_reading(&reading, Health::Unhealthy, "; expected count < 0, found 0");
}

#[tokio::test]
async fn aliases_are_followed_also_where_the_server_stops() {
    let in_one_answer = Server::knowing(vec![
        cname("api.example.", "b.example."),
        cname("b.example.", "c.example."),
        a("c.example.", 7),
    ])
    .await;
    let reading = sample(&in_one_answer, "").await;
    assert_reading(&reading, Health::Healthy, "→ alias of c.example → 10.0.0.7 in");
    assert_eq!(in_one_answer.asked().len(), 1);

    let step_by_step = Server::replying(|question, _| {
        let records = match question.queries[0].name().to_ascii().as_str() {
            "api.example." => vec![cname("api.example.", "b.example.")],
            "b.example." => vec![cname("b.example.", "c.example.")],
            _ => vec![a("c.example.", 7)],
        };
        vec![reply(question, ResponseCode::NoError, records)]
    })
    .await;
    let reading = sample(&step_by_step, "").await;
    assert_reading(&reading, Health::Healthy, "→ alias of c.example → 10.0.0.7 in");
    assert_eq!(step_by_step.asked(), ["Udp A api.example.", "Udp A b.example.", "Udp A c.example."]);

    let dangling = Server::replying(|question, _| {
        let records = vec![cname("api.example.", "gone.example.")];
        vec![reply(question, ResponseCode::NXDomain, records)]
    })
    .await;
    let reading = sample(&dangling, "").await;
    assert_reading(&reading, Health::Unhealthy, "→ alias of gone.example → NXDOMAIN (there is no such name) in");
}

#[tokio::test]
async fn a_loop_of_aliases_ends() {
    let in_one_answer =
        Server::knowing(vec![cname("api.example.", "b.example."), cname("b.example.", "api.example.")]).await;
    let reading = sample(&in_one_answer, "").await;
    assert_reading(&reading, Health::Unhealthy, "→ more than 8 aliases in a row, or a loop of them");
    let step_by_step = Server::replying(|question, _| {
        let name = question.queries[0].name().to_ascii();
        let records = vec![cname(&name, &format!("x{name}"))];
        vec![reply(question, ResponseCode::NoError, records)]
    })
    .await;
    let reading = sample(&step_by_step, "").await;
    assert_reading(&reading, Health::Unhealthy, "→ more than 8 aliases in a row, or a loop of them");
    assert_eq!(step_by_step.asked().len(), 9);
}

#[tokio::test]
async fn an_answer_that_was_cut_short_is_asked_for_again_over_tcp() {
    let server = Server::replying(|question, over| match over {
        Over::Udp => vec![server::truncated(question)],
        Over::Tcp => vec![reply(question, ResponseCode::NoError, (1..=200).map(|n| a("api.example.", n)).collect())],
    })
    .await;
    let reading = sample(&server, r#""expect": {"count": 200}"#).await;
    assert_reading(&reading, Health::Healthy, "and 196 more in");
    assert_eq!(server.asked(), ["Udp A api.example.", "Tcp A api.example."]);
    assert!(reading.phases.connect_ms.is_some(), "{:?}", reading.phases);

    let without_tcp = Server::replying(|question, over| match over {
        Over::Udp => vec![server::truncated(question)],
        Over::Tcp => vec![],
    })
    .await;
    let reading = sample(&without_tcp, "").await;
    let words = "→ the answer was cut short, and over TCP: the connection was closed before the answer was complete";
    assert_reading(&reading, Health::Unhealthy, words);
}

#[tokio::test]
async fn over_tcp_nothing_is_sent_over_udp() {
    let server = Server::knowing(vec![a("api.example.", 1)]).await;
    let reading = sample(&server, r#""protocol": "tcp""#).await;
    assert_reading(&reading, Health::Healthy, "→ 10.0.0.1 in");
    assert_eq!(server.asked(), ["Tcp A api.example."]);
    assert!(reading.phases.connect_ms.is_some() && reading.phases.first_byte_ms.is_some());
}

#[tokio::test]
async fn a_text_is_redacted() {
    let server = Server::knowing(vec![txt("api.example.", &[b"token=known-to-", b"the-runbook"])]).await;
    let reading = sample(&server, r#""type": "TXT""#).await;
    assert_reading(&reading, Health::Healthy, "→ \"token=***\" in");
}
