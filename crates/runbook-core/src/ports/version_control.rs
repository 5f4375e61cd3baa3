//! Port: the repository.

use std::{fmt::Debug, path::Path};

use async_trait::async_trait;

use crate::{
    engine::Permit,
    event::EffectResult,
    words::{CommitId, Difference, LeftBehind, Release, ReleaseId},
};

/// Where the repository stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The head; `None` on a branch without commits.
    pub head: Option<CommitId>,
    /// Changed and untracked paths (ignored ones left out), at most the first 20.
    pub dirty: Vec<String>,
}

/// A version, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The release: its name is the tag where the version is one, else the commit's first twelve digits.
    pub release: Release,
    /// Its commit.
    pub commit: CommitId,
}

/// A rollback to record in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackBranch {
    /// The new branch, `rollback/<version>-<utc>`.
    pub branch: String,
    /// The release whose tree the commit gets.
    pub to: CommitId,
    /// Path globs that stay as they are at the head (`rollback.keep`).
    pub keep: Vec<String>,
    /// Path globs that return; empty means all. For the rollback of one component.
    pub only: Vec<String>,
    /// The commit's message: run, from, to, why.
    pub message: String,
    /// Whether to push the branch to this remote.
    pub push_to: Option<String>,
}

/// The rollback as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackCommit {
    /// The branch.
    pub branch: String,
    /// The new commit, whose parent is the current head.
    pub commit: CommitId,
    /// Why the branch is not on the remote, where it should be; with the command that finishes it.
    pub not_pushed: Option<String>,
}

/// The repository could not answer, or refused.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// No such version.
    #[error("version {version:?} was not found{}", hint.as_deref().map(|h| format!("; {h}")).unwrap_or_default())]
    NotFound {
        /// As it was asked for.
        version: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// The version names more than one thing, or not a commit.
    #[error("version {version:?} {problem}")]
    Unusable {
        /// As it was asked for.
        version: String,
        /// Why it cannot be used.
        problem: String,
    },
    /// The repository does not allow it.
    #[error("{message}")]
    Failed {
        /// What went wrong, and what mends it.
        message: String,
        /// What is left of it.
        left: LeftBehind,
        /// The cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl From<&VersionError> for EffectResult {
    fn from(error: &VersionError) -> Self {
        let left = match error {
            VersionError::Failed { left, .. } => *left,
            VersionError::NotFound { .. } | VersionError::Unusable { .. } => LeftBehind::NoChange,
        };
        left.into_result(crate::engine::with_causes(error))
    }
}

/// The repository of what is deployed. Nothing here touches the worktree, the index or an existing branch.
#[async_trait]
pub trait VersionControl: Debug + Send + Sync {
    /// Where the repository stands now.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn checkout(&self) -> Result<Checkout, VersionError>;

    /// Resolves a tag, or a commit of at least seven hex digits, to a commit. Names that could be options, ranges or
    /// paths are refused; an ambiguous one is too.
    ///
    /// # Errors
    /// [`VersionError::NotFound`] with a near miss, [`VersionError::Unusable`] with the reason.
    async fn resolve(&self, version: &str) -> Result<Resolved, VersionError>;

    /// The tags that match a glob, newest commit first, at most 1,000.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn releases(&self, pattern: &str) -> Result<Vec<Release>, VersionError>;

    /// Writes the tree of a commit into an empty or missing folder; whole or not at all. A folder that already holds
    /// that commit is left as it is.
    ///
    /// # Errors
    /// When it could not be written.
    async fn export(&self, commit: &CommitId, folder: &Path) -> Result<(), VersionError>;

    /// The commits between two releases, newest first, as `<short id> <subject>`; at most 100.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn between(&self, from: &CommitId, to: &CommitId) -> Result<Vec<String>, VersionError>;

    /// What a return from the release at `from` to the one at `to` takes back. A file whose path matches one of the globs
    /// `irreversible`, and a commit with the trailer `Irreversible: …`, cannot be taken back.
    ///
    /// # Errors
    /// When it cannot be told whole: a commit that is not here, a history that is cut off, or one that is too long.
    async fn difference(
        &self,
        from: &CommitId,
        to: &CommitId,
        irreversible: &[String],
    ) -> Result<Difference, VersionError>;

    /// Records a rollback as a new commit on a new branch. A branch of that name with the same tree and parent is taken
    /// as made already; with another, it is refused.
    ///
    /// # Errors
    /// [`VersionError`]; a refused push is no error but `not_pushed`.
    async fn rollback_branch(&self, permit: &Permit, rollback: &RollbackBranch)
    -> Result<RollbackCommit, VersionError>;

    /// Puts a lightweight tag on a commit.
    ///
    /// # Errors
    /// When it exists elsewhere or cannot be written.
    async fn tag(&self, permit: &Permit, name: &ReleaseId, commit: &CommitId) -> Result<(), VersionError>;
}
