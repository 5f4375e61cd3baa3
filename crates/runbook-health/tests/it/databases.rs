//! What the tests of databases share: how a probe of one is built and asked, and certificates for a real server.

use std::{
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use runbook_core::{
    Reading,
    ports::ProbeError,
    registry::{BuildError, Lookup, ProbeDefinition, Registry, Scope},
};
use runbook_testkit::parts::{MariaDb, PostgreSql, Redis, ServerOptions};
use serde_json::{Value, json};

use crate::support::{scope, skipped_part};

/// Another password, which no server knows.
pub const WRONG: &str = "a-wrong-password";

/// A scope whose variables hold the passwords of all servers, and the URL in `DATABASE_URL`.
pub fn database_scope(url: Option<&str>) -> Scope {
    let variables = [
        ("POSTGRES_PASSWORD", PostgreSql::PASSWORD),
        ("MARIADB_PASSWORD", MariaDb::PASSWORD),
        ("REDIS_PASSWORD", Redis::PASSWORD),
        ("WRONG_PASSWORD", WRONG),
        ("DATABASE_URL", url.unwrap_or_default()),
    ];
    Scope { variables: Lookup::fixed(variables), ..scope(None) }
}

/// Two JSON objects in one; the second wins.
pub fn with(mut base: Value, more: &Value) -> Value {
    let object = base.as_object_mut().unwrap();
    object.extend(more.as_object().unwrap().clone());
    base
}

/// A probe of these settings.
pub fn try_build<P: ProbeDefinition>(settings: Value, scope: &Scope) -> Result<P, BuildError> {
    P::build(serde_json::from_value(settings).unwrap(), scope)
}

/// Asks once.
pub async fn sample<P: ProbeDefinition>(settings: Value) -> Result<Reading, ProbeError> {
    try_build::<P>(settings, &database_scope(None)).unwrap().sample().await
}

/// What each of these settings is refused for, one on a line.
pub fn refusals<P: ProbeDefinition>(settings: &[Value]) -> String {
    let lines = settings.iter().map(|settings| {
        let base = with(json!({"host": "localhost", "user": "u"}), settings);
        let error = try_build::<P>(base, &database_scope(None)).map(|_| settings).unwrap_err();
        format!("{}: {}", error.key.unwrap_or_default(), error.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The schema of a kind of probe, as editors get it.
pub fn schema(kind: &str) -> Value {
    let mut registry = Registry::default();
    runbook_health::register(&mut registry);
    serde_json::to_value(&registry.schemas()["probe"][kind]).unwrap()
}

/// Waits until something is so, which it has to be within ten seconds.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An address of this machine that is not loopback; `None`, with a loud line, where there is none.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: the system only says from which address it would be (RFC 5737 keeps this one free).
    let address = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()).ok().map(|address| address.ip());
    if address.is_none() {
        skipped_part("this machine has no address but loopback, so a network is not tried");
    }
    address
}

/// An authority of its own in `ca.pem` of a folder, and a server's certificate of it.
pub struct Papers {
    pub folder: tempfile::TempDir,
    pub certificate: String,
    pub key: String,
}

impl Papers {
    pub fn of(names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority of a database");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Self { folder, certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// As `openssl req -x509` makes them: an authority's own certificate, which nobody else signed.
    pub fn self_signed() -> Self {
        let mut params = CertificateParams::new(vec!["elsewhere.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { folder: tempfile::tempdir().unwrap(), certificate, key: key.serialize_pem() }
    }

    pub fn options(&self) -> ServerOptions {
        ServerOptions::default().tls(&self.certificate, &self.key)
    }

    /// A scope whose files are in the folder.
    pub fn scope(&self) -> Scope {
        Scope { root: self.folder.path().to_owned(), ..database_scope(None) }
    }
}
