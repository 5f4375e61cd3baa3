//! HTTPS against certificates of every kind: whom a probe believes, who it says it is, and how long that stays so.

use std::path::PathBuf;

use rcgen::{CertificateParams, date_time_ymd};
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
    registry::ProbeDefinition,
};
use runbook_health::{HttpProbe, HttpSettings};

use crate::{
    authority::{Authority, Manner, Secure, ends_in_days},
    server::{Act, Server, answer},
    support::assert_reading,
};

async fn sample(url: String, authority: &Authority, ca_file: Option<&str>) -> Result<Reading, ProbeError> {
    let settings = HttpSettings { url: Some(url), ca_file: ca_file.map(PathBuf::from), ..HttpSettings::default() };
    HttpProbe::build(settings, &authority.scope()).unwrap().sample().await
}

/// A probe of these settings (JSON) that trusts the authority.
async fn trusting(url: String, authority: &Authority, settings: &str) -> Result<Reading, ProbeError> {
    let mut settings: HttpSettings = serde_json::from_str(settings).unwrap();
    settings.url = Some(url);
    settings.ca_file = Some("ca.pem".into());
    HttpProbe::build(settings, &authority.scope()).unwrap().sample().await
}

#[tokio::test]
async fn a_certificate_of_the_named_authority_is_trusted() {
    let authority = Authority::new();
    let ends = |params: &mut CertificateParams| params.not_after = date_time_ymd(2099, 5, 6);
    let server = authority.server(&["localhost", "127.0.0.1"], Manner { change: ends, ..Manner::default() }).await;
    let port = server.address.port();
    for host in ["localhost", "127.0.0.1"] {
        let reading = sample(format!("https://{host}:{port}/"), &authority, Some("ca.pem")).await.unwrap();
        assert_reading(&reading, Health::Healthy, &format!("GET https://{host}:{port}/ → 200 in"));
        assert!(reading.phases.tls_ms.is_some_and(|ms| ms > 0.0), "{:?}", reading.phases);
        let ends = reading.certificate_not_after.unwrap();
        assert_eq!(ends.to_string(), "2099-05-06T00:00:00Z", "the end of the certificate is kept");
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_unhealthy() {
    let authority = Authority::named("right");
    let server = authority.server(&["localhost"], Manner::default()).await;
    // An authority of the same name with another key is another authority.
    for other in [Authority::named("wrong"), Authority::named("right")] {
        let reading = sample(server.url("/"), &other, Some("ca.pem")).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate's issuer is not trusted");
        assert!(reading.phases.connect_ms.is_some() && reading.phases.tls_ms.is_none());
    }
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_unhealthy() {
    let plain = Secure::start(Authority::self_signed(|_| {})).await;
    let reading = sample(plain.url("/"), &Authority::new(), Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate's issuer is not trusted");
    // What `openssl req -x509` makes.
    let own = |params: &mut CertificateParams| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    };
    let server = Secure::start(Authority::self_signed(own)).await;
    let reading = sample(server.url("/"), &Authority::new(), Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate");
}

/// With the machine's own roots, which do not know the test's authority. A machine without any roots measures nothing.
#[tokio::test]
async fn the_machines_roots_do_not_trust_anybody() {
    let authority = Authority::new();
    let server = authority.server(&["localhost"], Manner::default()).await;
    match sample(server.url("/"), &authority, None).await {
        Ok(reading) => assert_reading(&reading, Health::Unhealthy, "the certificate's issuer is not trusted"),
        Err(error) => assert!(error.to_string().contains("the certificates that this machine trusts"), "{error}"),
    }
}

#[tokio::test]
async fn an_expired_certificate_is_unhealthy() {
    let authority = Authority::new();
    let over = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let expired = authority.server(&["localhost"], Manner { change: over, ..Manner::default() }).await;
    let reading = sample(expired.url("/"), &authority, Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate has expired on 2021-01-01");

    let later = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let early = authority.server(&["localhost"], Manner { change: later, ..Manner::default() }).await;
    let reading = sample(early.url("/"), &authority, Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is not valid yet, but from 4000-01-01");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_unhealthy() {
    let authority = Authority::new();
    let server = authority.server(&["elsewhere.example"], Manner::default()).await;
    let reading = sample(server.url("/"), &authority, Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is for another name (");
    assert_reading(&reading, Health::Unhealthy, "elsewhere.example");
}

/// A certificate warning is never downtime: days left are a warning in both tables, and end with the certificate.
#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning_in_both_tables() {
    let authority = Authority::new();
    let soon = |params: &mut CertificateParams| ends_in_days(params, 5);
    let server = authority.server(&["localhost"], Manner { change: soon, ..Manner::default() }).await;
    for table in ["expect", "degrade"] {
        let warning = format!(r#"{{"{table}": {{"certificate_days": ">= 14"}}}}"#);
        let reading = trusting(server.url("/"), &authority, &warning).await.unwrap();
        assert_reading(&reading, Health::Degraded, "→ 200 in");
        assert_reading(&reading, Health::Degraded, "; expected certificate days >= 14, found 5");
        let enough = format!(r#"{{"{table}": {{"certificate_days": ">= 5"}}}}"#);
        let reading = trusting(server.url("/"), &authority, &enough).await.unwrap();
        assert_reading(&reading, Health::Healthy, "→ 200 in");
    }
    let with_more = r#"{"expect": {"certificate_days": ">= 14", "body": "another"}}"#;
    let reading = trusting(server.url("/"), &authority, with_more).await.unwrap();
    assert_reading(
        &reading,
        Health::Unhealthy,
        "; expected body = \"another\", found \"secure\"; expected certificate",
    );
}

/// Days of a certificate are missing where a redirect left TLS: that is unknown, not 0 and not enough.
#[tokio::test]
async fn without_a_certificate_its_days_are_unknown() {
    let server = Server::answering(answer("302 Found", "location: /end\r\n", "")).await;
    let settings = format!(
        r#"{{"url": "{}", "redirects": 1, "expect": {{"status": 302, "certificate_days": ">= 1"}}}}"#,
        server.url("/")
    );
    let probe = HttpProbe::build(serde_json::from_str(&settings).unwrap(), &Authority::new().scope()).unwrap();
    let reading = probe.sample().await.unwrap();
    assert_reading(&reading, Health::Unknown, "; expected certificate days >= 1, but no certificate was shown");
    assert_eq!(reading.certificate_not_after, None);
}

#[tokio::test]
async fn a_server_without_tls_is_unhealthy() {
    let authority = Authority::new();
    let plain = Server::acting([Act::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())]).await;
    let reading = sample(format!("https://{}/", plain.address), &authority, Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server does not speak TLS on this port");
    let closing = Server::acting([]).await;
    let reading = sample(format!("https://{}/", closing.address), &authority, Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ ");
    let silent = Server::acting([Act::Hold]).await;
    let reading =
        trusting(format!("https://{}/", silent.address), &authority, r#"{"timeout": "200ms"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "connected, but the TLS handshake was not finished within 200 ms");
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_unknown() {
    let authority = Authority::new();
    std::fs::write(authority.root().join("empty.pem"), "nothing").unwrap();
    let url = || "https://127.0.0.1:9/".to_owned();
    let missing = sample(url(), &authority, Some("missing.pem")).await.unwrap_err();
    assert!(missing.to_string().starts_with("failed to read the certificates of `ca_file` "), "{missing}");
    assert!(missing.to_string().ends_with("missing.pem: there is no such file"), "{missing}");
    let empty = sample(url(), &authority, Some("empty.pem")).await.unwrap_err();
    assert!(empty.to_string().ends_with("empty.pem holds no certificate in PEM form"), "{empty}");
}

const AS_CLIENT: &str = r#"{"client_cert_file": "client.pem", "client_key_file": "client.key"}"#;

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_gets_it() {
    let authority = Authority::new();
    let server = authority.server(&["localhost"], Manner { clients: Some(&authority), ..Manner::default() }).await;
    let reading = trusting(server.url("/"), &authority, "{}").await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server asks for a client certificate");
    assert!(server.heard().is_empty());

    authority.issue_client(&authority);
    let reading = trusting(server.url("/"), &authority, AS_CLIENT).await.unwrap();
    assert_reading(&reading, Health::Healthy, "→ 200 in");

    Authority::new().issue_client(&authority);
    let reading = trusting(server.url("/"), &authority, AS_CLIENT).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server refused");
}

/// Another origin is neither sent secrets nor shown who asks.
#[tokio::test]
async fn another_origin_is_not_shown_the_client_certificate() {
    let authority = Authority::new();
    authority.issue_client(&authority);
    let asking = authority.server(&["localhost"], Manner { clients: Some(&authority), ..Manner::default() }).await;
    let moved = answer("302 Found", &format!("location: {}\r\n", asking.url("/")), "").into_bytes();
    let acceptor = authority.acceptor(&["localhost"], Manner::default());
    let first = Secure::acting(acceptor, vec![Act::Hear, Act::Say(moved)]).await;
    let settings = r#"{"redirects": 1, "client_cert_file": "client.pem", "client_key_file": "client.key"}"#;
    let reading = trusting(first.url("/"), &authority, settings).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "the server asks for a client certificate");
    assert_eq!((first.heard().len(), asking.heard().len()), (1, 0));
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_used_is_unknown() {
    let authority = Authority::new();
    let url = || "https://127.0.0.1:9/".to_owned();
    let missing = trusting(url(), &authority, AS_CLIENT).await.unwrap_err().to_string();
    assert!(missing.starts_with("failed to read the certificates of `client_cert_file` "), "{missing}");
    assert!(missing.ends_with("client.pem: there is no such file"), "{missing}");

    authority.issue_client(&authority);
    let another = Authority::new();
    authority.issue_client(&another);
    std::fs::copy(another.root().join("client.key"), authority.root().join("client.key")).unwrap();
    let mixed = trusting(url(), &authority, AS_CLIENT).await.unwrap_err().to_string();
    assert!(mixed.contains("is not the key of the certificate in `client_cert_file`"), "{mixed}");

    std::fs::write(authority.root().join("client.key"), "nothing").unwrap();
    let empty = trusting(url(), &authority, AS_CLIENT).await.unwrap_err().to_string();
    assert!(empty.ends_with("client.key holds no private key in PEM form"), "{empty}");

    // Mended while the program runs: the same probe reads it at its next sample.
    let mut settings: HttpSettings = serde_json::from_str(AS_CLIENT).unwrap();
    let server = authority.server(&["localhost"], Manner { clients: Some(&authority), ..Manner::default() }).await;
    settings.url = Some(server.url("/"));
    settings.ca_file = Some("ca.pem".into());
    let probe = HttpProbe::build(settings, &authority.scope()).unwrap();
    assert!(probe.sample().await.is_err());
    authority.issue_client(&authority);
    assert_reading(&probe.sample().await.unwrap(), Health::Healthy, "→ 200 in");
}

/// The body of a server that ends TLS without a word may be cut: only its length says that it is whole.
#[tokio::test]
async fn a_body_that_tls_cut_off_is_unhealthy() {
    let authority = Authority::new();
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    let acceptor = authority.acceptor(&["localhost"], Manner::default());
    let server = Secure::acting(acceptor, vec![Act::Hear, Act::Say(head)]).await;
    let reading = trusting(server.url("/"), &authority, "{}").await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ 200, but the connection was closed before the answer was complete");
    assert!(reading.certificate_not_after.is_some(), "the certificate was seen all the same");
}
