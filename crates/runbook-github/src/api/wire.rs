//! The few fields of GitHub's answers that are read. Everything else is ignored, and so may change.
//! Source: <https://docs.github.com/rest/issues/issues>.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// Somebody's account.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct User {
    pub(crate) login: String,
}

/// What somebody may do in a repository.
/// Source: <https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user>.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Permission {
    /// `admin`, `write`, `read` or `none`; maintainers are told as `write`, who triages as `read`.
    permission: String,
}

impl Permission {
    pub(crate) fn may_write(&self) -> bool {
        matches!(self.permission.as_str(), "admin" | "write")
    }
}

/// An issue, or a pull request in a list of issues.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) html_url: String,
    #[serde(default)]
    pub(crate) repository_url: String,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) state: String,
    /// Objects with a `name`, or the names themselves: the API's description allows both.
    #[serde(default)]
    labels: Vec<Value>,
    /// Absent when the account is gone.
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) author_association: String,
    /// How many comments it has.
    #[serde(default)]
    pub(crate) comments: u64,
    pull_request: Option<IgnoredAny>,
}

impl Issue {
    pub(crate) fn is_open(&self) -> bool {
        self.state == "open"
    }

    pub(crate) fn is_pull_request(&self) -> bool {
        self.pull_request.is_some()
    }

    pub(crate) fn body(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().filter_map(|label| label.as_str().or_else(|| label["name"].as_str()))
    }
}

/// A comment on an issue.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Comment {
    pub(crate) body: Option<String>,
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) author_association: String,
}
