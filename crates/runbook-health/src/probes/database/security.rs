//! Whether a connection is encrypted, and who may be at its other end.

use std::{path::PathBuf, sync::Arc};

use runbook_core::ports::ProbeError;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::OnceCell;
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::transport::Tls;

/// How a probe of a database uses TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// Never.
    Off,
    /// Where the server offers it, with whatever certificate: it keeps out who listens, not who pretends. So a server
    /// that asks for the password in clear text is not told it, unless it is on this machine.
    Prefer,
    /// Always, with whatever certificate. The password is kept as with `prefer`.
    Require,
    /// Always, and the certificate must be valid for the host.
    Verify,
}

/// TLS that is ready to shake hands.
#[derive(Debug, Clone)]
pub(in crate::probes) struct Handshake {
    pub(super) config: Arc<ClientConfig>,
    /// Whether the server must prove who it is.
    pub(super) is_verified: bool,
}

/// The configuration that trusts anybody.
static ANYBODY: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

/// TLS as one probe uses it.
#[derive(Debug)]
pub(in crate::probes) struct Security {
    pub(in crate::probes) mode: TlsMode,
    tls: Tls,
}

impl Security {
    pub(in crate::probes) fn new(mode: TlsMode, ca_file: Option<PathBuf>) -> Self {
        Self { mode, tls: Tls::new(ca_file) }
    }

    /// What to shake hands with; `None` without TLS.
    ///
    /// # Errors
    /// When the trusted certificates cannot be read.
    pub(in crate::probes) async fn handshake(&self) -> Result<Option<Handshake>, ProbeError> {
        let config = match self.mode {
            TlsMode::Off => return Ok(None),
            TlsMode::Prefer | TlsMode::Require => Arc::clone(ANYBODY.get_or_try_init(|| async { anybody() }).await?),
            TlsMode::Verify => self.tls.config().await?,
        };
        Ok(Some(Handshake { config, is_verified: self.mode == TlsMode::Verify }))
    }
}

fn anybody() -> Result<Arc<ClientConfig>, ProbeError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Anybody(provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder
        .map_err(|error| ProbeError { message: "failed to prepare TLS".to_owned(), source: Some(Box::new(error)) })?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Accepts every certificate whose key the server has.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
