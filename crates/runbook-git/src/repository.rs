//! [`GitRepository`]: finds the repository and carries each call to a thread where libgit2 may block. What the calls do
//! stands in the files beside this one.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use git2::{ErrorCode, Repository, RepositoryOpenFlags};
use runbook_core::{
    CommitId, Difference, LeftBehind, Release, ReleaseId,
    engine::{Permit, Refusal},
    ports::{Checkout, Resolved, RollbackBranch, RollbackCommit, VersionControl, VersionError},
};

use crate::{
    checkout, difference, error, export,
    git::{self, Git},
    history, remote, resolve, rollback, tags,
};

/// How long one local question or change may take, also in a repository of a hundred thousand files.
const LOCAL_DEADLINE: Duration = Duration::from_secs(120);
/// How long the writing of one tree may take.
const EXPORT_DEADLINE: Duration = Duration::from_secs(600);
/// How long a push may take, unless [`GitRepository::push_deadline`] says otherwise.
const PUSH_DEADLINE: Duration = Duration::from_secs(120);

/// One git repository: a worktree, a linked worktree or a bare one; shallow ones too.
///
/// Cheap to clone. Each call opens the repository anew, in a thread of its own (libgit2's handles are not `Sync`), so it
/// sees what others did in between, and calls may run at the same time. A call whose future is dropped runs to its end
/// unseen, except a push, which is ended.
///
/// Local work needs no `git` on the machine; a push does.
#[derive(Debug, Clone)]
pub struct GitRepository {
    git_dir: PathBuf,
    root: PathBuf,
    push_deadline: Duration,
}

impl GitRepository {
    /// Finds the repository that `path` is in, looking upwards as `git` does. The variables `GIT_DIR` and
    /// `GIT_WORK_TREE` are not read: what is deployed must not depend on them.
    ///
    /// # Errors
    /// [`VersionError::Failed`] when there is none, or when libgit2 cannot read its format (a SHA-256 repository, a
    /// partial clone), with what mends it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, VersionError> {
        let path = path.as_ref();
        let nowhere: [&std::ffi::OsStr; 0] = [];
        let repository = Repository::open_ext(path, RepositoryOpenFlags::empty(), nowhere).map_err(|error| {
            if error.code() == ErrorCode::NotFound {
                error::refused(format!("{} is not in a git repository; run this inside a clone", path.display()))
            } else {
                not_opened(path, error)
            }
        })?;
        let git_dir = repository.path().to_owned();
        let root = repository.workdir().unwrap_or(&git_dir).to_owned();
        Ok(Self { git_dir, root, push_deadline: PUSH_DEADLINE })
    }

    /// Sets how long a push may take; two minutes otherwise. A push that takes longer is ended and reported as not
    /// pushed.
    #[must_use]
    pub fn push_deadline(mut self, deadline: Duration) -> Self {
        self.push_deadline = deadline;
        self
    }

    pub(crate) fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The top of the worktree; of a bare repository, the repository itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Runs `work` where it may block. `left` is what a lost answer leaves behind.
    async fn blocking<T: Send + 'static>(
        &self,
        deadline: Duration,
        left: LeftBehind,
        work: impl FnOnce(&Repository) -> Result<T, VersionError> + Send + 'static,
    ) -> Result<T, VersionError> {
        let git_dir = self.git_dir.clone();
        let task = tokio::task::spawn_blocking(move || {
            let repository = Repository::open(&git_dir).map_err(|error| not_opened(&git_dir, error))?;
            work(&repository)
        });
        match tokio::time::timeout(deadline, task).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(lost)) => Err(VersionError::Failed {
                message: format!("the work on the repository {} broke off", self.root.display()),
                left,
                source: Some(Box::new(lost)),
            }),
            Err(_) => Err(VersionError::Failed {
                message: format!(
                    "the repository {} did not answer within {} s; it goes on unseen",
                    self.root.display(),
                    deadline.as_secs()
                ),
                left,
                source: None,
            }),
        }
    }

    /// Records the rollback here, then asks `may_push` and pushes it. Whatever keeps it from the remote is told, not
    /// raised: the commit stands.
    async fn record(
        &self,
        rollback: RollbackBranch,
        may_push: impl Future<Output = Result<(), Refusal>> + Send,
    ) -> Result<RollbackCommit, VersionError> {
        let (branch, push_to) = (rollback.branch.clone(), rollback.push_to.clone());
        let (commit, ssh) = self
            .blocking(LOCAL_DEADLINE, LeftBehind::Unknown, move |repository| {
                Ok((rollback::record(repository, &rollback)?, git::ssh_command(repository)))
            })
            .await?;
        let not_pushed = match push_to {
            None => None,
            Some(to) => {
                let push = remote::Push {
                    git: Git {
                        git_dir: self.git_dir.clone(),
                        root: self.root.clone(),
                        ssh_command: ssh,
                        authorization: None,
                    },
                    remote: &to,
                    branch: &branch,
                    deadline: self.push_deadline,
                };
                match may_push.await {
                    Ok(()) => push.run().await.err(),
                    Err(refusal) => Some(push.not_begun(&refusal.to_string())),
                }
            }
        };
        Ok(RollbackCommit { branch, commit, not_pushed })
    }
}

/// Why a repository that is there cannot be opened, with what mends it where that is known.
fn not_opened(path: &Path, error: git2::Error) -> VersionError {
    let mend = if error.message().contains("partialclone") {
        "; a partial clone cannot be read, clone without --filter"
    } else if error.code() == ErrorCode::Owner {
        "; it belongs to another user, allow it with: git config --global --add safe.directory <folder>"
    } else {
        ""
    };
    error::unable(format!("open the repository {}{mend}", path.display()))(error)
}

#[async_trait]
impl VersionControl for GitRepository {
    async fn checkout(&self) -> Result<Checkout, VersionError> {
        self.blocking(LOCAL_DEADLINE, LeftBehind::NoChange, checkout::checkout).await
    }

    async fn resolve(&self, version: &str) -> Result<Resolved, VersionError> {
        let version = version.to_owned();
        self.blocking(LOCAL_DEADLINE, LeftBehind::NoChange, move |repository| resolve::resolve(repository, &version))
            .await
    }

    async fn releases(&self, pattern: &str) -> Result<Vec<Release>, VersionError> {
        let pattern = pattern.to_owned();
        self.blocking(LOCAL_DEADLINE, LeftBehind::NoChange, move |repository| history::releases(repository, &pattern))
            .await
    }

    async fn export(&self, commit: &CommitId, folder: &Path) -> Result<(), VersionError> {
        let (commit, folder) = (commit.clone(), folder.to_owned());
        // A lost answer leaves either nothing or the whole folder, and asking again tells which.
        self.blocking(EXPORT_DEADLINE, LeftBehind::Unknown, move |repository| {
            export::export(repository, &commit, &folder)
        })
        .await
    }

    async fn between(&self, from: &CommitId, to: &CommitId) -> Result<Vec<String>, VersionError> {
        let (from, to) = (from.clone(), to.clone());
        self.blocking(LOCAL_DEADLINE, LeftBehind::NoChange, move |repository| history::between(repository, &from, &to))
            .await
    }

    async fn difference(
        &self,
        from: &CommitId,
        to: &CommitId,
        irreversible: &[String],
    ) -> Result<Difference, VersionError> {
        let (from, to, irreversible) = (from.clone(), to.clone(), irreversible.to_vec());
        self.blocking(LOCAL_DEADLINE, LeftBehind::NoChange, move |repository| {
            difference::difference(repository, &from, &to, &irreversible)
        })
        .await
    }

    async fn rollback_branch(
        &self,
        permit: &Permit,
        rollback: &RollbackBranch,
    ) -> Result<RollbackCommit, VersionError> {
        self.record(rollback.clone(), permit.recheck()).await
    }

    async fn tag(&self, _permit: &Permit, name: &ReleaseId, commit: &CommitId) -> Result<(), VersionError> {
        let (name, commit) = (name.clone(), commit.clone());
        self.blocking(LOCAL_DEADLINE, LeftBehind::Unknown, move |repository| tags::tag(repository, &name, &commit))
            .await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use runbook_testkit::TempRepository;

    use super::*;

    #[tokio::test]
    async fn a_stop_between_commit_and_push_holds() {
        let (repository, remote) = (TempRepository::new(), TempRepository::bare());
        repository.write("app", "good");
        let to = repository.commit("good");
        repository.add_remote("origin", &remote);
        let rollback = RollbackBranch {
            branch: "rollback/v1".to_owned(),
            to,
            keep: Vec::new(),
            only: Vec::new(),
            message: "Roll back".to_owned(),
            push_to: Some("origin".to_owned()),
        };
        let stopped = async { Err(Refusal::Latched("smoke".to_owned())) };
        let made = GitRepository::open(repository.path()).unwrap().record(rollback, stopped).await.unwrap();
        assert_eq!(repository.find_ref("refs/heads/rollback/v1"), Some(made.commit));
        assert_eq!(remote.find_ref("refs/heads/rollback/v1"), None);
        let told = made.not_pushed.unwrap();
        assert!(told.starts_with("the push to origin was not begun: the stop latch is set: smoke"), "{told}");
        assert!(told.ends_with("; finish with: git push origin rollback/v1"), "{told}");
    }
}
