//! Checkouts of releases: each commit's tree in a folder of its own, shared by everything that runs from it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use runbook_core::{
    CommitId, Release,
    ports::{VersionControl, VersionError},
};

use crate::files::{FileLock, StateDirError, prepare_state_dir};

/// The longest that another process may take to write the same checkout.
const LOCK_DEADLINE: Duration = Duration::from_secs(120);

/// There is no checkout of the release. Nothing that runs was touched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckoutError {
    #[error("there is no repository to take the release from; run inside one, or deploy by commands")]
    NoRepository,
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    #[error("failed to find the commit of {release}")]
    Resolve {
        release: Release,
        #[source]
        source: VersionError,
    },
    #[error("failed to write the checkout {}", folder.display())]
    Export {
        folder: PathBuf,
        #[source]
        source: VersionError,
    },
    #[error("failed to lock the checkout {}", folder.display())]
    Lock {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The folder of all checkouts in a state directory, and the repository that they come from.
#[derive(Debug, Clone)]
pub(crate) struct Checkouts {
    state_dir: PathBuf,
    version_control: Option<Arc<dyn VersionControl>>,
}

impl Checkouts {
    pub(crate) fn new(state_dir: &Path, version_control: Option<Arc<dyn VersionControl>>) -> Self {
        Self { state_dir: state_dir.to_owned(), version_control }
    }

    /// The repository.
    pub(crate) fn repository(&self) -> Result<&Arc<dyn VersionControl>, CheckoutError> {
        self.version_control.as_ref().ok_or(CheckoutError::NoRepository)
    }

    /// Where the checkout of a commit is, or would be.
    pub(crate) fn folder(&self, commit: &CommitId) -> PathBuf {
        self.state_dir.join("checkouts").join(commit.as_str())
    }

    /// The commit of a release; asked of the repository where the release does not say, and to see that it is there.
    pub(crate) async fn commit(&self, release: &Release) -> Result<CommitId, CheckoutError> {
        let version = release.commit.as_ref().map_or(release.id.as_str(), CommitId::as_str);
        let resolved = self.repository()?.resolve(version).await;
        Ok(resolved.map_err(|source| CheckoutError::Resolve { release: release.clone(), source })?.commit)
    }

    /// Writes the checkout of a commit, or finds it written. Other processes that want the same one wait.
    pub(crate) async fn export(&self, commit: &CommitId) -> Result<PathBuf, CheckoutError> {
        let repository = self.repository()?;
        prepare_state_dir(&self.state_dir)?;
        let folder = self.folder(commit);
        let lock_error = |source| CheckoutError::Lock { folder: folder.clone(), source };
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(lock_error)?;
        }
        let lock = folder.with_extension("lock");
        let _lock = FileLock::exclusive_within(&lock, LOCK_DEADLINE).await.map_err(lock_error)?.ok_or_else(|| {
            let seconds = LOCK_DEADLINE.as_secs();
            lock_error(io::Error::new(io::ErrorKind::TimedOut, format!("another process held it for {seconds} s")))
        })?;
        repository
            .export(commit, &folder)
            .await
            .map_err(|source| CheckoutError::Export { folder: folder.clone(), source })?;
        Ok(folder)
    }
}
