//! A forge in memory: checks that a test sets, and deployments and pull requests that are remembered.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use runbook_core::{
    CommitId, EffectKey, LeftBehind,
    engine::Permit,
    ports::{
        Check, CheckState, Checks, ChecksError, DeploymentError, DeploymentRecord, Deployments, ProposedRollback,
        PullRequestError, PullRequests, RecordedDeployment, RollbackProposal,
    },
};

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one look at checks sees: them, or an error and whether it passes.
type Seen = Result<Vec<Check>, (String, bool)>;

/// Checks of any commit, as a test sets them.
#[derive(Debug, Default)]
pub struct MemoryChecks {
    seen: Mutex<VecDeque<Seen>>,
    asked: Mutex<Vec<CommitId>>,
}

impl MemoryChecks {
    /// No commit has any check.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a further look sees; the last one stays.
    pub fn then<N: Into<String>>(&self, checks: impl IntoIterator<Item = (N, CheckState)>) -> &Self {
        let check = |(name, state): (N, CheckState)| Check { name: name.into(), state, said: state.to_string() };
        lock(&self.seen).push_back(Ok(checks.into_iter().map(check).collect()));
        self
    }

    /// A further look fails; `retryable` says whether the same call may work later.
    pub fn then_fail(&self, retryable: bool) -> &Self {
        lock(&self.seen).push_back(Err(("as the test ordered".to_owned(), retryable)));
        self
    }

    /// The commits that were asked for, one for each look.
    pub fn asked(&self) -> Vec<CommitId> {
        lock(&self.asked).clone()
    }
}

#[async_trait]
impl Checks for MemoryChecks {
    async fn of(&self, commit: &CommitId) -> Result<Vec<Check>, ChecksError> {
        lock(&self.asked).push(commit.clone());
        let mut seen = lock(&self.seen);
        let now = if seen.len() > 1 { seen.pop_front() } else { seen.front().cloned() };
        now.unwrap_or_else(|| Ok(Vec::new())).map_err(|(message, retryable)| ChecksError {
            message,
            retryable,
            source: None,
        })
    }
}

/// A forge that keeps each record of a deployment that it was told.
#[derive(Debug, Default)]
pub struct RecordingDeployments {
    told: Mutex<Vec<(EffectKey, DeploymentRecord)>>,
    fault: Mutex<Option<LeftBehind>>,
}

impl RecordingDeployments {
    /// One that was told nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// `Some`: every record fails from now on, leaving this behind; `None`: works again. Only `NoChange` keeps it from
    /// arriving.
    pub fn fail(&self, left: Option<LeftBehind>) {
        *lock(&self.fault) = left;
    }

    /// The records that arrived, each with the key of its effect.
    pub fn told(&self) -> Vec<(EffectKey, DeploymentRecord)> {
        lock(&self.told).clone()
    }
}

#[async_trait]
impl Deployments for RecordingDeployments {
    async fn record(&self, permit: &Permit, record: &DeploymentRecord) -> Result<RecordedDeployment, DeploymentError> {
        let fault = *lock(&self.fault);
        let mut told = lock(&self.told);
        let is_same = |other: &DeploymentRecord| {
            (other.run, other.task, &other.commit) == (record.run, record.task, &record.commit)
        };
        let at = told.iter().position(|(_, other)| is_same(other));
        let id = at.unwrap_or(told.len()) as u64 + 1;
        if fault != Some(LeftBehind::NoChange) {
            told.push((permit.key().clone(), record.clone()));
        }
        match fault {
            Some(left) => Err(DeploymentError { message: "as the test ordered".to_owned(), left, source: None }),
            None => Ok(RecordedDeployment { id, created: at.is_none() }),
        }
    }
}

/// A forge that keeps each pull request that it was asked for, one for a branch.
#[derive(Debug, Default)]
pub struct RecordingPullRequests {
    open: Mutex<Vec<(EffectKey, RollbackProposal)>>,
    fault: Mutex<Option<LeftBehind>>,
}

impl RecordingPullRequests {
    /// One without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// `Some`: none can be opened from now on, leaving this behind; `None`: works again. Only `NoChange` keeps it from
    /// being opened.
    pub fn fail(&self, left: Option<LeftBehind>) {
        *lock(&self.fault) = left;
    }

    /// The pull requests, each with the key of the effect that opened it.
    pub fn open(&self) -> Vec<(EffectKey, RollbackProposal)> {
        lock(&self.open).clone()
    }
}

#[async_trait]
impl PullRequests for RecordingPullRequests {
    async fn propose(
        &self,
        permit: &Permit,
        proposal: &RollbackProposal,
    ) -> Result<ProposedRollback, PullRequestError> {
        let fault = *lock(&self.fault);
        let mut open = lock(&self.open);
        let at = open.iter().position(|(_, other)| other.branch == proposal.branch);
        if at.is_none() && fault != Some(LeftBehind::NoChange) {
            open.push((permit.key().clone(), proposal.clone()));
        }
        if let Some(left) = fault {
            return Err(PullRequestError { message: "as the test ordered".to_owned(), left, source: None });
        }
        let number = at.unwrap_or(open.len() - 1) as u64 + 1;
        let url = format!("https://forge.invalid/octo-org/octo-repo/pull/{number}");
        Ok(ProposedRollback { number, url, created: at.is_none() })
    }
}
