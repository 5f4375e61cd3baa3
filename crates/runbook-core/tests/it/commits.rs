//! A repository in which every version has a commit, for what a forge is asked and told of commits.

use std::path::Path;

use async_trait::async_trait;
use runbook_core::{
    CommitId, Difference, Listed, Release, ReleaseId,
    engine::Permit,
    ports::{Checkout, Resolved, RollbackBranch, RollbackCommit, VersionControl, VersionError},
};

/// Makes every branch that it is asked for.
#[derive(Debug, Default)]
pub struct Commits {
    /// Why no branch reaches the remote, where that is so.
    pub not_pushed: Option<String>,
}

/// `v2` has the commit `000…02`.
pub fn commit_of(version: &str) -> CommitId {
    CommitId::new(format!("{:0>40}", version.trim_start_matches('v'))).unwrap()
}

#[async_trait]
impl VersionControl for Commits {
    async fn checkout(&self) -> Result<Checkout, VersionError> {
        Ok(Checkout { branch: Some("main".to_owned()), head: None, dirty: Vec::new() })
    }
    async fn resolve(&self, version: &str) -> Result<Resolved, VersionError> {
        let commit = commit_of(version);
        let release = Release { id: ReleaseId::new(version).unwrap(), commit: Some(commit.clone()) };
        Ok(Resolved { release, commit })
    }
    async fn releases(&self, _: &str) -> Result<Vec<Release>, VersionError> {
        Ok(Vec::new())
    }
    async fn export(&self, _: &CommitId, _: &Path) -> Result<(), VersionError> {
        Ok(())
    }
    async fn between(&self, _: &CommitId, _: &CommitId) -> Result<Vec<String>, VersionError> {
        Ok(vec!["a1b2c3d Move the pool".to_owned()])
    }
    async fn difference(&self, _: &CommitId, _: &CommitId, _: &[String]) -> Result<Difference, VersionError> {
        let listed = |entry: &str| Listed { first: vec![entry.to_owned()], more: 0 };
        Ok(Difference {
            commits: listed("a1b2c3d Move the pool"),
            files: listed("src/pool.rs"),
            ..Difference::default()
        })
    }
    async fn rollback_branch(&self, _: &Permit, wanted: &RollbackBranch) -> Result<RollbackCommit, VersionError> {
        Ok(RollbackCommit {
            branch: wanted.branch.clone(),
            commit: wanted.to.clone(),
            not_pushed: self.not_pushed.clone(),
        })
    }
    async fn tag(&self, _: &Permit, _: &ReleaseId, _: &CommitId) -> Result<(), VersionError> {
        Ok(())
    }
}
