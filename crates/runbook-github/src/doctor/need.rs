//! What a token is needed for.

/// Something that a token has to be allowed, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Which permission.
    pub permission: Permission,
    /// Whether reading is not enough.
    pub write: bool,
    /// What is missing without it, such as "the status issue is not kept current".
    pub without: String,
}

/// A permission of a token: <https://docs.github.com/rest/authentication/permissions-required-for-github-apps>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Workflows and their runs.
    Actions,
    /// Check runs.
    Checks,
    /// The repository's files and refs.
    Contents,
    /// Deployments and their statuses.
    Deployments,
    /// Issues, comments and labels.
    Issues,
    /// Pull requests.
    PullRequests,
    /// Commit statuses.
    Statuses,
}

impl Permission {
    /// Its name in an App's settings, as the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Checks => "checks",
            Self::Contents => "contents",
            Self::Deployments => "deployments",
            Self::Issues => "issues",
            Self::PullRequests => "pull_requests",
            Self::Statuses => "statuses",
        }
    }

    /// Its name below `permissions:` of a workflow.
    pub(super) fn key(self) -> String {
        self.name().replace('_', "-")
    }
}
