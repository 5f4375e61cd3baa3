//! What probes bring to TLS: whom they trust, and who they are. Nothing here is loaded before the first `https` address
//! is really probed; then the machine's roots are read once and shared by all probes.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use runbook_core::{
    ports::ProbeError,
    registry::{BuildError, Scope},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{sync::OnceCell, task::spawn_blocking};
use tokio_rustls::rustls::{
    self, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
    client::Resumption,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};

/// The configuration that trusts the machine's roots.
static PLATFORM: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

/// Which roots a probe trusts, and the certificate that it shows.
#[derive(Debug)]
pub(crate) struct Tls {
    /// A PEM file with the roots to trust; without it, the machine's.
    ca_file: Option<PathBuf>,
    client: Option<ClientCertificate>,
    /// Trusts the file's roots.
    trusting: OnceCell<Arc<ClientConfig>>,
    /// The same, and shows the client certificate.
    known: OnceCell<Arc<ClientConfig>>,
}

/// The files that say who a probe is.
#[derive(Debug, Clone)]
pub(crate) struct ClientCertificate {
    /// The certificate and those between it and its authority, in PEM form.
    pub(crate) certificate: PathBuf,
    /// Its private key, in PEM form.
    pub(crate) key: PathBuf,
}

impl ClientCertificate {
    /// Of the keys `client_cert_file` and `client_key_file`, relative to `runbook.toml`. The files are not read yet.
    ///
    /// # Errors
    /// When one is there without the other.
    pub(crate) fn build(
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
        scope: &Scope,
    ) -> Result<Option<Self>, BuildError> {
        match (certificate, key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                Ok(Some(Self { certificate: scope.root.join(certificate), key: scope.root.join(key) }))
            }
            (Some(_), None) => Err(BuildError::key("client_cert_file", "it needs its private key: `client_key_file`")),
            (None, Some(_)) => Err(BuildError::key("client_key_file", "it needs its certificate: `client_cert_file`")),
        }
    }
}

impl Tls {
    pub(crate) fn new(ca_file: Option<PathBuf>) -> Self {
        Self { ca_file, client: None, trusting: OnceCell::new(), known: OnceCell::new() }
    }

    /// With a certificate to show when a server asks for one.
    pub(crate) fn known_as(self, client: Option<ClientCertificate>) -> Self {
        Self { client, ..self }
    }

    /// The configuration; loaded at the first call. One that could not be loaded is tried again at the next call.
    ///
    /// # Errors
    /// When the roots or the client certificate cannot be read.
    pub(crate) async fn config(&self) -> Result<Arc<ClientConfig>, ProbeError> {
        let Some(client) = &self.client else { return self.stranger().await };
        if let Some(config) = self.known.get() {
            return Ok(Arc::clone(config));
        }
        let trusting = self.stranger().await?;
        let client = client.clone();
        let config = self.known.get_or_try_init(|| load(move || with_client(&trusting, &client))).await?;
        Ok(Arc::clone(config))
    }

    /// The configuration for servers that shall not learn who asks: without the client certificate.
    ///
    /// # Errors
    /// When the roots cannot be read.
    pub(crate) async fn stranger(&self) -> Result<Arc<ClientConfig>, ProbeError> {
        let config = match &self.ca_file {
            None => PLATFORM.get_or_try_init(|| load(platform_config)).await?,
            Some(path) => {
                let path = path.clone();
                self.trusting.get_or_try_init(|| load(move || file_config(&path))).await?
            }
        };
        Ok(Arc::clone(config))
    }

    /// Whether [`Tls::config`] has nothing left to read.
    pub(crate) fn is_ready(&self) -> bool {
        match (&self.client, &self.ca_file) {
            (Some(_), _) => self.known.initialized(),
            (None, Some(_)) => self.trusting.initialized(),
            (None, None) => PLATFORM.initialized(),
        }
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

fn file_config(path: &Path) -> Result<ClientConfig, ProbeError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca_file", path)? {
        roots.add(certificate).map_err(|error| {
            own_error(format!("`ca_file` {} holds a certificate that cannot be used", path.display()), error)
        })?;
    }
    Ok(for_probes(builder()?.with_root_certificates(roots).with_no_client_auth()))
}

fn for_probes(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each probe measures a whole handshake; a resumed one would skip the certificate.
    config.resumption = Resumption::disabled();
    config
}

/// The same configuration for a probe that shows a certificate.
fn with_client(trusting: &ClientConfig, client: &ClientCertificate) -> Result<ClientConfig, ProbeError> {
    let chain = certificates("client_cert_file", &client.certificate)?;
    let path = client.key.display();
    let key = PrivateKeyDer::from_pem_file(&client.key).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            ProbeError::new(format!("`client_key_file` {path} holds no private key in PEM form"))
        }
        error => own_error(format!("failed to read the key of `client_key_file` {path}"), error),
    })?;
    let identity = CertifiedKey::from_der(chain, key, trusting.crypto_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => ProbeError::new(format!(
            "`client_key_file` {path} is not the key of the certificate in `client_cert_file` {}",
            client.certificate.display()
        )),
        error => own_error(format!("`client_key_file` {path} holds a key that cannot be used"), error),
    })?;
    let mut config = trusting.clone();
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(identity));
    Ok(config)
}

/// All certificates of a PEM file, at least one.
fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ProbeError> {
    let failed = |error: pem::Error| {
        let message = format!("failed to read the certificates of `{key}` {}", path.display());
        match error {
            pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                own_error(format!("{message}: there is no such file"), error)
            }
            error => own_error(message, error),
        }
    };
    let found = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if found.is_empty() {
        return Err(ProbeError::new(format!("`{key}` {} holds no certificate in PEM form", path.display())));
    }
    Ok(found)
}

fn own_error(message: impl Into<String>, error: impl std::error::Error + Send + Sync + 'static) -> ProbeError {
    ProbeError { message: message.into(), source: Some(Box::new(error)) }
}
