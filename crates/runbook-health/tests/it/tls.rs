//! HTTPS against certificates of every kind. The machine's own roots are not needed: each test brings its own.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use runbook_core::{
    Health,
    ports::{Probe, ProbeError},
    registry::ProbeDefinition,
};
use runbook_health::{HttpProbe, HttpSettings};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{
    server::{Act, Server, ok, perform},
    support::{assert_reading, scope},
};

/// An authority of the test's own, in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        Self::named("authority of the test")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A server with a certificate for `names`, changed by `change`.
    async fn server(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Secure {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Secure::start(TlsAcceptor::from(Arc::new(config))).await
    }
}

/// A server that answers `200 OK` over TLS.
struct Secure {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Secure {
    async fn start(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        perform(stream, &[Act::Hear, Act::Say(ok("secure").into_bytes())], &Mutex::default()).await;
                    }
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn sample(url: String, root: PathBuf, ca_file: Option<&str>) -> Result<runbook_core::Reading, ProbeError> {
    let settings = HttpSettings { url: Some(url), ca_file: ca_file.map(PathBuf::from), ..HttpSettings::default() };
    let scope = runbook_core::registry::Scope { root, ..scope(None) };
    HttpProbe::build(settings, &scope).unwrap().sample().await
}

#[tokio::test]
async fn a_certificate_of_the_named_authority_is_trusted() {
    let authority = Authority::new();
    let server = authority.server(&["localhost", "127.0.0.1"], |_| {}).await;
    let port = server.address.port();
    for host in ["localhost", "127.0.0.1"] {
        let reading = sample(format!("https://{host}:{port}/"), authority.root(), Some("ca.pem")).await.unwrap();
        assert_reading(&reading, Health::Healthy, &format!("GET https://{host}:{port}/ → 200 in"));
        assert!(reading.phases.tls_ms.is_some_and(|ms| ms > 0.0), "{:?}", reading.phases);
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_unhealthy() {
    let authority = Authority::named("right");
    let server = authority.server(&["localhost"], |_| {}).await;
    // An authority of the same name with another key is another authority.
    for other in [Authority::named("wrong"), Authority::named("right")] {
        let url = format!("https://localhost:{}/", server.address.port());
        let reading = sample(url, other.root(), Some("ca.pem")).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate's issuer is not trusted");
        assert!(reading.phases.connect_ms.is_some() && reading.phases.tls_ms.is_none());
    }
}

/// With the machine's own roots, which do not know the test's authority. A machine without any roots measures nothing.
#[tokio::test]
async fn the_machines_roots_do_not_trust_anybody() {
    let authority = Authority::new();
    let server = authority.server(&["localhost"], |_| {}).await;
    match sample(format!("https://localhost:{}/", server.address.port()), authority.root(), None).await {
        Ok(reading) => assert_reading(&reading, Health::Unhealthy, "the certificate's issuer is not trusted"),
        Err(error) => assert!(error.to_string().contains("the certificates that this machine trusts"), "{error}"),
    }
}

#[tokio::test]
async fn an_expired_certificate_is_unhealthy() {
    let authority = Authority::new();
    let expired = authority
        .server(&["localhost"], |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })
        .await;
    let url = format!("https://localhost:{}/", expired.address.port());
    let reading = sample(url, authority.root(), Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate has expired");

    let early = authority.server(&["localhost"], |params| params.not_before = date_time_ymd(4000, 1, 1)).await;
    let url = format!("https://localhost:{}/", early.address.port());
    let reading = sample(url, authority.root(), Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is not valid yet");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_unhealthy() {
    let authority = Authority::new();
    let server = authority.server(&["elsewhere.example"], |_| {}).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let reading = sample(url, authority.root(), Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is for another name");
}

#[tokio::test]
async fn a_server_without_tls_is_unhealthy() {
    let authority = Authority::new();
    let plain = Server::acting([Act::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())]).await;
    let reading = sample(format!("https://{}/", plain.address), authority.root(), Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server does not speak TLS on this port");
    let closing = Server::acting([]).await;
    let reading = sample(format!("https://{}/", closing.address), authority.root(), Some("ca.pem")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ ");
    let silent = Server::acting([Act::Hold]).await;
    let settings = format!(r#"{{"url": "https://{}/", "timeout": "200ms", "ca_file": "ca.pem"}}"#, silent.address);
    let scope = runbook_core::registry::Scope { root: authority.root(), ..scope(None) };
    let probe = HttpProbe::build(serde_json::from_str(&settings).unwrap(), &scope).unwrap();
    let reading = probe.sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "connected, but the TLS handshake was not finished within 200 ms");
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_unknown() {
    let authority = Authority::new();
    std::fs::write(authority.root().join("empty.pem"), "nothing").unwrap();
    let url = || "https://127.0.0.1:9/".to_owned();
    let missing = sample(url(), authority.root(), Some("missing.pem")).await.unwrap_err();
    assert!(missing.to_string().starts_with("failed to read the certificates of `ca_file` "), "{missing}");
    let empty = sample(url(), authority.root(), Some("empty.pem")).await.unwrap_err();
    assert!(empty.to_string().ends_with("empty.pem holds no certificate in PEM form"), "{empty}");
}
