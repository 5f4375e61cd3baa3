//! What a [`StatusIssue`](super::StatusIssue) is built with.

use std::{sync::Arc, time::Duration};

use runbook_core::{
    Secret,
    ports::{Clock, SystemClock},
};
use runbook_render::Renderer;

use crate::repository::RepositoryError;

/// How long GitHub may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To accept a connection.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    /// For one call, from its first byte to the last of its answer.
    pub call: Duration,
    /// For one whole update: search, change, comment.
    pub upsert: Duration,
}

impl Default for Deadlines {
    /// 10 s to connect and to read, 30 s for a call, 60 s for an update.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(10),
            call: Duration::from_secs(30),
            upsert: Duration::from_secs(60),
        }
    }
}

/// What a [`StatusIssue`](super::StatusIssue) is built with. Title, text and labels come from each
/// [`StatusView`](runbook_core::StatusView).
#[derive(Debug, Clone)]
pub struct IssueSettings {
    /// The address of the API: `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server. It must
    /// be `https`, except on loopback.
    pub api_url: String,
    /// The repository, `owner/name`.
    pub repository: String,
    /// A token that may write issues there: `GITHUB_TOKEN` of a job with `issues: write`, or a personal one.
    pub token: Secret,
    /// Turns views into text.
    pub renderer: Arc<Renderer>,
    /// Tells when a rate limit ends, and waits for it.
    pub clock: Arc<dyn Clock>,
    /// How long GitHub may take.
    pub deadlines: Deadlines,
}

impl IssueSettings {
    /// Settings with the machine's clock and the usual [`Deadlines`].
    pub fn new(
        api_url: impl Into<String>,
        repository: impl Into<String>,
        token: Secret,
        renderer: Arc<Renderer>,
    ) -> Self {
        Self {
            api_url: api_url.into(),
            repository: repository.into(),
            token,
            renderer,
            clock: Arc::new(SystemClock),
            deadlines: Deadlines::default(),
        }
    }
}

/// Settings that cannot be used. Nothing was sent anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The repository or the address of the API.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The token holds what no token holds, such as a space or a line break in its middle.
    #[error("GITHUB_TOKEN is no token: it is empty, or holds a character other than visible ASCII")]
    Token,
    /// The id of the GitHub App is no number.
    #[error("the id of the GitHub App is no number: take the App ID from the App's settings page, not its client ID")]
    AppId,
    /// The private key of the GitHub App is none.
    #[error(
        "the private key of the GitHub App is none: expected the whole PEM file that GitHub handed out, from          -----BEGIN RSA PRIVATE KEY----- to its last line"
    )]
    AppKey,
    /// The proxy cannot be used. Its address is not shown, because it may hold a password.
    #[error("HTTPS_PROXY is no proxy that can be used: expected an address such as http://proxy.example.com:3128")]
    Proxy,
}
