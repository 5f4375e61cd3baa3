//! The tables of `runbook.toml`, with their defaults.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Kinded, Period};
use crate::{
    watch::AlertConfig,
    words::{ServiceId, StepId},
};

/// `[project]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectConfig {
    /// What people call it.
    pub name: String,
    /// `owner/name` on GitHub; by default `GITHUB_REPOSITORY`.
    pub repository: Option<String>,
}

/// `[[service]]`: something that runs and can be probed.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceConfig {
    /// Its id.
    pub id: ServiceId,
    /// What people call it; by default the id.
    pub name: String,
    /// Where it is reached.
    pub url: Option<String>,
    /// Variables that the URL would have come from, had they been set.
    pub url_defaulted: Vec<String>,
    /// Whether the whole system is down without it; a service is only not critical when its owner says so.
    pub critical: bool,
    /// The paths of the repository that belong to it, for the rollback of it alone.
    pub paths: Vec<String>,
    /// The services that it cannot work without.
    pub depends_on: Vec<ServiceId>,
    /// Thresholds of its own.
    pub alerts: Vec<AlertConfig>,
    /// Its probes; none means one look at its URL.
    pub probes: Vec<Kinded>,
    /// How it is deployed; `None`: as `[deploy]` says.
    pub deploy: Option<Kinded>,
    /// The labels of the runner from which alone it is reached; empty: it is measured where the run is.
    pub runs_on: Vec<String>,
}

/// The plain keys of `[[service]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceTable {
    pub(super) id: ServiceId,
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    #[serde(default = "yes")]
    pub(super) critical: bool,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// The services that it cannot work without: when one of them is in a bad state, that one is the cause.
    #[serde(default)]
    pub(super) depends_on: Vec<ServiceId>,
    /// Thresholds over many samples.
    #[serde(default)]
    pub(super) alert: Vec<AlertConfig>,
    /// The labels of the runner from which alone it is reached: a run takes what `runbook check --publish` found there.
    #[serde(default)]
    pub(super) runs_on: Vec<String>,
}

fn yes() -> bool {
    true
}

/// `[deploy]`: how services are deployed that do not say it themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeployConfig {
    /// Whether a push to the default branch deploys.
    pub on_push: bool,
    /// The deployer of every service without one of its own.
    pub deployer: Option<Kinded>,
    /// How the forge is told of deployments.
    pub records: RecordConfig,
}

/// How the forge is told of deployments: the keys `record` and `environment_url` of `[deploy]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordConfig {
    /// Whether it is; `None`: by a job of CI, where there is a forge.
    pub enabled: Option<bool>,
    /// Where people reach the environment.
    pub environment_url: Option<String>,
}

/// `[rollback]`: how an unhealthy release is left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackConfig {
    /// Whether an unhealthy deploy is rolled back without asking.
    pub automatic: bool,
    /// How many automatic rollbacks an environment may have in 24 hours.
    pub budget: u32,
    /// Whether a rollback is recorded in the repository, as a commit on a branch of its own.
    pub branch: bool,
    /// Path globs that a rollback commit leaves as they are; a trailing `/` means the whole folder.
    pub keep: Vec<String>,
    /// The remote that the branch is pushed to; by default none.
    pub push: Option<String>,
    /// Whether a pull request is opened for a branch that was pushed, with the list of what it takes back.
    pub pull_request: bool,
    /// Path globs of what cannot be taken back once it was live, such as `migrations/`; so is a commit with the trailer
    /// `Irreversible: …`.
    pub irreversible: Vec<String>,
}

impl Default for RollbackConfig {
    fn default() -> Self {
        Self {
            automatic: true,
            budget: 2,
            branch: true,
            keep: vec![".github/workflows/".to_owned(), "runbook.toml".to_owned()],
            push: None,
            pull_request: false,
            irreversible: Vec::new(),
        }
    }
}

/// What becomes of a deploy whose way back would take back what cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Irreversible {
    /// It is blocked.
    #[default]
    Block,
    /// It goes on, and is never rolled back on its own.
    RollForward,
}

/// `[policy]`: what the safety gate insists on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Whether a worktree with uncommitted changes blocks a deploy.
    pub require_clean: bool,
    /// What becomes of a deploy whose way back crosses what cannot be taken back.
    pub irreversible: Irreversible,
    /// The apps that may command by a comment on the status issue, by the names of their accounts; none may resume.
    pub apps: Vec<String>,
    /// The checks of the forge that a commit must have passed before it is deployed, by name: check runs and commit
    /// statuses.
    pub required_checks: Vec<String>,
    /// How long the safety gate waits for required checks that have not ended yet, or are not there yet.
    pub checks_wait: Period,
    /// The longest that one stage may take, without its own limit.
    pub stage_timeout: Period,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            require_clean: true,
            irreversible: Irreversible::default(),
            apps: Vec::new(),
            required_checks: Vec::new(),
            checks_wait: Period::secs(10 * 60),
            stage_timeout: Period::secs(30 * 60),
        }
    }
}

/// Where the journal lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JournalHome {
    /// A file in the state directory of this machine.
    #[default]
    File,
    /// The repository that `runbook.toml` is in, on this machine alone.
    Local,
    /// That repository's remote: every machine that pushes there shares it.
    Remote,
}

/// `[journal]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// Where it lives.
    pub home: JournalHome,
    /// The remote's name or address, when it lives there.
    pub remote: String,
    /// The variable with a token for HTTPS, where git has no credentials of its own.
    pub token_env: Option<String>,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { home: JournalHome::default(), remote: "origin".to_owned(), token_env: None }
    }
}

/// `[status_issue]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatusIssueConfig {
    /// Whether there is one.
    pub enabled: bool,
    /// The variable that holds a token for it alone; by default as `[github]` says.
    pub token_env: Option<String>,
    /// The API's address; by default as `[github]` says.
    pub api_url: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// How long its words count: a little more than the pause between two scheduled runs.
    pub valid_for: Period,
    /// The workflow file that the suggested commands name.
    pub workflow: String,
    /// The folder with the repository's own templates, seen from that of `runbook.toml`; by default none.
    pub templates: Option<String>,
}

impl Default for StatusIssueConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            token_env: None,
            api_url: None,
            labels: ["ai-agent", "automated", "runbook"].map(str::to_owned).to_vec(),
            valid_for: Period::secs(7 * 3600),
            workflow: "ai-agent-handoff-runbook.yml".to_owned(),
            templates: None,
        }
    }
}

/// `[[stage]]`: a stage beside the built-in ones.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomStage {
    /// Its id in plans and reports.
    pub id: StepId,
    /// Its kind and settings.
    pub kind: Kinded,
    /// The step that it follows.
    pub after: StepId,
    /// The longest that it may take.
    pub timeout: Option<Period>,
}

/// The plain keys of `[[stage]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StageTable {
    pub(super) id: StepId,
    pub(super) kind: crate::words::KindId,
    pub(super) after: StepId,
    pub(super) timeout: Option<Period>,
}

/// The plain keys of `[deploy]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DeployTable {
    pub(super) on_push: bool,
    /// Whether the forge is told of deployments; by default by a job of CI, where there is a forge.
    pub(super) record: Option<bool>,
    /// Where people reach the environment: the forge links to it from its deployments.
    pub(super) environment_url: Option<String>,
}
