//! What is asked, by whom, from where: an [`Action`] inside a [`Request`].

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{CommitId, EnvironmentId, ServiceId};

/// What can be asked of a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Measure every service and publish what was found.
    UpdateStatus,
    /// Make a release live, watch it, and return from it when it is unhealthy.
    Deploy,
    /// Return to the last known good release, or to one that is named.
    Rollback,
    /// Deploy one service.
    UpdateComponent,
    /// Set the stop latch and stop all services.
    EmergencyStop,
    /// Lift the stop latch.
    Resume,
}

impl Action {
    /// All actions, in the order in which help lists them.
    pub const ALL: [Self; 6] =
        [Self::UpdateStatus, Self::Deploy, Self::Rollback, Self::UpdateComponent, Self::EmergencyStop, Self::Resume];

    /// The name that commands, workflow inputs and events use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpdateStatus => "update-status",
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::UpdateComponent => "update-component",
            Self::EmergencyStop => "emergency-stop",
            Self::Resume => "resume",
        }
    }

    /// Whether the action may change services. `update-status` only observes; `resume` changes only the latch.
    pub fn changes_services(self) -> bool {
        matches!(self, Self::Deploy | Self::Rollback | Self::UpdateComponent | Self::EmergencyStop)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An action that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown action {0:?}; expected one of update-status, deploy, rollback, update-component, emergency-stop, resume"
)]
pub struct ParseActionError(String);

impl FromStr for Action {
    type Err = ParseActionError;
    fn from_str(value: &str) -> Result<Self, ParseActionError> {
        Self::ALL.into_iter().find(|a| a.as_str() == value).ok_or_else(|| ParseActionError(value.to_owned()))
    }
}

/// What kind of asker stands behind a request. Only a person may lift the stop latch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// Somebody at a terminal, or the person whom GitHub names as the one who triggered the run.
    Person,
    /// An AI agent.
    Agent,
    /// A schedule, a push, a bot.
    Automation,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Actor {
    /// A login or user name; text from outside, escaped wherever it is shown.
    pub name: String,
    /// What stands behind the name.
    pub kind: ActorKind,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Where a request came from: what the header of the status issue shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Origin {
    /// `cli`, or the name of the GitHub event (`schedule`, `push`, …).
    pub trigger: String,
    /// The branch that the run stands on, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that triggered the run, or the current head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// The id of the CI run, for `gh run view`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_run: Option<String>,
    /// The page of the CI run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// What whoever asks calls this request: asked for again under the same name, it is not carried out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The one way in: every face makes a request, and nothing else starts a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Request {
    /// What is asked.
    pub action: Action,
    /// For which environment.
    pub environment: EnvironmentId,
    /// For one service only; `None` means all that the action covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ServiceId>,
    /// The version as it was written by whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether to do what the gate would otherwise keep from happening: return to a release that failed before, or over
    /// what cannot be taken back. It needs a reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Who asks.
    pub actor: Actor,
    /// Why; a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it came from.
    #[serde(default)]
    pub origin: Origin,
}

impl Request {
    /// Whether it is forced, and says why.
    pub fn is_forced(&self) -> bool {
        self.force && self.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty())
    }
}

/// The process or CI job that executes a run. `Liveness` answers whether it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A process of a machine. All four together name it for good: pids are reused, boots are not.
    Process {
        /// The host name.
        host: String,
        /// The kernel's random id of this boot.
        boot_id: String,
        /// The process id.
        pid: u32,
        /// When the process started, in clock ticks since boot.
        start_time: u64,
    },
    /// A job of GitHub Actions.
    Job {
        /// `owner/name`.
        repository: String,
        /// GitHub's run id.
        run_id: String,
        /// GitHub's attempt number.
        attempt: u32,
        /// The job's id in the workflow.
        job: String,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { host, pid, .. } => write!(f, "process {pid} on {host}"),
            Self::Job { repository, run_id, attempt, job } => {
                write!(f, "job {job} of run {run_id} (attempt {attempt}) in {repository}")
            }
        }
    }
}
