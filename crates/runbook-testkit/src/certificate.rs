//! TLS of a test's own: a certificate for one name, and an authority that a client can be told to trust.
#![allow(clippy::expect_used, reason = "a test cannot go on without its server, and says what failed")]

use std::{fs, path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// Shows a certificate for one name or address, signed by an authority of this name, whose own certificate is written to a
/// file.
pub(crate) fn acceptor(host: &str, name: &str, authority: &Path) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are valid ones");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("failed to make a key"));
    let issuer = issuer.expect("failed to sign an authority's certificate");
    fs::write(authority, issuer.pem()).expect("failed to write the authority's certificate");
    let key = KeyPair::generate().expect("failed to make a key");
    let params = CertificateParams::new(vec![host.to_owned()]).expect("the host has a valid name");
    let certificate = params.signed_by(&key, &issuer).expect("failed to sign a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the usual versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("certificate and key belong together");
    TlsAcceptor::from(Arc::new(config))
}
