//! [`StatusIssue`]: the port, and the identity it works under.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use runbook_core::{
    Secret,
    engine::Permit,
    ports::{IssueError, IssueTracker, IssueUpdate, PublishedIssue},
};
use runbook_render::Renderer;
use tokio::{sync::OnceCell, time::Instant};

use super::{Deadlines, IssueSettings, SettingsError, upsert::Upsert};
use crate::{
    api::{Api, Failure, User},
    repository::{Repository, Site},
};

/// Who signs what a workflow's `GITHUB_TOKEN` does.
const ACTIONS: &str = "github-actions[bot]";

/// The status issue of a repository at GitHub, one for each environment.
///
/// It is found by its number or by the hidden marker in its body, and only where its author is this token's identity or
/// somebody with a place in the repository: anyone can open an issue with a copied marker. A closed issue is reopened; a
/// deleted or transferred one is made anew; of two, the older stays and the other is closed with a link.
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
    pub(super) api: Api,
    pub(super) repository: Repository,
    pub(super) renderer: Arc<Renderer>,
    pub(super) deadlines: Deadlines,
    identity: OnceCell<String>,
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
        let repository = repository.parse::<Repository>()?;
        let site = api_url.parse::<Site>()?;
        // A secret that was pasted often ends with a line break; octocrab would panic at it.
        let token = Secret::new(token.reveal().trim());
        if token.reveal().is_empty() || !token.reveal().bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SettingsError::Token);
        }
        let api = Api::new(site, token, clock, deadlines);
        Ok(Self { api, repository, renderer, deadlines, identity: OnceCell::new() })
    }

    /// The login that this token's changes are signed with. Asked once, and only when somebody's authorship depends on it.
    pub(super) async fn identity(&self, until: Instant) -> Result<&str, Failure> {
        let ask = || async {
            match self.api.get::<User>("/user", until).await {
                Ok(user) => Ok(user.login),
                // A token of a job is nobody's account: "Resource not accessible by integration".
                Err(Failure::Refused { status: 403, .. }) => Ok(ACTIONS.to_owned()),
                Err(failure) => Err(failure),
            }
        };
        self.identity.get_or_try_init(ask).await.map(String::as_str)
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
