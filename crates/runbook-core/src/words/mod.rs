//! The words of the runbook as plain data: what is asked, what was measured, how it came out.
//!
//! Nothing here acts. Each file holds one family of words; `docs/architecture.md` lists them all.

mod action;
mod deployment;
mod exit;
mod gate;
mod health;
mod ids;
mod judgement;
mod outcome;
mod reading;
mod release;
mod reverted;
mod series;

pub use action::{Action, Actor, ActorKind, Origin, Owner, ParseActionError, Request};
pub use deployment::{DeploymentState, DeploymentTask};
pub use exit::{ExitCode, FailOn};
pub use gate::{GateRule, RuleVerdict};
pub use health::{Health, OperationalStatus, StatusReason, operational_status};
pub use ids::{
    CommitId, Digest, EffectKey, EnvironmentId, EventId, IdError, KindId, ReleaseId, RunId, ServiceId, StepId,
};
pub use judgement::{AlertFinding, Baseline, Comparison, Judgement, MOST_SUSPECTS, Maintenance, Shift};
pub use outcome::{Failure, LeftBehind, Outcome, StepResult, Verdict};
pub use reading::{Latency, Phases, Reading};
pub use release::{Live, Release};
pub use reverted::{Difference, Listed, Reverted};
pub use series::{Bucket, Quantiles, Series, Trend};
