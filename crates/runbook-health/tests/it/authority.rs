//! An authority of the test's own, and servers with certificates of every kind. The machine's own roots are not needed.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use runbook_core::registry::Scope;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
};

use crate::{
    server::{Act, perform},
    support::scope,
};

/// An authority, in the file `ca.pem` of its folder.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// What a server is like beside the names of its certificate.
pub struct Manner<'a> {
    /// Whose clients it lets in; anybody's when there is none.
    pub clients: Option<&'a Authority>,
    pub versions: &'a [&'static SupportedProtocolVersion],
    pub protocols: &'static [&'static [u8]],
    pub change: fn(&mut CertificateParams),
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Self { clients: None, versions: ALL_VERSIONS, protocols: &[], change: |_| {} }
    }
}

impl Authority {
    pub fn new() -> Self {
        Self::named("authority of the test")
    }

    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Its folder, as the place of `runbook.toml`.
    pub fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A scope whose files are in its folder.
    pub fn scope(&self) -> Scope {
        Scope { root: self.root(), ..scope(None) }
    }

    /// Writes a client's certificate and key to `client.pem` and `client.key` in the folder of `to`.
    pub fn issue_client(&self, to: &Authority) {
        let mut params = CertificateParams::new(vec!["probe.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(to.root().join("client.pem"), certificate.pem()).unwrap();
        std::fs::write(to.root().join("client.key"), key.serialize_pem()).unwrap();
    }

    /// What accepts connections with a certificate for `names`.
    pub fn acceptor(&self, names: &[&str], manner: Manner<'_>) -> TlsAcceptor {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        (manner.change)(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.accepting(certificate.der().clone().into_owned(), &key, manner)
    }

    /// What accepts connections with a certificate that nobody signed but itself.
    pub fn self_signed(change: fn(&mut CertificateParams)) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self::new().accepting(certificate.der().clone().into_owned(), &key, Manner::default())
    }

    fn accepting(
        &self,
        certificate: tokio_rustls::rustls::pki_types::CertificateDer<'static>,
        key: &KeyPair,
        manner: Manner<'_>,
    ) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(manner.versions).unwrap();
        let builder = match manner.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = manner.protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server that answers `200 OK` over TLS.
    pub async fn server(&self, names: &[&str], manner: Manner<'_>) -> Secure {
        Secure::start(self.acceptor(names, manner)).await
    }
}

/// Makes a certificate end in this many days and an hour.
pub fn ends_in_days(params: &mut CertificateParams, days: u64) {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(now + days * 24 * 3600 + 3600);
}

/// A server over TLS.
pub struct Secure {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Secure {
    /// Answers `200 OK`.
    pub async fn start(acceptor: TlsAcceptor) -> Self {
        let answer = crate::server::ok("secure").into_bytes();
        Self::acting(acceptor, vec![Act::Hear, Act::Say(answer)]).await
    }

    /// Does these acts with every connection that finished its handshake.
    pub async fn acting(acceptor: TlsAcceptor, acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, acts, seen) = (acceptor.clone(), acts.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        perform(stream, &acts, &seen).await;
                    }
                });
            }
        });
        Self { address, heard, task }
    }

    /// `https://localhost:PORT` and the path.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// The requests so far, head and what came with it.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}
