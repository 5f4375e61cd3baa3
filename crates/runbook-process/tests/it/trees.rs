//! A repository of a few releases in memory, which writes checkouts like a real one. Real git is another crate's part.

use std::{collections::BTreeMap, path::Path};

use async_trait::async_trait;
use runbook_core::{
    CommitId, Difference, Release, ReleaseId,
    engine::Permit,
    ports::{Checkout, Resolved, RollbackBranch, RollbackCommit, VersionControl, VersionError},
};

use super::machine::write_script;

/// Releases with their scripts.
#[derive(Debug, Default)]
pub struct Trees {
    releases: Vec<(Release, BTreeMap<&'static str, String>)>,
    /// What `checkout` answers.
    pub worktree: Option<Checkout>,
}

impl Trees {
    /// Adds a release whose tree holds one script.
    pub fn with(mut self, version: &str, path: &'static str, script: &str) -> Self {
        let release = Release { id: version.parse().unwrap(), commit: Some(commit(version)) };
        self.releases.push((release, [(path, script.to_owned())].into()));
        self
    }

    fn find(&self, version: &str) -> Result<&(Release, BTreeMap<&'static str, String>), VersionError> {
        self.releases
            .iter()
            .find(|(release, _)| release.id.as_str() == version || release.commit == version.parse().ok())
            .ok_or_else(|| VersionError::NotFound { version: version.to_owned(), hint: None })
    }
}

/// The commit of a version: the same for the same name.
pub fn commit(version: &str) -> CommitId {
    runbook_core::Digest::of(version.as_bytes()).to_string()[..40].parse().unwrap()
}

/// A release as a request names it.
pub fn release(version: &str) -> Release {
    Release { id: version.parse().unwrap(), commit: Some(commit(version)) }
}

#[async_trait]
impl VersionControl for Trees {
    async fn checkout(&self) -> Result<Checkout, VersionError> {
        Ok(self.worktree.clone().unwrap_or(Checkout { branch: None, head: None, dirty: Vec::new() }))
    }

    async fn resolve(&self, version: &str) -> Result<Resolved, VersionError> {
        let (release, _) = self.find(version)?;
        Ok(Resolved { release: release.clone(), commit: release.commit.clone().unwrap() })
    }

    async fn releases(&self, _: &str) -> Result<Vec<Release>, VersionError> {
        unreachable!("nothing in this crate lists releases")
    }

    async fn export(&self, commit: &CommitId, folder: &Path) -> Result<(), VersionError> {
        for (path, script) in &self.find(commit.as_str())?.1 {
            if !folder.join(path).exists() {
                write_script(&folder.join(path), script);
            }
        }
        Ok(())
    }

    async fn between(&self, _: &CommitId, _: &CommitId) -> Result<Vec<String>, VersionError> {
        unreachable!("nothing in this crate compares releases")
    }

    async fn difference(&self, _: &CommitId, _: &CommitId, _: &[String]) -> Result<Difference, VersionError> {
        Ok(Difference::default())
    }

    async fn rollback_branch(&self, _: &Permit, _: &RollbackBranch) -> Result<RollbackCommit, VersionError> {
        unreachable!("nothing in this crate makes branches")
    }

    async fn tag(&self, _: &Permit, _: &ReleaseId, _: &CommitId) -> Result<(), VersionError> {
        unreachable!("nothing in this crate tags")
    }
}
