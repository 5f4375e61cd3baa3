//! What a token may do.

use std::collections::BTreeMap;

/// How far a permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not at all.
    None,
    /// Look.
    Read,
    /// Change.
    Write,
}

/// Whom a token stands for, and what it may do; everything, until something is taken away.
///
/// ```
/// use runbook_testkit::github::{Grant, Level};
///
/// // What a workflow's job gets that forgot `permissions: issues: write`.
/// let grant = Grant::installation("github-actions[bot]").with("issues", Level::Read);
/// assert_eq!(grant.level("issues"), Level::Read);
/// assert_eq!(grant.level("deployments"), Level::Write);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The login that changes made with the token are signed with.
    pub login: String,
    /// Whether it is an app's installation token, as a workflow's job has: `GET /user` refuses it.
    pub installation: bool,
    levels: BTreeMap<String, Level>,
}

impl Grant {
    /// A user's token.
    pub fn user(login: impl Into<String>) -> Self {
        Self { login: login.into(), installation: false, levels: BTreeMap::new() }
    }

    /// An app's installation token.
    pub fn installation(login: impl Into<String>) -> Self {
        Self { installation: true, ..Self::user(login) }
    }

    /// Sets one permission, named as in a workflow: `issues`, `contents`, `checks`, `statuses`, `deployments`,
    /// `pull_requests`, `actions`, `metadata`.
    #[must_use]
    pub fn with(mut self, permission: &str, level: Level) -> Self {
        self.levels.insert(permission.to_owned(), level);
        self
    }

    /// How far a permission goes.
    pub fn level(&self, permission: &str) -> Level {
        self.levels.get(permission).copied().unwrap_or(Level::Write)
    }
}
