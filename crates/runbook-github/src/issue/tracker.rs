//! [`StatusIssue`]: the port, and the identity it works under.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use runbook_core::{
    engine::Permit,
    ports::{IssueError, IssueTracker, IssueUpdate, PublishedIssue},
};
use runbook_render::Renderer;
use tokio::{sync::OnceCell, time::Instant};

use super::{Deadlines, IssueSettings, SettingsError, upsert::Upsert};
use crate::{
    api::{Api, Failure, Permission, User},
    connection::{Connection, ConnectionSettings, Credentials},
    repository::Repository,
};

/// Who signs what a workflow's `GITHUB_TOKEN` does.
const ACTIONS: &str = "github-actions[bot]";

/// The status issue of a repository at GitHub, one for each environment.
///
/// It is found by its number or by the hidden marker in its body, and only where its author is this token's identity or
/// may write to the repository: anyone can open an issue with a copied marker. A closed issue is reopened; a deleted or
/// transferred one is made anew; of two, the older stays and the other is closed with a link.
///
/// An update takes two requests, one to look and one to change, where the journal knows the issue and no comment is due.
///
/// Nothing is repeated blindly. After a lost answer it looks at what GitHub has, and only what cannot be seen there is
/// reported as unknown. A dropped future may leave the call that it was in done or not done; the next update finds out.
///
/// ```
/// use std::sync::Arc;
/// use runbook_core::{Secret, ports::IssueTracker};
/// use runbook_github::{IssueSettings, StatusIssue};
/// use runbook_render::Renderer;
///
/// let settings = IssueSettings::new(
///     "https://git.example.com/api/v3",
///     "octo/forge",
///     Secret::new("ghp_example"),
///     Arc::new(Renderer::new()?),
/// );
/// let issue = StatusIssue::new(settings)?;
/// assert_eq!(issue.home(), "https://git.example.com/octo/forge");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StatusIssue {
    pub(super) api: Arc<Api>,
    pub(super) repository: Repository,
    pub(super) renderer: Arc<Renderer>,
    pub(super) deadlines: Deadlines,
    /// What each update warns of.
    pub(super) warnings: Vec<String>,
    identity: OnceCell<String>,
    /// Who was told to be one that may write, or that may not.
    writers: Mutex<BTreeMap<String, bool>>,
}

impl fmt::Debug for StatusIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusIssue")
            .field("api", &self.api)
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

impl StatusIssue {
    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// [`SettingsError`] when the repository, the API's address or the token cannot be used.
    pub fn new(settings: IssueSettings) -> Result<Self, SettingsError> {
        let IssueSettings { api_url, repository, token, renderer, clock, deadlines } = settings;
        let settings = ConnectionSettings::new(api_url, repository, Credentials::Token(token));
        Ok(Self::at(&Connection::new(ConnectionSettings { clock, deadlines, ..settings })?, renderer))
    }

    /// The status issue of a repository that is reached already. Sends nothing.
    pub fn at(connection: &Connection, renderer: Arc<Renderer>) -> Self {
        let Connection { api, repository, deadlines } = connection.clone();
        let (warnings, identity, writers) = (Vec::new(), OnceCell::new(), Mutex::default());
        Self { api, repository, renderer, deadlines, warnings, identity, writers }
    }

    /// Tells people through this when GitHub's rate limit makes an update wait: it is called before the wait, with one
    /// line, on the task of the update. Of several the first stays.
    #[must_use]
    pub fn announcing(self, announce: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.api.announce_to(Box::new(announce));
        self
    }

    /// Lets each update warn of this too, such as of a template that could not be used.
    #[must_use]
    pub fn warning(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// The login that this token's changes are signed with. Asked once, and only when somebody's authorship depends on it.
    pub(super) async fn identity(&self, until: Instant) -> Result<&str, Failure> {
        let ask = || async {
            if let Some(login) = self.api.app_login(until).await? {
                return Ok(login);
            }
            // Asking would be refused, as below.
            if self.api.is_of_a_job() {
                return Ok(ACTIONS.to_owned());
            }
            match self.api.get::<User>("/user", until).await {
                Ok(user) => Ok(user.login),
                // A token of a job is nobody's account: "Resource not accessible by integration".
                Err(Failure::Refused { status: 403, .. }) => Ok(ACTIONS.to_owned()),
                Err(failure) => Err(failure),
            }
        };
        self.identity.get_or_try_init(ask).await.map(String::as_str)
    }

    /// Whether somebody may write to the repository. Asked for, and once: a member of the organisation need not, and
    /// neither need a collaborator.
    pub(super) async fn may_write(&self, login: &str, until: Instant) -> Result<bool, Failure> {
        // The names of accounts; an app's (`name[bot]`) is none that a permission is given to.
        if login.is_empty() || !login.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Ok(false);
        }
        let known = self.writers.lock().unwrap_or_else(PoisonError::into_inner).get(login).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let path = format!("{}/collaborators/{login}/permission", self.repository.path());
        let may = match self.api.get::<Permission>(&path, until).await {
            Ok(permission) => permission.may_write(),
            // Not somebody of this repository, or not to be told: nothing shows that they may.
            Err(Failure::Refused { status: 403 | 404, .. }) => return Ok(false),
            Err(failure) => return Err(failure),
        };
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).insert(login.to_owned(), may);
        Ok(may)
    }
}

#[async_trait]
impl IssueTracker for StatusIssue {
    async fn upsert(&self, _permit: &Permit, update: &IssueUpdate) -> Result<PublishedIssue, IssueError> {
        Upsert::begin(self, update)?.run().await
    }

    fn home(&self) -> String {
        format!("{}/{}", self.api.site().pages, self.repository)
    }
}
