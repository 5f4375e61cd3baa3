//! [`GitJournal`]: the port. It finds the repository, and carries each call to a thread where libgit2 may block, or to the
//! remote.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use git2::{ErrorCode, Oid, Repository};
use runbook_core::{
    EnvironmentId, Secret,
    event::{ChainError, Encoded, Head, Stored},
    ports::{Journal, JournalError, VersionError},
    state::{EnvironmentState, Snapshot},
};

use super::{
    layout::Names,
    shared::{Pushed, Shared, Volume},
    store::{self, Known, StoreError, Tip},
};
use crate::{
    error::refused,
    git::{self, Git, is_remote},
    repository::GitRepository,
};

/// How long one call of git to the remote may take, unless the settings say otherwise.
const REMOTE_DEADLINE: Duration = Duration::from_secs(25);
/// How often a shared journal is looked at by a run that only waits: each look is a request to the remote.
const REMOTE_PAUSE: Duration = Duration::from_secs(10);

/// Where the journal is at home.
#[derive(Debug, Clone)]
pub struct JournalSettings {
    /// A remote's name or address that all machines share; `None`: this repository alone.
    pub remote: Option<String>,
    /// A token for HTTPS, where git has no credentials of its own. It is handed to git in its environment.
    pub token: Option<Secret>,
    /// How long one call of git to the remote may take.
    pub deadline: Duration,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { remote: None, token: None, deadline: REMOTE_DEADLINE }
    }
}

/// One environment's journal on `refs/runbook/journal/<environment>`.
///
/// At home in the repository alone, an append is a commit and a ref that moves from the expected commit to it; appends
/// of several processes wait for one another (flock(2)). It returns once objects and ref are synced, so it survives
/// SIGKILL and a power cut; a power cut in the middle of an append may leave a ref that git calls broken, which
/// `git fsck` names.
///
/// Shared through a remote, an append is a push that the remote takes only when nobody was first, never forced; it is
/// durable once the remote has said so. The local ref is what is known of the remote's. A push whose answer was lost is
/// looked for before anything is said about it. A remote whose journal went back or vanished is damage, not news.
///
/// A dropped future leaves an append whole or not at all.
#[derive(Debug, Clone)]
pub struct GitJournal {
    git_dir: PathBuf,
    names: Names,
    shared: Option<Shared>,
}

impl GitJournal {
    /// The journal of an environment in the repository that `path` is in. Reads and writes nothing of the journal yet.
    ///
    /// # Errors
    /// [`VersionError::Failed`] when there is no repository, or when the remote's name could be an option.
    pub fn open(
        path: impl AsRef<Path>,
        environment: &EnvironmentId,
        settings: JournalSettings,
    ) -> Result<Self, VersionError> {
        let repository = GitRepository::open(path)?;
        let git_dir = repository.git_dir().to_owned();
        let shared = match settings.remote {
            None => None,
            Some(remote) if !is_remote(&remote) => return Err(refused(format!("{remote:?} cannot be a git remote"))),
            Some(remote) => {
                let opened = Repository::open(&git_dir).ok();
                let git = Git {
                    git_dir: git_dir.clone(),
                    root: repository.root().to_owned(),
                    ssh_command: opened.as_ref().and_then(git::ssh_command),
                    authorization: settings.token.as_ref().map(git::basic_authorization),
                };
                Some(Shared { git, remote, deadline: settings.deadline })
            }
        };
        Ok(Self { git_dir, names: Names::of(environment), shared })
    }

    /// Moves the ref of the journal's end to a commit that follows it: here, or at the remote first.
    async fn publish(&self, commit: Oid, tip: &Tip) -> Result<(), JournalError> {
        let (names, at, reference) = (self.names.clone(), tip.at, tip.reference.clone());
        let Some(shared) = &self.shared else {
            return self.blocking("append to", move |r| store::set(r, &names, &reference, commit, at)).await;
        };
        let ended = shared.push(commit, &tip.reference).await;
        if ended == Pushed::Arrived {
            let before = tip.at.map(|at| (reference.clone(), at)).into_iter().collect();
            return self.blocking("append to", move |r| store::adopt(r, &names, &before, &reference, commit)).await;
        }
        if let Pushed::KeptOut(why) = ended {
            return Err(self.unreachable("append to", why));
        }
        // Whatever was said, or was not: what the remote holds now is the answer.
        self.refresh().await?;
        let before = tip.clone();
        let now = self
            .blocking("read", move |repository| {
                let tip = store::tip(repository, &names)?;
                Ok((store::holds(repository, &tip, commit)?, tip))
            })
            .await?;
        match (now, ended) {
            ((true, _), _) => Ok(()),
            ((false, tip), _) if tip.commit != before.commit => Err(JournalError::Conflict { actual: tip.head }),
            (_, Pushed::Refused(why) | Pushed::KeptOut(why) | Pushed::Unknown(why)) => {
                Err(self.unreachable("append to", why))
            }
            (_, Pushed::Arrived) => Err(self.unreachable("append to", "the remote took it and does not show it")),
        }
    }

    /// Learns what the remote holds; nothing to do at home in the repository alone.
    async fn refresh(&self) -> Result<(), JournalError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let names = self.names.clone();
        // Before the remote is asked: what is appended from here meanwhile is newer than its answer.
        let (known, before) = self
            .blocking("read", move |repository| {
                Ok((store::tip(repository, &names)?, store::known(repository, &names)?))
            })
            .await?;
        let there = shared.volumes(&self.names).await.map_err(|error| self.unreachable("read", error))?;
        let Some(newest) = there.last().cloned() else {
            if known.at.is_none() {
                return Ok(());
            }
            let source = ChainError::Broken { seq: known.head.seq };
            tracing::warn!(remote = shared.name(), "the remote has no journal any more");
            return Err(JournalError::Damaged { place: self.place(), source });
        };
        // The end of the volume that is known here too: it tells that the next one follows from it.
        let news: Vec<Volume> = there
            .into_iter()
            .filter(|volume| volume.number == newest.number || (known.at.is_some() && volume.number >= known.volume))
            .filter(|volume| known.at != Some(volume.at))
            .collect();
        self.take(shared, news, before).await
    }

    /// Fetches volumes, and takes them as what is known.
    async fn take(&self, shared: &Shared, volumes: Vec<Volume>, before: Known) -> Result<(), JournalError> {
        if volumes.is_empty() {
            return Ok(());
        }
        shared.fetch(&volumes).await.map_err(|error| self.unreachable("read", error))?;
        let names = self.names.clone();
        self.blocking("read", move |repository| {
            let adopt = |volume: &Volume| store::adopt(repository, &names, &before, &volume.reference, volume.at);
            volumes.iter().try_for_each(adopt)
        })
        .await
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Repository) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let git_dir = self.git_dir.clone();
        let done = tokio::task::spawn_blocking(move || work(&Repository::open(&git_dir)?)).await;
        match done {
            Ok(result) => result.map_err(|error| self.failed(doing, error)),
            Err(error) => Err(self.unreachable(doing, error)),
        }
    }

    fn failed(&self, doing: &'static str, error: StoreError) -> JournalError {
        match error {
            StoreError::Chain(source) => JournalError::Damaged { place: self.place(), source },
            StoreError::Conflict(actual) => JournalError::Conflict { actual },
            other => self.unreachable(doing, other),
        }
    }

    fn unreachable(
        &self,
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> JournalError {
        JournalError::Unreachable { doing, place: self.place(), source: source.into() }
    }

    async fn read(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        let (git_dir, names) = (self.git_dir.clone(), self.names.clone());
        let read = move || store::replay(&Repository::open(&git_dir)?, &names, after);
        let done = tokio::task::spawn_blocking(read).await.map_err(|error| self.unreachable("read", error))?;
        match (done, &self.shared) {
            // Older volumes are fetched when somebody wants to read them.
            (Err(StoreError::Git(error)), Some(shared)) if error.code() == ErrorCode::NotFound => {
                let names = self.names.clone();
                let before = self.blocking("read", move |repository| store::known(repository, &names)).await?;
                let all = shared.volumes(&self.names).await.map_err(|error| self.unreachable("read", error))?;
                self.take(shared, all, before).await?;
                let names = self.names.clone();
                self.blocking("read", move |repository| store::replay(repository, &names, after)).await
            }
            (done, _) => done.map_err(|error| self.failed("read", error)),
        }
    }
}

#[async_trait]
impl Journal for GitJournal {
    async fn snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        self.refresh().await?;
        let names = self.names.clone();
        self.blocking("read", move |repository| Ok(store::snapshot(repository, &names)?.0)).await
    }

    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        self.refresh().await?;
        self.read(after).await
    }

    async fn append(&self, batch: &Encoded, expected: Head, state: &EnvironmentState) -> Result<(), JournalError> {
        let (names, batch) = (self.names.clone(), batch.clone());
        let state = Snapshot::text(batch.head, state);
        if self.shared.is_none() {
            let append = move |repository: &Repository| store::append(repository, &names, &batch, expected, &state);
            return self.blocking("append to", append).await;
        }
        let (commit, tip) = self
            .blocking("append to", move |repository| {
                let tip = store::tip(repository, &names)?;
                if tip.head != expected {
                    return Err(StoreError::Conflict(tip.head));
                }
                Ok((store::write(repository, &tip, &batch, &state)?, tip))
            })
            .await?;
        self.publish(commit, &tip).await
    }

    async fn start_volume(&self) -> Result<Option<String>, JournalError> {
        self.refresh().await?;
        let names = self.names.clone();
        let (end, tip) = self
            .blocking("append to", move |repository| {
                let tip = store::tip(repository, &names)?;
                Ok((store::end_of_volume(repository, &tip)?, tip))
            })
            .await?;
        self.publish(end, &tip).await?;
        // The beginning follows from the end; whoever is first to need it may make it too.
        let (names, next) = (self.names.clone(), tip.volume + 1);
        let (first, tip) = self
            .blocking("append to", move |repository| {
                let tip = store::tip(repository, &names)?;
                Ok((store::first_of_volume(repository, end, next)?, tip))
            })
            .await?;
        match self.publish(first, &tip).await {
            // Somebody has appended to it already.
            Err(JournalError::Conflict { .. }) => {}
            other => other?,
        }
        Ok(Some(self.names.volume(next)))
    }

    fn pause_between_looks(&self) -> Duration {
        if self.shared.is_some() { REMOTE_PAUSE } else { Duration::from_secs(1) }
    }

    fn place(&self) -> String {
        let reference = self.names.volume(1);
        match &self.shared {
            Some(shared) => format!("{reference} of {}", shared.name()),
            None => format!("{reference} in {}", self.git_dir.display()),
        }
    }
}
