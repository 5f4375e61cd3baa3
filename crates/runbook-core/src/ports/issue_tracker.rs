//! Port: the one status issue.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{engine::Permit, event::EffectResult, status::StatusView, words::LeftBehind};

/// What the issue is to show. The adapter turns it into text.
#[derive(Debug, Clone, PartialEq)]
pub struct IssueUpdate {
    /// The picture.
    pub view: StatusView,
    /// The number under which the journal knows the issue; tried first, the hidden marker is the fallback.
    pub known_number: Option<u64>,
    /// The page under which the journal knows the issue. An issue with this number and this page was published to before,
    /// so who wrote it is not asked again.
    pub known_url: Option<String>,
    /// Whether to add a comment, which notifies people: on a change of status and after a mutating run.
    pub comment: bool,
}

/// The issue as it now stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedIssue {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Whether it had to be made.
    pub created: bool,
    /// How many requests the update took.
    pub requests: u64,
    /// What did not keep it from being published and should be mended, each in one line, such as a template of the
    /// repository's own that could not be used.
    pub warnings: Vec<String>,
}

/// The issue could not be published. Nobody retries a creation blindly: the marker is looked for first.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct IssueError {
    /// What went wrong, and what mends it.
    pub message: String,
    /// What is left of it.
    pub left: LeftBehind,
    /// Whether the same call may work later (rate limit, outage).
    pub retryable: bool,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<&IssueError> for EffectResult {
    fn from(error: &IssueError) -> Self {
        error.left.into_result(crate::engine::with_causes(error))
    }
}

/// Keeps exactly one issue current.
#[async_trait]
pub trait IssueTracker: Debug + Send + Sync {
    /// Creates the issue, or finds it by number or marker and updates it, reopening it when it was closed. Calling it
    /// twice with the same update leaves one issue. A list call that failed is not an empty list: it is an error.
    ///
    /// # Errors
    /// [`IssueError`], with what is left behind.
    async fn upsert(&self, permit: &Permit, update: &IssueUpdate) -> Result<PublishedIssue, IssueError>;

    /// Where the suggested commands and links point to, such as `https://github.com/owner/name`.
    fn home(&self) -> String;
}
