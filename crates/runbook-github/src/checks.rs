//! What GitHub knows of a commit: check runs and commit statuses.
//! Sources: <https://docs.github.com/rest/checks/runs>, <https://docs.github.com/rest/commits/statuses>.
//!
//! | GitHub says | it counts as |
//! | --- | --- |
//! | `success`, `neutral` | passed: it ran to its end and found nothing against the commit |
//! | `failure`, `timed_out`, `cancelled`, `action_required`, `startup_failure`, `stale`, `error` | failed |
//! | `queued`, `in_progress`, `waiting`, `requested`, `pending` | pending |
//! | `skipped`, and every word that is not known here | unknown: nothing was checked |
//!
//! A job that is skipped because the one before it failed is the reason why `skipped` is no pass here, though GitHub's
//! branch protection takes it for one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use runbook_core::{
    CommitId,
    ports::{Check, CheckState, Checks, ChecksError},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    api::Failure,
    forge::{GitHubForge, PAGE, line},
};

/// So many pages are read at most, of each kind; what is longer cannot be told whole.
const PAGES: usize = 10;
/// So much is shown of GitHub's word.
const MAX_WORD: usize = 40;

#[derive(Debug, Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Debug, Deserialize)]
struct Run {
    id: u64,
    name: String,
    status: String,
    conclusion: Option<String>,
    app: Option<App>,
}

#[derive(Debug, Deserialize)]
struct App {
    id: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Statuses {
    statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
struct Status {
    id: u64,
    context: String,
    state: String,
}

/// What ends a look early.
enum Problem {
    Failed(Failure),
    TooLong(&'static str),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

#[async_trait]
impl Checks for GitHubForge {
    async fn of(&self, commit: &CommitId) -> Result<Vec<Check>, ChecksError> {
        let until = self.until();
        let runs = self.runs(commit, until).await.map_err(|problem| self.unread(problem, "checks: read"))?;
        let statuses = self.statuses(commit, until).await.map_err(|problem| self.unread(problem, "statuses: read"))?;
        Ok(runs.into_iter().chain(statuses).collect())
    }
}

impl GitHubForge {
    /// Of the runs of one app with the same name the newest counts: a rerun has a higher id than what it repeats.
    async fn runs(&self, commit: &CommitId, until: Instant) -> Result<Vec<Check>, Problem> {
        let path = format!("/commits/{commit}/check-runs?filter=all&");
        let runs = self.all(&path, "check runs", until, |page: Runs| page.check_runs).await?;
        let mut newest: BTreeMap<(String, Option<u64>), Run> = BTreeMap::new();
        for run in runs {
            let source = (run.name.clone(), run.app.as_ref().and_then(|app| app.id));
            if newest.get(&source).is_none_or(|known| known.id < run.id) {
                newest.insert(source, run);
            }
        }
        Ok(newest.into_values().map(Check::from).collect())
    }

    /// The combined status lists the newest of each context.
    async fn statuses(&self, commit: &CommitId, until: Instant) -> Result<Vec<Check>, Problem> {
        let path = format!("/commits/{commit}/status?");
        let statuses = self.all(&path, "commit statuses", until, |page: Statuses| page.statuses).await?;
        let mut newest: BTreeMap<String, Status> = BTreeMap::new();
        for status in statuses {
            if newest.get(&status.context).is_none_or(|known| known.id < status.id) {
                newest.insert(status.context.clone(), status);
            }
        }
        Ok(newest.into_values().map(Check::from).collect())
    }

    /// All pages of a list that stands inside an object, from a path whose query is begun. A list that is too long is no shorter one.
    async fn all<P: DeserializeOwned, T>(
        &self,
        path: &str,
        what: &'static str,
        until: Instant,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, Problem> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let path = self.path(&format!("{path}per_page={PAGE}&page={page}"));
            let (found, more) = self.connection.api.page_in::<P>(&path, until).await?;
            let found = items(found);
            let full = found.len() >= PAGE;
            all.extend(found);
            if !full && !more {
                return Ok(all);
            }
        }
        Err(Problem::TooLong(what))
    }

    fn unread(&self, problem: Problem, permission: &str) -> ChecksError {
        match problem {
            Problem::Failed(failure) => ChecksError {
                message: self.words("read the checks of a commit", &failure, permission),
                retryable: failure.is_passing(),
                source: failure.into_cause(),
            },
            Problem::TooLong(what) => ChecksError {
                message: format!("the commit has more than {} {what}, so they cannot be told whole", PAGES * PAGE),
                retryable: false,
                source: None,
            },
        }
    }
}

impl From<Run> for Check {
    fn from(run: Run) -> Self {
        let (state, said) = match (run.status.as_str(), run.conclusion) {
            ("completed", Some(conclusion)) => (concluded(&conclusion), conclusion),
            ("completed", None) => (CheckState::Unknown, "completed without a conclusion".to_owned()),
            ("queued" | "in_progress" | "waiting" | "requested" | "pending", _) => (CheckState::Pending, run.status),
            _ => (CheckState::Unknown, run.status),
        };
        Self { name: run.name, state, said: line(&said, MAX_WORD) }
    }
}

fn concluded(conclusion: &str) -> CheckState {
    match conclusion {
        "success" | "neutral" => CheckState::Passed,
        "failure" | "timed_out" | "cancelled" | "action_required" | "startup_failure" | "stale" => CheckState::Failed,
        _ => CheckState::Unknown,
    }
}

impl From<Status> for Check {
    fn from(status: Status) -> Self {
        let state = match status.state.as_str() {
            "success" => CheckState::Passed,
            "failure" | "error" => CheckState::Failed,
            "pending" => CheckState::Pending,
            _ => CheckState::Unknown,
        };
        Self { name: status.context, state, said: line(&status.state, MAX_WORD) }
    }
}
