//! How a server differs from the plain one.

/// What a test wants of a server besides being there. By default: no TLS, no further arguments.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    pub(super) tls: Option<Identity>,
    pub(super) arguments: Vec<String>,
}

/// What a server shows of itself over TLS, in PEM form.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl ServerOptions {
    /// TLS with this certificate (or chain, the server's own first) and its private key, both in PEM form. A Redis then
    /// speaks nothing else; the others offer it.
    #[must_use]
    pub fn tls(mut self, certificate: impl Into<String>, key: impl Into<String>) -> Self {
        self.tls = Some(Identity { certificate: certificate.into(), key: key.into() });
        self
    }

    /// One more argument on the server's command line, such as `--max-connections=3`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}
