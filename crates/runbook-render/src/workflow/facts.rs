//! What a workflow depends on: facts of the configuration, and what cannot stand in a workflow.

use std::collections::BTreeSet;

use runbook_core::{EnvironmentId, ServiceId, StepId};

/// How many jobs a matrix may have. Source: <https://docs.github.com/actions/reference/limits>.
const MOST_SHARDS: u32 = 256;

/// How the jobs are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowLayout {
    /// One job for each stage, which continue one run through the journal.
    Jobs,
    /// One job for the whole run.
    Single,
}

impl WorkflowLayout {
    /// As `--layout` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Single => "single",
        }
    }
}

/// How a job comes by `runbook`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkflowInstall {
    /// It is built from the checkout, by `cargo xtask run`.
    Checkout,
    /// This released version is installed by cargo, which verifies the checksum, and cached.
    Release(String),
    /// It is on the runner's `PATH` already.
    Preinstalled,
}

/// How long each job may take, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowMinutes {
    /// The safety gate.
    pub gate: u32,
    /// Build and test.
    pub ci: u32,
    /// The deployment, with the baseline before it.
    pub deploy: u32,
    /// One look at a part of the services.
    pub probes: u32,
    /// One watch.
    pub monitor: u32,
    /// The way back, with the watch after it.
    pub rollback: u32,
    /// The report.
    pub report: u32,
    /// An emergency stop.
    pub stop: u32,
    /// A whole run.
    pub single: u32,
}

/// What is used of the forge, by which each job gets its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowUses {
    /// There is a status issue.
    pub status_issue: bool,
    /// The journal is at the remote.
    pub remote_journal: bool,
    /// The gate waits for checks of the commit.
    pub checks: bool,
    /// Deployments are told.
    pub deployments: bool,
    /// A rollback's branch is pushed with the credentials of git.
    pub pushes_branch: bool,
    /// A pull request is opened for it.
    pub pull_request: bool,
}

/// What the workflow of a project depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowFacts {
    /// How its jobs are laid out.
    pub layout: WorkflowLayout,
    /// The file's name, in `.github/workflows/`.
    pub file: String,
    /// The configuration, seen from the repository's root; `None`: `runbook.toml` there.
    pub config: Option<String>,
    /// The project's name: the minute of the schedule is made of it where there is no repository.
    pub project: String,
    /// `owner/name`; elsewhere no job runs. Without one, no job runs in a fork.
    pub repository: Option<String>,
    /// The default branch.
    pub branch: String,
    /// Each environment, in the order of the file; at least one.
    pub environments: Vec<EnvironmentId>,
    /// The environment that is meant when nobody names one.
    pub default_environment: Option<EnvironmentId>,
    /// Each service.
    pub services: Vec<ServiceId>,
    /// Each custom stage, with the step that it follows, in the order of the file.
    pub stages: Vec<(StepId, StepId)>,
    /// The names of the workflows whose end is an event.
    pub after: Vec<String>,
    /// The labels of the runner.
    pub runs_on: Vec<String>,
    /// How `runbook` comes to the runner.
    pub install: WorkflowInstall,
    /// The variables that jobs get from the repository's variables.
    pub variables: BTreeSet<String>,
    /// The variables that jobs get from the repository's secrets. `GITHUB_TOKEN` is the job's own token.
    pub secrets: BTreeSet<String>,
    /// What is used of the forge.
    pub uses: WorkflowUses,
    /// Over how many jobs the probes are spread where a run only looks; with fewer than 2 the watch takes them itself.
    pub shards: u32,
    /// The labels of each runner that alone reaches some services.
    pub probes_on: Vec<Vec<String>>,
    /// How long each job may take.
    pub minutes: WorkflowMinutes,
    /// Whether GitHub queues the runs of an environment.
    pub queue: bool,
}

/// A fact that cannot stand in a workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct WorkflowError {
    /// The key of `runbook.toml` that says it.
    pub key: &'static str,
    /// What it says.
    pub value: String,
    /// What was expected.
    pub expected: &'static str,
}

impl WorkflowFacts {
    /// Whether every fact can stand in a workflow. Some stand in expressions, where nothing could quote them.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), WorkflowError> {
        let wrong = |key, value: &str, expected| Err(WorkflowError { key, value: value.to_owned(), expected });
        if !self.file.strip_suffix(".yml").or_else(|| self.file.strip_suffix(".yaml")).is_some_and(is_word) {
            return wrong(
                "status_issue.workflow",
                &self.file,
                "the name of a workflow file (letters, digits and -_., then .yml)",
            );
        }
        if let Some(name) = self.repository.as_deref()
            && !name.split_once('/').is_some_and(|(owner, name)| is_word(owner) && is_word(name))
        {
            return wrong("project.repository", name, "the name of a repository (owner/name)");
        }
        if !self.branch.split('/').all(is_word) {
            return wrong("workflow.branch", &self.branch, "the name of a branch (words of letters, digits and -_.)");
        }
        if let Some(file) = self.config.as_deref()
            && !file.split('/').all(is_word)
        {
            return wrong("--config", file, "a path of words (letters, digits and -_.)");
        }
        if self.runs_on.is_empty() {
            return wrong("workflow.runs_on", "", "the label of a runner");
        }
        if let Some(label) = self.runs_on.iter().find(|label| !is_word(label)) {
            return wrong("workflow.runs_on", label, "the label of a runner (letters, digits and -_.)");
        }
        if let Some(label) = self.probes_on.iter().flatten().find(|label| !is_word(label)) {
            return wrong("service.runs_on", label, "the label of a runner (letters, digits and -_.)");
        }
        if self.shards > MOST_SHARDS {
            let shards = self.shards.to_string();
            return wrong("workflow.shard_size", &shards, "a number of jobs that a matrix may have (at most 256)");
        }
        if let Some(name) =
            self.after.iter().find(|name| name.trim().is_empty() || name.as_str() == super::picture::NAME)
        {
            return wrong("workflow.after", name, "the name of another workflow");
        }
        let is_variable = |name: &&String| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if let Some(name) = self.variables.iter().chain(&self.secrets).find(|name| !is_variable(name)) {
            return wrong("_env, pass_env", name, "the name of a variable (letters, digits and _)");
        }
        Ok(())
    }

    /// The minute of the schedule: the same for the same project, and none at which everybody's schedules begin.
    pub fn minute(&self) -> u64 {
        // FNV-1a, which stays what it is: a minute that changed with a version would look like drift.
        let name = self.repository.as_deref().unwrap_or(&self.project);
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        // 56 minutes: four groups of 14, each after a quarter.
        let at = hash % 56;
        at / 14 * 15 + at % 14 + 1
    }
}

/// Letters, digits and `-_.`, beginning with none of the latter two: safe in a line of YAML, and between quotes of an
/// expression.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}
