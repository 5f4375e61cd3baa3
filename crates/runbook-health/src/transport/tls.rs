//! TLS to one server. Nothing here is loaded before the first `https` address is really probed; then the machine's
//! roots are read once and shared by all probes.

use std::{io, path::PathBuf, sync::Arc};

use runbook_core::ports::ProbeError;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{io::AsyncRead, io::AsyncWrite, sync::OnceCell, task::spawn_blocking};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
        client::Resumption,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::{Fault, Host};

/// The configuration that trusts the machine's roots.
static PLATFORM: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

/// Which roots a probe trusts.
#[derive(Debug)]
pub(crate) enum Tls {
    /// The machine's.
    Platform,
    /// Those of one PEM file and no others.
    File { path: PathBuf, config: OnceCell<Arc<ClientConfig>> },
}

impl Tls {
    pub(crate) fn new(ca_file: Option<PathBuf>) -> Self {
        match ca_file {
            None => Self::Platform,
            Some(path) => Self::File { path, config: OnceCell::new() },
        }
    }

    /// The configuration; loaded at the first call. One that could not be loaded is tried again at the next call.
    ///
    /// # Errors
    /// When the roots cannot be read.
    pub(crate) async fn config(&self) -> Result<Arc<ClientConfig>, ProbeError> {
        let config = match self {
            Self::Platform => PLATFORM.get_or_try_init(|| load(platform_config)).await?,
            Self::File { path, config } => {
                let path = path.clone();
                config.get_or_try_init(|| load(move || file_config(&path))).await?
            }
        };
        Ok(Arc::clone(config))
    }
}

/// Files are read beside the runtime's thread.
async fn load(
    read: impl FnOnce() -> Result<ClientConfig, ProbeError> + Send + 'static,
) -> Result<Arc<ClientConfig>, ProbeError> {
    match spawn_blocking(read).await {
        Ok(config) => config.map(Arc::new),
        Err(error) => Err(own_error("failed to prepare TLS", error)),
    }
}

/// The provider is named here, so that no other part of the program has to install one.
fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, ProbeError> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| own_error("failed to prepare TLS", error))
}

fn platform_config() -> Result<ClientConfig, ProbeError> {
    let config = builder()?
        .with_platform_verifier()
        .map_err(|error| own_error("failed to read the certificates that this machine trusts", error))?;
    Ok(for_probes(config.with_no_client_auth()))
}

fn file_config(path: &std::path::Path) -> Result<ClientConfig, ProbeError> {
    let failed = |error: rustls::pki_types::pem::Error| {
        own_error(format!("failed to read the certificates of `ca_file` {}", path.display()), error)
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
        roots.add(certificate.map_err(failed)?).map_err(|error| {
            own_error(format!("`ca_file` {} holds a certificate that cannot be used", path.display()), error)
        })?;
    }
    if roots.is_empty() {
        return Err(ProbeError::new(format!("`ca_file` {} holds no certificate in PEM form", path.display())));
    }
    Ok(for_probes(builder()?.with_root_certificates(roots).with_no_client_auth()))
}

fn for_probes(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each probe measures a whole handshake; a resumed one would skip the certificate.
    config.resumption = Resumption::disabled();
    config
}

fn own_error(message: impl Into<String>, error: impl std::error::Error + Send + Sync + 'static) -> ProbeError {
    ProbeError { message: message.into(), source: Some(Box::new(error)) }
}

/// The handshake with a server that must prove to be `host`.
///
/// # Errors
/// A certificate that is not valid and a server that does not speak TLS are the target's fault.
pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ClientConfig>,
    host: &Host,
    stream: S,
) -> Result<TlsStream<S>, Fault> {
    let name = match host {
        Host::Address(address) => ServerName::from(*address),
        Host::Localhost(name) | Host::Name(name) => {
            // A name's final dot is for resolvers only (RFC 6066, section 3).
            let bare = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(bare).map_err(|error| own_error(format!("`{name}` is no name for TLS"), error))?
        }
    };
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| match words_of(&error) {
        Some(words) => Fault::Target(words),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Fault::target("TLS failed: the connection was closed during the handshake")
        }
        None => Fault::of_io(error, "finish the TLS handshake"),
    })
}

/// What went wrong with TLS, when the error is about TLS at all.
pub(crate) fn words_of(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(problem) => format!("TLS failed: {}", certificate_words(problem)),
        rustls::Error::AlertReceived(alert) => format!("TLS failed: the server refused with the alert {alert:?}"),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            "TLS failed: the server does not speak TLS on this port".to_owned()
        }
        other => format!("TLS failed: {other}"),
    })
}

fn certificate_words(problem: &CertificateError) -> String {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name".to_owned()
        }
        // A bad signature is an issuer of a trusted name with another key, such as an authority that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the certificate's issuer is not trusted".to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        other => format!("the certificate is not valid ({other:?})"),
    }
}
