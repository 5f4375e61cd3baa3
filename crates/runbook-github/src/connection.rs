//! One repository at one GitHub, and who asks there: what every adapter of this crate is built with.

use std::{fmt, sync::Arc};

use runbook_core::{
    Secret,
    ports::{Clock, SystemClock},
};

use crate::{
    api::{Api, Auth, Proxies},
    issue::{Deadlines, SettingsError},
    repository::{Repository, Site},
};

/// Who asks. Neither form shows its secret, wherever it is printed.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A token: `GITHUB_TOKEN` of a job, or a personal one.
    Token(Secret),
    /// A GitHub App that is installed for the repository.
    App(AppCredentials),
}

/// A GitHub App: <https://docs.github.com/apps/creating-github-apps>.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The App's id, a number, as its settings page shows it. It is no secret.
    pub id: String,
    /// A private key of the App, as GitHub handed it out (PEM). Line breaks that were written as `\n` count as such.
    pub private_key: Secret,
    /// The id of its installation; `None`: asked from GitHub, once.
    pub installation_id: Option<u64>,
}

/// What a [`Connection`] is built with.
#[derive(Debug, Clone)]
pub struct ConnectionSettings {
    /// The address of the API: `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server. It must
    /// be `https`, except on loopback.
    pub api_url: String,
    /// The repository, `owner/name`.
    pub repository: String,
    /// Who asks.
    pub credentials: Credentials,
    /// Through which proxy; by default none.
    pub proxies: Proxies,
    /// Tells when a rate limit or a token ends, and waits for it.
    pub clock: Arc<dyn Clock>,
    /// How long GitHub may take.
    pub deadlines: Deadlines,
}

impl ConnectionSettings {
    /// Settings without a proxy, with the machine's clock and the usual [`Deadlines`].
    pub fn new(api_url: impl Into<String>, repository: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            api_url: api_url.into(),
            repository: repository.into(),
            credentials,
            proxies: Proxies::default(),
            clock: Arc::new(SystemClock),
            deadlines: Deadlines::default(),
        }
    }
}

/// The way to one repository at one GitHub, for whoever asks there. Cheap to clone; the clones share sockets and the
/// App's token.
///
/// ```
/// use runbook_core::Secret;
/// use runbook_github::{Connection, ConnectionSettings, Credentials};
///
/// let credentials = Credentials::Token(Secret::new("ghp_example"));
/// let github = Connection::new(ConnectionSettings::new("https://git.example.com/api/v3", "octo/forge", credentials))?;
/// assert_eq!(github.home(), "https://git.example.com/octo/forge");
/// # Ok::<(), runbook_github::SettingsError>(())
/// ```
#[derive(Clone)]
pub struct Connection {
    pub(crate) api: Arc<Api>,
    pub(crate) repository: Repository,
    pub(crate) deadlines: Deadlines,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("api", &self.api)
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// [`SettingsError`] when the repository, the API's address, the token, the App or the proxy cannot be used.
    pub fn new(settings: ConnectionSettings) -> Result<Self, SettingsError> {
        let ConnectionSettings { api_url, repository, credentials, proxies, clock, deadlines } = settings;
        let repository = repository.parse::<Repository>()?;
        let site = api_url.parse::<Site>()?;
        let auth = Auth::new(credentials, &repository)?;
        let proxy = proxies.checked()?;
        let api = Arc::new(Api::new(site, auth, proxy, clock, deadlines));
        Ok(Self { api, repository, deadlines })
    }

    /// The page of the repository.
    pub fn home(&self) -> String {
        format!("{}/{}", self.api.site().pages, self.repository)
    }

    /// The repository, `owner/name`.
    pub fn repository(&self) -> String {
        self.repository.to_string()
    }
}
