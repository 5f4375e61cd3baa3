//! What can happen.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    plan::Plan,
    words::{
        Actor, Baseline, DeploymentState, DeploymentTask, EffectKey, GateRule, Judgement, LeftBehind, Live,
        OperationalStatus, Owner, Release, Request, RunId, ServiceId, StepId, StepResult, Verdict,
    },
};

/// A change to the outside world, as it is intended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Make a release live.
    Deploy {
        /// Of which service.
        service: ServiceId,
        /// Which release.
        release: Release,
    },
    /// Make a release live again that was live before.
    Activate {
        /// Of which service.
        service: ServiceId,
        /// Which release.
        release: Release,
    },
    /// Stop a service.
    Stop {
        /// Which one.
        service: ServiceId,
    },
    /// Record a rollback in the repository, as a commit on a branch of its own.
    RollbackBranch {
        /// The branch to make.
        branch: String,
        /// The release whose tree it gets.
        to: Release,
    },
    /// Create or update the status issue.
    PublishStatus,
    /// Tell a chat.
    Notify {
        /// Which one, by its kind.
        to: String,
    },
    /// Tell the forge of a deployment: that it is in progress, or how it ended.
    RecordDeployment {
        /// Of which release.
        release: Release,
        /// What it is for.
        task: DeploymentTask,
        /// What it is said to be.
        state: DeploymentState,
    },
    /// Open a pull request for the branch that records a rollback.
    OpenPullRequest {
        /// The branch.
        branch: String,
    },
    /// A custom stage's own effect.
    Custom {
        /// The operation's name, as it stands in the effect's key.
        name: String,
        /// The service that it concerns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<ServiceId>,
        /// What `settle` needs to find out whether it happened.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        detail: Value,
    },
}

impl Operation {
    /// The operation's word in an effect key.
    pub fn word(&self) -> &str {
        match self {
            Self::Deploy { .. } => "deploy",
            Self::Activate { .. } => "activate",
            Self::Stop { .. } => "stop",
            Self::RollbackBranch { .. } => "branch",
            Self::PublishStatus => "publish-status",
            Self::Notify { to } => to,
            Self::RecordDeployment { .. } => "deployment",
            Self::OpenPullRequest { .. } => "pull-request",
            Self::Custom { name, .. } => name,
        }
    }

    /// The service that it concerns.
    pub fn service(&self) -> Option<&ServiceId> {
        match self {
            Self::Deploy { service, .. } | Self::Activate { service, .. } | Self::Stop { service } => Some(service),
            Self::Custom { service, .. } => service.as_ref(),
            Self::RollbackBranch { .. }
            | Self::PublishStatus
            | Self::Notify { .. }
            | Self::RecordDeployment { .. }
            | Self::OpenPullRequest { .. } => None,
        }
    }

    /// Whether it only tells people of what happens: no service, and nothing that a service is made of, depends on it.
    pub fn tells(&self) -> bool {
        match self {
            Self::PublishStatus
            | Self::Notify { .. }
            | Self::RecordDeployment { .. }
            | Self::OpenPullRequest { .. } => true,
            Self::Deploy { .. }
            | Self::Activate { .. }
            | Self::Stop { .. }
            | Self::RollbackBranch { .. }
            | Self::Custom { .. } => false,
        }
    }

    /// Whether it changes more than what people are told, and than branches that nothing live depends on.
    pub fn changes_something(&self) -> bool {
        self.makes_live().is_some() || matches!(self, Self::Custom { .. })
    }

    /// What is live of the service once the operation is done.
    pub fn makes_live(&self) -> Option<(&ServiceId, Live)> {
        match self {
            Self::Deploy { service, release } | Self::Activate { service, release } => {
                Some((service, Live::Release(release.clone())))
            }
            Self::Stop { service } => Some((service, Live::Stopped)),
            Self::RollbackBranch { .. }
            | Self::PublishStatus
            | Self::Notify { .. }
            | Self::RecordDeployment { .. }
            | Self::OpenPullRequest { .. }
            | Self::Custom { .. } => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy { service, release } => write!(f, "deploy of {service} {release}"),
            Self::Activate { service, release } => write!(f, "return of {service} to {release}"),
            Self::Stop { service } => write!(f, "stop of {service}"),
            Self::RollbackBranch { branch, .. } => write!(f, "branch {branch}"),
            Self::PublishStatus => f.write_str("status issue"),
            Self::Notify { to } => write!(f, "message to {to}"),
            Self::RecordDeployment { release, task, state } => write!(f, "{task} of {release} told as {state}"),
            Self::OpenPullRequest { branch } => write!(f, "pull request of {branch}"),
            Self::Custom { name, service: Some(service), .. } => write!(f, "{name} of {service}"),
            Self::Custom { name, service: None, .. } => f.write_str(name),
        }
    }
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "result", content = "message")]
pub enum EffectResult {
    /// It happened.
    Done,
    /// It failed, and it is known that nothing was changed.
    NotDone(String),
    /// It failed halfway: something else than before and than intended is left.
    Partly(String),
    /// Nobody knows whether it happened.
    Unknown(String),
}

impl LeftBehind {
    /// The end of an effect that failed and left this.
    pub fn into_result(self, message: String) -> EffectResult {
        match self {
            Self::NoChange => EffectResult::NotDone(message),
            Self::Changed => EffectResult::Partly(message),
            Self::Unknown => EffectResult::Unknown(message),
        }
    }
}

/// What recovery found out about an effect without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Landed {
    /// The outside world shows that it happened.
    Happened,
    /// The outside world shows that it did not.
    DidNotHappen,
    /// The outside world cannot say.
    Unknown,
}

/// From where to where one service returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct RollbackTarget {
    /// What was live.
    pub from: Live,
    /// What is to be live again.
    pub to: Release,
}

/// A decided rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct RollbackDecision {
    /// Whether the engine decided it, and not a request. Only these count against the budget.
    pub automatic: bool,
    /// Each service's way.
    pub services: BTreeMap<ServiceId, RollbackTarget>,
    /// Why.
    pub reason: String,
}

impl RollbackDecision {
    /// What each service leaves, and what it returns to.
    pub fn ways(&self) -> impl Iterator<Item = (&Live, &Release)> {
        self.services.values().map(|target| (&target.from, &target.to))
    }
}

/// A command that CI ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct CommandRun {
    /// The arguments, redacted.
    pub argv: Vec<String>,
    /// Its exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The last lines of what it printed, redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
}

/// The signal that asked a run to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// The first event of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct RunStarted {
    /// What was asked.
    pub request: Request,
    /// What will happen.
    pub plan: Plan,
    /// Who executes it.
    pub owner: Owner,
}

/// Declares the event kinds once: the enum, its names on the wire, and the way back.
macro_rules! event_kinds {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal { $( $(#[$fdoc:meta])* $field:ident : $type:ty ),* $(,)? } )*) => {
        /// What happened. `data` of the stored event; its `kind` is the name in snake case.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
        #[serde(tag = "kind", content = "data", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum EventKind {
            /// The first event of a run: request, plan and owner.
            RunStarted(Box<RunStarted>),
            /// A rollback was decided; its releases of origin are quarantined from here on.
            RollbackDecided(RollbackDecision),
            $( $(#[$doc])* $variant { $( $(#[$fdoc])* $field : $type ),* }, )*
            /// A kind that this version does not know. It is kept as it is; whoever meets one may read but not mutate.
            #[serde(skip)]
            Unknown {
                /// Its name.
                kind: String,
                /// Its data.
                data: Value,
            },
        }

        impl EventKind {
            /// Every name that this version knows.
            pub const NAMES: &'static [&'static str] = &["run_started", "rollback_decided", $($name),*];

            /// The event's name on the wire.
            pub fn name(&self) -> &str {
                match self {
                    Self::RunStarted(_) => "run_started",
                    Self::RollbackDecided(_) => "rollback_decided",
                    $( Self::$variant { .. } => $name, )*
                    Self::Unknown { kind, .. } => kind,
                }
            }
        }
    };
}

event_kinds! {
    /// A process took up the run, with a new epoch: another job of it, or a recovery.
    RunContinued = "run_continued" {
        /// Who executes it now.
        owner: Owner,
    }
    /// The run holds the environment's lock.
    LockAcquired = "lock_acquired" {
        /// Who executes the run.
        owner: Owner,
        /// Who asked.
        actor: Actor,
        /// Why.
        reason: String,
        /// Whether it outlives the run: a person's lock.
        sticky: bool,
    }
    /// The process that executed the run left it for another one to go on with; what it holds, it keeps.
    RunLeft = "run_left" {}
    /// The run gave the lock back.
    LockReleased = "lock_released" {}
    /// A person took the lock away: one of a person's, or one whose run nobody can ask.
    LockLifted = "lock_lifted" {
        /// Which person.
        actor: Actor,
        /// Why.
        reason: String,
    }
    /// Nothing mutating starts from here on.
    StopLatched = "stop_latched" {
        /// Who stopped.
        actor: Actor,
        /// Why.
        reason: String,
    }
    /// The latch is lifted.
    StopLifted = "stop_lifted" {
        /// Which person.
        actor: Actor,
        /// Why.
        reason: String,
    }
    /// A deployer was asked what is live.
    ReleaseFound = "release_found" {
        /// Of which service.
        service: ServiceId,
        /// What it said.
        live: Live,
    }
    /// A step began.
    StepStarted = "step_started" {
        /// Which.
        step: StepId,
        /// The first attempt is 1.
        attempt: u32,
    }
    /// A gate rule was answered.
    RuleJudged = "rule_judged" {
        /// In which step.
        step: StepId,
        /// The rule.
        rule: GateRule,
    }
    /// CI ran its commands.
    CiReported = "ci_reported" {
        /// In which step.
        step: StepId,
        /// Each command, in order.
        commands: Vec<CommandRun>,
    }
    /// An effect is about to begin. Durable before it does.
    EffectIntended = "effect_intended" {
        /// Its key.
        key: EffectKey,
        /// In which step.
        step: StepId,
        /// What it is.
        operation: Operation,
    }
    /// An effect ended.
    EffectFinished = "effect_finished" {
        /// Its key.
        key: EffectKey,
        /// How.
        outcome: EffectResult,
        /// What is worth knowing of it: a branch, a process id, an issue number.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        detail: Value,
    }
    /// Recovery asked the outside world about an effect without an end.
    EffectSettled = "effect_settled" {
        /// Its key.
        key: EffectKey,
        /// What it found.
        landed: Landed,
    }
    /// The latency before a change was taken.
    BaselineTaken = "baseline_taken" {
        /// In which step.
        step: StepId,
        /// Each service's.
        services: Vec<Baseline>,
    }
    /// A watch concluded.
    WindowJudged = "window_judged" {
        /// In which step.
        step: StepId,
        /// Each service's judgement.
        services: Vec<Judgement>,
    }
    /// Somebody looked at services without a run, for whichever run asks next.
    ReadingsPublished = "readings_published" {
        /// Who measured.
        by: Owner,
        /// Each service's judgement.
        services: Vec<Judgement>,
    }
    /// Somebody asked the run to end.
    CancelRequested = "cancel_requested" {
        /// How.
        signal: Signal,
    }
    /// A step ended.
    StepFinished = "step_finished" {
        /// Which.
        step: StepId,
        /// How.
        result: StepResult,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    }
    /// The verdict stands; only the report follows.
    VerdictReached = "verdict_reached" {
        /// The verdict.
        verdict: Verdict,
        /// Why.
        reason: String,
    }
    /// The status issue shows this run.
    StatusPublished = "status_published" {
        /// The issue's number.
        issue: u64,
        /// Its page.
        url: String,
        /// What it says.
        operational_status: OperationalStatus,
        /// How many requests that took; unknown where it was not counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requests: Option<u64>,
    }
    /// A chat was told, or not.
    Notified = "notified" {
        /// Which, by its kind.
        to: String,
        /// `sent`, or why not.
        outcome: String,
        /// What it was told about.
        operational_status: OperationalStatus,
    }
    /// Another run was found over and was closed by this one.
    RunAbandoned = "run_abandoned" {
        /// Which.
        abandoned: RunId,
        /// What is known of how it ended.
        verdict: Verdict,
        /// Why.
        reason: String,
    }
    /// The last event of every run.
    RunFinished = "run_finished" {
        /// The verdict.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// The state of the system at that moment.
        operational_status: OperationalStatus,
        /// Why it is so.
        status_reasons: Vec<String>,
    }
}
