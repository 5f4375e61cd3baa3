//! TLS probes against certificates of every kind.

use std::time::{Duration, Instant};

use rcgen::{CertificateParams, date_time_ymd};
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
    registry::ProbeDefinition,
};
use runbook_health::{TlsProbe, TlsSettings};
use runbook_testkit::conformance::{self, ProbeCases};
use tokio::{
    net::{TcpListener, TcpStream},
    task::spawn_blocking,
    time::sleep,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::version::{TLS12, TLS13},
};

use crate::{
    authority::{Authority, Manner, Secure, ends_in_days},
    server::{Act, Server, closed_port},
    support::{assert_reading, scope, shown},
};

/// A probe of `localhost` with these settings (JSON) that trusts the authority.
fn build(authority: &Authority, port: u16, settings: &str) -> TlsProbe {
    let mut settings: TlsSettings = serde_json::from_str(settings).unwrap();
    settings.host.get_or_insert("localhost".to_owned());
    settings.port = Some(port);
    settings.ca_file.get_or_insert("ca.pem".into());
    TlsProbe::build(settings, &authority.scope()).unwrap()
}

async fn sample(authority: &Authority, port: u16, settings: &str) -> Result<Reading, ProbeError> {
    build(authority, port, settings).sample().await
}

#[tokio::test]
async fn tls_keeps_the_contract_of_probes() {
    let authority = Authority::new();
    let server = authority.server(&["localhost"], Manner { change: for_63_days, ..Manner::default() }).await;
    let silent = Server::acting([Act::Hold]).await;
    let port = server.address.port();
    conformance::probe(ProbeCases {
        healthy: &build(&authority, port, r#"{"expect": {"days_left": ">= 63"}}"#),
        unhealthy: &build(&authority, port, r#"{"host": "127.0.0.1"}"#),
        unmeasurable: Some(&build(&authority, port, r#"{"host": "no-such-service.invalid"}"#)),
        silent: Some(&build(&authority, silent.address.port(), r#"{"timeout": "300ms"}"#)),
        limit: Duration::from_secs(10),
    })
    .await;
}

fn for_63_days(params: &mut CertificateParams) {
    ends_in_days(params, 63);
}

#[tokio::test]
async fn a_valid_certificate_is_healthy_and_its_days_are_told() {
    let authority = Authority::new();
    let server = authority.server(&["localhost"], Manner { change: for_63_days, ..Manner::default() }).await;
    let port = server.address.port();
    let reading = sample(&authority, port, "{}").await.unwrap();
    insta::assert_snapshot!(
        shown(&reading, port),
        @"healthy: tls localhost:PORT → TLS 1.3 in N ms, certificate valid for 63 days"
    );
    assert!(reading.certificate_not_after.is_some() && reading.latency_ms.is_some());
    assert!(reading.phases.connect_ms.is_some() && reading.phases.tls_ms.is_some(), "{:?}", reading.phases);
    assert!(server.heard().is_empty(), "nothing is sent");
}

#[tokio::test]
async fn what_is_expected_of_a_certificate_is_judged() {
    let authority = Authority::named("Honest Authority");
    let names = ["localhost", "www.example.com", "*.example.org"];
    let server = authority.server(&names, Manner { change: for_63_days, ..Manner::default() }).await;
    for (expect, health, evidence) in [
        (r#"{"days_left": ">= 63"}"#, Health::Healthy, "valid for 63 days"),
        (
            r#"{"issuer": "~ Honest", "names": ["www.example.com", "a.example.org"], "version": ">= 1.2"}"#,
            Health::Healthy,
            "valid",
        ),
        (r#"{"version": "1.3"}"#, Health::Healthy, "TLS 1.3 in"),
        // A certificate warning is never downtime.
        (r#"{"days_left": ">= 64"}"#, Health::Degraded, "valid for 63 days; expected days left >= 64"),
        (r#"{"issuer": "~ Let's Encrypt"}"#, Health::Unhealthy, "; expected issuer ~ Let's Encrypt, found \"CN=Honest"),
        (r#"{"names": ["example.org"]}"#, Health::Unhealthy, "; expected a certificate for example.org, found \""),
        (r#"{"version": "1.2"}"#, Health::Unhealthy, "; expected TLS version = \"1.2\", found \"1.3\""),
        (r#"{"issuer": "< 5"}"#, Health::Unknown, "; expected issuer < 5, but it is the text"),
    ] {
        let settings = format!(r#"{{"expect": {expect}}}"#);
        let reading = sample(&authority, server.address.port(), &settings).await.unwrap();
        assert_reading(&reading, health, evidence);
    }
}

#[tokio::test]
async fn an_older_version_is_seen() {
    let authority = Authority::new();
    let old = authority.server(&["localhost"], Manner { versions: &[&TLS12], ..Manner::default() }).await;
    let reading = sample(&authority, old.address.port(), r#"{"expect": {"version": ">= 1.3"}}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS 1.2 in");
    assert_reading(&reading, Health::Unhealthy, "; expected TLS version >= 1.3, found \"1.2\"");
}

#[tokio::test]
async fn certificates_that_are_not_valid_are_unhealthy() {
    let authority = Authority::new();
    let over = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let expired = authority.server(&["localhost"], Manner { change: over, ..Manner::default() }).await;
    let another = authority.server(&["elsewhere.example"], Manner::default()).await;
    let unknown = Authority::named("unknown").server(&["localhost"], Manner::default()).await;
    let own = Secure::start(Authority::self_signed(|_| {})).await;
    for (server, words) in [
        (expired, "→ TLS failed: the certificate has expired on 2021-01-01"),
        (another, "→ TLS failed: the certificate is for another name ("),
        (unknown, "→ TLS failed: the certificate's issuer is not trusted"),
        (own, "→ TLS failed: the certificate's issuer is not trusted"),
    ] {
        let reading = sample(&authority, server.address.port(), "{}").await.unwrap();
        assert_reading(&reading, Health::Unhealthy, words);
        assert_eq!(reading.latency_ms, None);
    }
}

#[tokio::test]
async fn the_name_that_is_asked_for_can_be_another() {
    let authority = Authority::new();
    let server = authority.server(&["www.example.com"], Manner { change: for_63_days, ..Manner::default() }).await;
    let port = server.address.port();
    let settings = r#"{"host": "127.0.0.1", "server_name": "www.example.com"}"#;
    let reading = sample(&authority, port, settings).await.unwrap();
    insta::assert_snapshot!(
        shown(&reading, port),
        @"healthy: tls 127.0.0.1:PORT as www.example.com → TLS 1.3 in N ms, certificate valid for 63 days"
    );
}

#[tokio::test]
async fn what_is_not_tls_is_unhealthy_in_time() {
    let authority = Authority::new();
    let (_held, closed) = closed_port();
    assert_reading(&sample(&authority, closed, "{}").await.unwrap(), Health::Unhealthy, "→ connection refused");
    // As a mail server that waits for STARTTLS greets.
    let greeting = Server::acting([Act::Say(b"220 mail.example ESMTP\r\n".to_vec()), Act::Hold]).await;
    let reading = sample(&authority, greeting.address.port(), "{}").await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server does not speak TLS on this port");
    let silent = Server::acting([Act::Hold]).await;
    let reading = sample(&authority, silent.address.port(), r#"{"timeout": "200ms"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "the TLS handshake was not finished within 200 ms");
    let name = sample(&authority, 443, r#"{"host": "no-such-service.invalid"}"#).await.unwrap_err();
    assert!(name.to_string().starts_with("failed to look up the name"), "{name}");
}

/// TLS 1.3 has no word for "accepted": a handshake alone would look well to a client whom the server turns away.
#[tokio::test]
async fn a_server_that_turns_the_client_away_is_unhealthy() {
    let authority = Authority::new();
    let as_client = r#"{"client_cert_file": "client.pem", "client_key_file": "client.key"}"#;
    for versions in [&[&TLS12][..], &[&TLS13][..]] {
        let manner = Manner { clients: Some(&authority), versions, ..Manner::default() };
        // After the handshake it only listens, as a server does that the client has to speak to first.
        let server = Secure::acting(authority.acceptor(&["localhost"], manner), vec![Act::Hold]).await;
        let port = server.address.port();
        let reading = sample(&authority, port, "{}").await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ TLS failed: ");
        assert_reading(&reading, Health::Unhealthy, "for a client certificate");
        Authority::named("another").issue_client(&authority);
        let reading = sample(&authority, port, as_client).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server refused");
        authority.issue_client(&authority);
        let reading = sample(&authority, port, as_client).await.unwrap();
        assert_reading(&reading, Health::Healthy, "→ TLS 1.");
    }
}

const AS_CLIENT: &str = r#"{"client_cert_file": "client.pem", "client_key_file": "client.key", "timeout": "1s"}"#;

/// A server for one connection, which accepts clients of the authority alone; its port.
async fn once<F: Future<Output = ()> + Send + 'static>(
    authority: &Authority,
    serve: impl FnOnce(TcpStream, TlsAcceptor) -> F + Send + 'static,
) -> u16 {
    authority.issue_client(authority);
    let manner = Manner { clients: Some(authority), versions: &[&TLS13], ..Manner::default() };
    let acceptor = authority.acceptor(&["localhost"], manner);
    // Of `localhost`, ::1 comes first, where nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, acceptor).await;
    });
    port
}

/// A server may refuse without a word: a reset after it asked who is there is no yes.
#[tokio::test]
async fn a_server_that_resets_the_connection_has_not_accepted_the_client() {
    let authority = Authority::new();
    let port = once(&authority, |stream, acceptor| async move {
        // A lingering time of zero makes the close a reset.
        stream.set_zero_linger().unwrap();
        drop(acceptor.accept(stream).await.unwrap());
    })
    .await;
    let reading = sample(&authority, port, AS_CLIENT).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server asked for a client certificate and reset");
}

/// A handshake that takes nearly all of the time leaves none to hear whether the client is accepted.
#[tokio::test]
async fn a_server_without_time_to_refuse_has_not_accepted_the_client() {
    let authority = Authority::new();
    let port = once(&authority, |stream, acceptor| async move {
        sleep(Duration::from_millis(940)).await;
        let stream = acceptor.accept(stream).await;
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let started = Instant::now();
    let reading = sample(&authority, port, AS_CLIENT).await.unwrap();
    assert_ne!(reading.health, Health::Healthy, "{}", reading.evidence);
    let words = ["but the server had no time left to refuse it", "the TLS handshake was not finished within 1 s"];
    assert!(words.iter().any(|words| reading.evidence.contains(words)), "{}", reading.evidence);
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
}

/// Reading certificates and measuring share one timeout, and a slow disk here is not the server's fault.
#[cfg(unix)]
#[tokio::test]
async fn certificates_that_are_read_slowly_do_not_prolong_a_sample() {
    let authority = Authority::new();
    let pipe = authority.root().join("slow.pem");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pem = std::fs::read(authority.root().join("ca.pem")).unwrap();
    let writer = tokio::spawn(async move {
        sleep(Duration::from_millis(700)).await;
        spawn_blocking(move || std::fs::write(pipe, pem)).await.unwrap().unwrap();
    });
    let silent = Server::acting([Act::Hold]).await;
    let started = Instant::now();
    let settings = r#"{"ca_file": "slow.pem", "timeout": "1s"}"#;
    let error = sample(&authority, silent.address.port(), settings).await.unwrap_err().to_string();
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    assert!(error.contains("of 1 s, so too little was left to measure in"), "{error}");
    writer.await.unwrap();
}

/// A server that neither refuses nor closes is believed when the time is over, which stays within the timeout.
#[tokio::test]
async fn a_server_that_is_silent_after_the_handshake_does_not_hang_the_watcher() {
    let authority = Authority::new();
    authority.issue_client(&authority);
    let manner = Manner { clients: Some(&authority), ..Manner::default() };
    let acts = vec![Act::Wait(Duration::from_secs(60))];
    let server = Secure::acting(authority.acceptor(&["localhost"], manner), acts).await;
    let settings = r#"{"client_cert_file": "client.pem", "client_key_file": "client.key", "timeout": "400ms"}"#;
    let started = Instant::now();
    let reading = sample(&authority, server.address.port(), settings).await.unwrap();
    assert_reading(&reading, Health::Healthy, "→ TLS 1.3 in");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_service_out_of_reach_is_unknown() {
    let mut scope = scope(Some("https://localhost:1"));
    scope.service.as_mut().unwrap().out_of_reach = Some("API_URL is not set".to_owned());
    let probe = TlsProbe::build(TlsSettings::default(), &scope).unwrap();
    assert_eq!(probe.sample().await.unwrap_err().to_string(), "API_URL is not set");
}

#[test]
fn host_and_port_come_from_the_service() {
    let target = |url: Option<&str>, settings: &str| {
        let probe = TlsProbe::build(serde_json::from_str(settings).unwrap(), &scope(url));
        probe.map(|probe| format!("{probe:?}"))
    };
    for (url, settings, expected) in [
        ("https://api.example/health", "{}", "host: Name(\"api.example\"), port: 443"),
        ("https://api.example:8443", "{}", "host: Name(\"api.example\"), port: 8443"),
        ("http://api.example", r#"{"port": 465}"#, "host: Name(\"api.example\"), port: 465"),
        ("https://api.example:8443", r#"{"host": "mail.example"}"#, "host: Name(\"mail.example\"), port: 443"),
    ] {
        let shown = target(Some(url), settings).unwrap();
        assert!(shown.contains(expected), "{shown}");
    }
    let refused: Vec<String> = [
        (None, "{}"),
        (Some("https://h:0"), "{}"),
        (Some("https://h"), r#"{"port": 0}"#),
        (Some("https://h"), r#"{"host": "a b"}"#),
        (Some("https://h"), r#"{"timeout": "0s"}"#),
        (Some("https://h"), r#"{"server_name": "https://h"}"#),
        (Some("https://h"), r#"{"expect": {"names": ["*.example.com"]}}"#),
        (Some("https://h"), r#"{"client_cert_file": "client.pem"}"#),
        (Some("https://h"), r#"{"client_key_file": "client.key"}"#),
    ]
    .iter()
    .map(|(url, settings)| {
        let error = TlsProbe::build(serde_json::from_str(settings).unwrap(), &scope(*url)).expect_err(settings);
        format!("{}: {}", error.key.unwrap_or_default(), error.message)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
    for wrong in
        [r#"{"expect": {"days_left": "~ 5"}}"#, r#"{"expect": {"days_left": "soon"}}"#, r#"{"starttls": true}"#]
    {
        assert!(serde_json::from_str::<TlsSettings>(wrong).is_err(), "{wrong}");
    }
}
