//! The words of a plan.

use serde::{Deserialize, Serialize};

use crate::words::{Action, Digest, EnvironmentId, KindId, Live, Release, Reverted, ServiceId, StepId};

/// The kinds of the built-in stages.
pub mod stage_kind {
    /// Checks that the environment is safe to change.
    pub const SAFETY_GATE: &str = "safety-gate";
    /// Builds and tests.
    pub const CI: &str = "ci";
    /// Takes the latency of what is about to be changed.
    pub const BASELINE: &str = "baseline";
    /// Makes the planned releases live.
    pub const DEPLOY: &str = "deploy";
    /// Watches the services; the step `verify` is of this kind too.
    pub const MONITOR: &str = "monitor";
    /// Returns to the rollback targets.
    pub const ROLLBACK: &str = "rollback";
    /// Stops every service, for an emergency stop.
    pub const STOP: &str = "stop";
    /// Publishes what happened.
    pub const REPORT: &str = "report";
}

/// Whether a stage may change the outside world. A read-only stage is refused a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// It only looks; it needs no lock and may be tried again.
    ReadOnly,
    /// It changes services; the run holds the environment's lock from the first such step on.
    Mutating,
    /// It tells people what happened (issue, chats): effects, but none that lock or latch forbid.
    Reporting,
}

/// When a step has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// In its place, as long as nothing stopped the run.
    InOrder,
    /// Only after a rollback was decided.
    OnRollback,
    /// At the end, whatever happened.
    Finally,
}

/// One step of a plan: a stage in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Step {
    /// Unique in the plan.
    pub id: StepId,
    /// Which stage runs.
    pub kind: KindId,
    /// What it may do.
    pub access: Access,
    /// When it has its turn.
    pub when: When,
    /// The longest that one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// How often a read-only step may be tried when it fails without a change; at least 1.
    pub attempts: u32,
}

/// How a monitor step watches. All durations in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Watch {
    /// How long after a change; 0 means one look (with confirmation of what is bad).
    pub window_ms: u64,
    /// The pause between two samples of one service.
    pub interval_ms: u64,
    /// How long a service may take to come up, before bad samples count.
    pub startup_ms: u64,
    /// How many bad samples confirm a fault, the first one included; at least 1.
    pub confirm: u32,
    /// Among how many in a row, the first one included; at least `confirm`.
    #[serde(default)]
    pub confirm_of: u32,
    /// The longest that confirming may take outside of a window, and past the end of one.
    #[serde(default)]
    pub budget_ms: u64,
    /// How long the baseline is taken before a change; 0 means that none is.
    #[serde(default)]
    pub baseline_ms: u64,
    /// The pause between two samples of the baseline.
    #[serde(default)]
    pub baseline_interval_ms: u64,
}

/// What a plan intends for one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct PlannedService {
    /// The service.
    pub id: ServiceId,
    /// What people call it.
    pub name: String,
    /// Whether the owner calls it critical.
    pub critical: bool,
    /// What was live when the plan was made.
    pub live: Live,
    /// What this plan makes live; `None`: the plan only looks at it, or stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Release>,
    /// Whether the target failed before.
    #[serde(default)]
    pub quarantined: bool,
    /// Where a rollback would return to: the last known good release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_back: Option<Release>,
}

/// The rules of the owner that decisions of this run rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct PlanPolicy {
    /// Whether an unhealthy deploy is rolled back without asking.
    pub automatic_rollback: bool,
    /// How many automatic rollbacks an environment may have in 24 hours.
    pub rollback_budget: u32,
    /// The gate rules that must have been answered before the run may go on.
    pub required_rules: Vec<String>,
}

/// What will happen, to what, by which rule. Made by `plan`, a pure function; executed by the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Plan {
    /// Always `runbook/plan/v1`.
    pub schema: String,
    /// What was asked.
    pub action: Action,
    /// For which environment.
    pub environment: EnvironmentId,
    /// For one service only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ServiceId>,
    /// The digest of the interpolated configuration.
    pub config_digest: Digest,
    /// Each service that the action covers.
    pub services: Vec<PlannedService>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// How the monitor steps watch.
    pub watch: Watch,
    /// The owner's rules.
    pub policy: PlanPolicy,
    /// Whether the stop latch was set when the plan was made.
    pub latched: bool,
    /// What each way back of this plan takes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverted: Vec<Reverted>,
    /// What the reader should know before saying yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Plan {
    /// The value of [`Plan::schema`].
    pub const SCHEMA: &'static str = "runbook/plan/v1";

    /// The step of this id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The planned service of this id.
    pub fn service(&self, id: &ServiceId) -> Option<&PlannedService> {
        self.services.iter().find(|service| service.id == *id)
    }

    /// Each way back that this plan takes or may take, once: what is left, and what becomes live again.
    pub fn ways_back(&self) -> Vec<(&Release, &Release)> {
        let mut ways: Vec<(&Release, &Release)> = Vec::new();
        for service in &self.services {
            let way = match (self.action, &service.target) {
                (Action::Rollback, Some(to)) => service.live.release().map(|from| (from, to)),
                (_, Some(from)) => service.way_back.as_ref().map(|to| (from, to)),
                (_, None) => None,
            };
            ways.extend(way.filter(|way| !ways.contains(way)));
        }
        ways
    }

    /// What the way back between these two takes back.
    pub fn reverted(&self, from: &Release, to: &Release) -> Option<&Reverted> {
        self.reverted.iter().find(|reverted| reverted.from == *from && reverted.to == *to)
    }

    /// What these ways back take back, each once.
    pub fn taken_back<'a>(&self, ways: impl IntoIterator<Item = (&'a Live, &'a Release)>) -> Vec<&Reverted> {
        let mut all: Vec<&Reverted> = Vec::new();
        for (from, to) in ways {
            let reverted = from.release().and_then(|from| self.reverted(from, to));
            all.extend(reverted.filter(|reverted| !all.contains(reverted)));
        }
        all
    }

    /// The services that this plan makes another release live of.
    pub fn changing(&self) -> impl Iterator<Item = (&PlannedService, &Release)> {
        self.services.iter().filter_map(|service| Some((service, service.target.as_ref()?)))
    }
}
