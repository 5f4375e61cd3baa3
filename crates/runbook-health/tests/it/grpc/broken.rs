//! Servers that are closed, slow, or speak anything but gRPC.

use std::time::{Duration, Instant};

use runbook_core::{Health, ports::Probe};
use tokio::{runtime::Handle, time::timeout};

use super::{
    build, sample,
    server::{self, Authority, Raw, sending},
    try_sample,
};
use crate::{
    server::{Act, Server, closed_port, ok},
    support::assert_reading,
};

#[tokio::test]
async fn a_closed_port_is_unhealthy() {
    let (_held, port) = closed_port();
    let reading = build(Some(&format!("grpc://localhost:{port}")), "{}").unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, &format!("grpc localhost:{port} → connection refused"));
    assert_eq!(reading.latency_ms, None);
}

#[tokio::test]
async fn a_server_that_never_answers_is_unhealthy_within_the_timeout() {
    let started = Instant::now();
    let slow = server::telling(|_| None).await;
    let reading = sample(&slow, r#"{"timeout": "300ms"}"#).await;
    assert_reading(&reading, Health::Unhealthy, "→ connected, but no answer within 300 ms");
    // Not even the settings that begin HTTP/2 come.
    let silent = Server::acting([Act::Hold]).await;
    let table = format!(r#"{{"host": "127.0.0.1", "port": {}, "timeout": "300ms"}}"#, silent.address.port());
    let reading = build(None, &table).unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connected, but no answer within 300 ms");
    let table = table.replace('}', r#", "ca_file": "ca.pem"}"#);
    let authority = Authority::new();
    let scope = runbook_core::registry::Scope { root: authority.root(), ..crate::support::scope(None) };
    let probe = <runbook_health::GrpcProbe as runbook_core::registry::ProbeDefinition>::build(
        serde_json::from_str(&table).unwrap(),
        &scope,
    );
    let reading = probe.unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connected, but the TLS handshake was not finished within 300 ms");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_2_is_unhealthy() {
    let nonsense = "→ the answer is not HTTP/2 that can be read";
    let closed = "→ the connection was closed before the answer was complete";
    for (acts, words, may_break) in [
        (vec![Act::Hear, Act::Say(ok("hello").into_bytes()), Act::Hold], nonsense, false),
        (vec![Act::Say(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), Act::Hold], nonsense, false),
        (vec![Act::SayForever(vec![0xff; 4096])], nonsense, false),
        // The system may tell of the close before what was said is read, and HTTP/2 of the close without the system's word.
        (vec![Act::Hear, Act::Say(ok("hello").into_bytes())], nonsense, true),
        (vec![Act::Hear], closed, true),
        (vec![], closed, true),
        (vec![Act::Hear, Act::Reset], "→ connection reset", true),
    ] {
        let server = Server::acting(acts.clone()).await;
        let table = format!(r#"{{"host": "127.0.0.1", "port": {}}}"#, server.address.port());
        let reading = build(None, &table).unwrap().sample().await.unwrap();
        assert_eq!(reading.health, Health::Unhealthy, "{acts:?}: {}", reading.evidence);
        let is_broken = ["→ connection reset", closed].iter().any(|words| reading.evidence.contains(words));
        let is_told = reading.evidence.contains(words) || (may_break && is_broken);
        assert!(is_told, "{acts:?}: {}", reading.evidence);
    }
}

#[tokio::test]
async fn an_answer_over_http_2_that_is_no_grpc_is_unhealthy() {
    let page = Raw { content_type: "text/html", body: b"<html>".to_vec(), trailers: vec![], ..Raw::message(b"") };
    let mut shown = Vec::new();
    for raw in [
        page.clone(),
        Raw { status: 503, ..page.clone() },
        Raw { status: 500, ..page },
        Raw::message(b"\xff\xff\xff"),
        Raw { trailers: vec![], ..Raw::message(&[8, 1]) },
        Raw { body: vec![], ..Raw::message(b"") },
        Raw { trailers: vec![("grpc-status", "many".to_owned())], body: vec![], ..Raw::message(b"") },
    ] {
        let server = sending(raw).await;
        shown.push(crate::support::shown(&sample(&server, "{}").await, server.address.port()));
    }
    insta::assert_snapshot!(shown.join("\n"));
}

/// Who may ask and what is there is told by HTTP too, by servers and by what stands before them.
#[tokio::test]
async fn an_http_status_that_says_nothing_of_the_service_is_unknown() {
    for (status, words) in [(404, "UNIMPLEMENTED"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED")] {
        let server = sending(Raw { status, body: vec![], trailers: vec![], ..Raw::message(b"") }).await;
        let error = try_sample(&server, "{}").await.unwrap_err().to_string();
        assert!(error.contains(&format!("→ {words}, ")) && error.contains(&status.to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let mut announced = Raw::message(&[8, 1]);
    announced.body[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
    let server = sending(announced).await;
    let reading = sample(&server, "{}").await;
    assert_reading(&reading, Health::Unhealthy, "→ OUT_OF_RANGE, \"Error, decoded message length too large");
    // Fields that nobody knows, without end: each is skipped, and the message never ends.
    let endless = Raw { body: vec![0, 0, 0, 0x3f, 0xff], is_endless: true, ..Raw::message(b"") };
    let server = sending(endless).await;
    let reading = sample(&server, r#"{"timeout": "5s"}"#).await;
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let many = sending(Raw { is_endless: true, ..Raw::message(&[8, 1]) }).await;
    let reading = sample(&many, r#"{"timeout": "500ms"}"#).await;
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let message = "x".repeat(10_000);
    let trailers = vec![("grpc-status", "14".to_owned()), ("grpc-message", message)];
    let server = sending(Raw { trailers, body: vec![], ..Raw::message(b"") }).await;
    let reading = sample(&server, "{}").await;
    assert_reading(&reading, Health::Unhealthy, "→ UNAVAILABLE, \"xxx");
    assert!(reading.evidence.chars().count() < 300, "{}", reading.evidence);
}

/// Unknown fields are for newer servers (protobuf); the status behind them counts.
#[tokio::test]
async fn fields_of_newer_servers_are_passed_over() {
    let server = sending(Raw::message(&[0x12, 2, b'h', b'i', 8, 1])).await;
    assert_reading(&sample(&server, "{}").await, Health::Healthy, "→ SERVING in");
}

/// The server is a thread of its own, so that the runtime has no tasks but the probe's, which has none.
#[tokio::test]
async fn a_dropped_future_leaves_nothing() {
    use std::io::Read;

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Reads until the other side has closed.
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        ended.send(all).unwrap();
    });
    let probe = build(None, &format!(r#"{{"host": "127.0.0.1", "port": {port}, "timeout": "1h"}}"#)).unwrap();
    timeout(Duration::from_millis(300), probe.sample()).await.unwrap_err();
    let heard = end.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(heard.starts_with(b"PRI * HTTP/2.0\r\n"), "it had begun to ask");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}
