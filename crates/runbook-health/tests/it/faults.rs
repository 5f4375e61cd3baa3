//! Whose fault it is when there is no answer.

use std::{
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use runbook_core::{Health, ports::Probe, registry::ProbeDefinition};
use runbook_health::{HttpProbe, HttpSettings};
use runbook_testkit::conformance::{self, ProbeCases};

use crate::{
    server::{Act, Server, answer, closed_port, ok},
    support::{assert_reading, has_ipv6, http, scope, shown, skipped, try_http},
};

#[tokio::test]
async fn a_refused_connection_is_unhealthy() {
    let (_held, port) = closed_port();
    let reading = http(&format!("http://127.0.0.1:{port}"), r#"{"path": "/health"}"#).await.unwrap();
    insta::assert_snapshot!(shown(&reading, port), @"unhealthy: GET http://127.0.0.1:PORT/health → connection refused");
    assert_eq!(reading.latency_ms, None);
    assert_eq!(reading.phases.connect_ms, None);
}

#[tokio::test]
async fn a_reset_is_unhealthy() {
    let server = Server::acting([Act::Hear, Act::Reset]).await;
    let reading = http(&server.url("/"), "{}").await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connection reset");
}

/// The kernel drops what comes when the queue of a listener that accepts nobody is full.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_host_that_does_not_answer_is_unhealthy_in_time() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        held.push(stream);
    }
    let started = Instant::now();
    let reading = http(&format!("http://{address}"), r#"{"timeout": "300ms"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ no answer within 300 ms");
    assert!(started.elapsed() < Duration::from_secs(5), "the watcher must not hang");
}

/// Team-Commonly, OneUptime: the watcher hung and looked like an outage.
#[tokio::test]
async fn a_service_that_says_nothing_does_not_hang_the_watcher() {
    let server = Server::acting([Act::Hear, Act::Hold]).await;
    let started = Instant::now();
    let reading = http(&server.url("/"), r#"{"timeout": "200ms"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connected, but no answer within 200 ms");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn headers_that_drip_end_with_the_timeout() {
    let drip = [Act::Say(b"a".to_vec()), Act::Wait(Duration::from_millis(20))];
    let mut acts = vec![Act::Hear, Act::Say(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec())];
    acts.extend(drip.into_iter().cycle().take(1000));
    let server = Server::acting(acts).await;
    let reading = http(&server.url("/"), r#"{"timeout": "200ms"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "no answer within 200 ms");
}

#[tokio::test]
async fn what_is_not_http_is_unhealthy() {
    for answer in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 banana\r\n\r\n", "\0\0\0\0", "HTTP/2.0 200 OK\r\n\r\n"] {
        let server = Server::answering(answer).await;
        let reading = http(&server.url("/"), "{}").await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ the answer is not HTTP/1.1 that can be read");
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_cut_off() {
    let endless = Server::acting([
        Act::Hear,
        Act::Say(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Act::SayForever(b"x-flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".to_vec()),
    ])
    .await;
    let reading = http(&endless.url("/"), "{}").await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "message head is too large");
    let one = Server::answering(answer("200 OK", &format!("x-flood: {}\r\n", "a".repeat(1_000_000)), "")).await;
    let reading = http(&one.url("/"), "{}").await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "message head is too large");
}

/// False alarms from the runner's own network: what this side lacks is unknown, never unhealthy.
#[tokio::test]
async fn a_name_that_cannot_be_looked_up_is_unknown() {
    let error = http("http://no-such-service.invalid", "{}").await.unwrap_err();
    assert!(error.to_string().starts_with("failed to look up the name `no-such-service.invalid`"), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "the resolver's words are the cause");
}

#[tokio::test]
async fn a_service_out_of_reach_is_unknown_in_the_scopes_words() {
    let server = Server::answering(ok("")).await;
    let mut scope = scope(Some("http://localhost:1"));
    scope.service.as_mut().unwrap().out_of_reach = Some("FASTAPI_URL is not set".to_owned());
    let build = |settings: HttpSettings| HttpProbe::build(settings, &scope).unwrap();
    let error = build(HttpSettings::default()).sample().await.unwrap_err();
    assert_eq!(error.to_string(), "FASTAPI_URL is not set");
    let loopback = HttpSettings { url: Some(server.url("/")), ..HttpSettings::default() };
    assert!(build(loopback).sample().await.is_err(), "another loopback address is as far away");
    let elsewhere = HttpSettings { url: Some("http://elsewhere.invalid".to_owned()), ..HttpSettings::default() };
    let error = build(elsewhere).sample().await.unwrap_err();
    assert!(error.to_string().contains("elsewhere.invalid"), "another host is tried: {error}");
    assert!(server.heard().is_empty());
}

/// A name of this machine's that a resolver knows, and the address behind it.
fn known_name() -> Option<(String, IpAddr)> {
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    [own.trim(), "ip6-localhost", "ip6-loopback"].into_iter().find_map(|name| {
        let address = (name, 0).to_socket_addrs().ok()?.next()?.ip();
        let is_looked_up = !name.is_empty() && !name.starts_with("localhost");
        let is_ours = std::net::TcpListener::bind((address, 0)).is_ok();
        (is_looked_up && is_ours).then(|| (name.to_owned(), address))
    })
}

/// A look-up is measured where there is one: `localhost` needs none (RFC 6761, section 6.3).
#[tokio::test]
async fn a_look_up_is_measured() {
    let acts = vec![Act::Hear, Act::Say(ok("").into_bytes())];
    let server = Server::start("127.0.0.1:0", acts.clone()).await;
    let reading = http(&format!("http://localhost:{}", server.address.port()), "{}").await.unwrap();
    assert_reading(&reading, Health::Healthy, "→ 200 in");
    assert_eq!(reading.phases.dns_ms, None);

    let Some((name, address)) = known_name() else {
        return skipped("this machine knows no name of its own, so no look-up is measured");
    };
    let server = Server::start(&SocketAddr::new(address, 0).to_string(), acts).await;
    let settings = r#"{"expect": {"latency": {"dns": "< 30s"}}}"#;
    let reading = http(&format!("http://{name}:{}", server.address.port()), settings).await.unwrap();
    assert_reading(&reading, Health::Healthy, "→ 200 in");
    let (dns, total) = (reading.phases.dns_ms.unwrap(), reading.latency_ms.unwrap());
    assert!(dns > 0.0 && dns <= total, "{dns} of {total}");
}

/// A service that listens on one family only is found under `localhost`, whichever family it is.
#[tokio::test]
async fn localhost_finds_a_service_of_either_family() {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        if at.starts_with('[') && !has_ipv6() {
            continue;
        }
        let server = Server::start(at, vec![Act::Hear, Act::Say(ok("").into_bytes())]).await;
        let url = format!("http://localhost:{}", server.address.port());
        assert_reading(&http(&url, "{}").await.unwrap(), Health::Healthy, "GET http://localhost:");
        assert!(server.heard()[0].to_lowercase().contains("host: localhost:"));
    }
}

#[tokio::test]
async fn a_service_on_ipv6_alone_is_reached() {
    if !has_ipv6() {
        return;
    }
    let server = Server::start("[::1]:0", vec![Act::Hear, Act::Say(ok("").into_bytes())]).await;
    let reading = http(&server.url("/"), "{}").await.unwrap();
    assert_reading(&reading, Health::Healthy, &format!("GET http://[::1]:{}/ → 200", server.address.port()));
    assert!(server.heard()[0].to_lowercase().contains("host: [::1]:"));
    let reading = http(&format!("http://127.0.0.1:{}/", server.address.port()), "{}").await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connection refused");
}

/// A service behind `localhost` may move from one family to the other; the probe that remembers one finds it again.
#[tokio::test]
async fn localhost_is_found_again_in_the_other_family() {
    let acts = vec![Act::Hear, Act::Say(ok("").into_bytes())];
    let four = Server::start("127.0.0.1:0", acts.clone()).await;
    let port = four.address.port();
    let probe = try_http(&format!("http://localhost:{port}"), "{}").unwrap();
    for _ in 0..2 {
        assert_eq!(probe.sample().await.unwrap().health, Health::Healthy);
    }
    let Ok(_free) = std::net::TcpListener::bind(("::1", port)) else {
        skipped("this machine has no IPv6 loopback, or the port is taken there, so ::1 is not tried");
        return;
    };
    let was_at = four.address;
    drop((_free, four));
    let is_gone = async { while tokio::net::TcpStream::connect(was_at).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), is_gone).await.unwrap();
    let six = Server::start(&format!("[::1]:{port}"), acts).await;
    assert_reading(&probe.sample().await.unwrap(), Health::Healthy, "→ 200 in");
    assert_eq!(six.heard().len(), 1);
}

#[tokio::test]
async fn http_keeps_the_contract_of_probes() {
    let server = Server::answering(ok(r#"{"queue": 3}"#)).await;
    let silent = Server::acting([Act::Hear, Act::Hold]).await;
    let build = |url: String, settings: &str| try_http(&url, settings).unwrap();
    conformance::probe(ProbeCases {
        healthy: &build(server.url("/"), r#"{"expect": {"json": {"/queue": "< 5"}}}"#),
        unhealthy: &build(server.url("/"), r#"{"expect": {"json": {"/queue": "> 5"}}}"#),
        unmeasurable: Some(&build(server.url("/"), r#"{"expect": {"json": {"/lag": "< 5"}}}"#)),
        silent: Some(&build(silent.url("/"), r#"{"timeout": "300ms"}"#)),
        limit: Duration::from_secs(10),
    })
    .await;
}

#[tokio::test]
async fn samples_in_parallel_do_not_disturb_each_other() {
    let server = Server::answering(ok("fine")).await;
    let probe = try_http(&server.url("/"), r#"{"expect": {"body": "fine"}}"#).unwrap();
    let readings = futures::future::join_all((0..50).map(|_| probe.sample())).await;
    assert!(readings.iter().all(|reading| reading.as_ref().unwrap().health == Health::Healthy));
    assert_eq!(server.heard().len(), 50, "one fresh connection for each");
}

/// A dropped future leaves nothing open: the server sees the connection end.
#[tokio::test]
async fn a_dropped_sample_closes_its_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = try_http(&format!("http://{}", listener.local_addr().unwrap()), "{}").unwrap();
    let mut sample = Box::pin(probe.sample());
    let (mut stream, _) = tokio::select! {
        reading = &mut sample => panic!("nobody answered, but {reading:?}"),
        accepted = listener.accept() => accepted.unwrap(),
    };
    drop(sample);
    let mut rest = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
    assert!(tokio::time::timeout(Duration::from_secs(5), end).await.is_ok(), "the connection is still open");
}

/// Hundreds of probes wait at once, so each of them has to be small while it does: TLS and HTTP/2 take room only where
/// they are spoken.
#[test]
fn a_sample_on_its_way_is_small() {
    let probe = try_http("http://127.0.0.1:1/", "{}").unwrap();
    let size = size_of_val(&*probe.sample());
    assert!(size <= 4096, "{size} bytes");
}
