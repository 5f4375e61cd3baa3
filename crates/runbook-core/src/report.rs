//! The report of a run, `runbook/report/v1`: what `--format json` prints and the `monitoring-report` artifact holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    state::{EnvironmentState, RunState},
    status::{RollbackRow, ServiceRow, StageRow, StatusContext, current_status, id_of, service_rows},
    words::{Action, CommitId, EnvironmentId, OperationalStatus, ReleaseId, RunId, Series, ServiceId, StepId, Verdict},
};

/// What was live before a run, and after it. `null`: unknown or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct ReleasesRow {
    /// Before it.
    pub before: BTreeMap<ServiceId, Option<ReleaseId>>,
    /// After it.
    pub after: BTreeMap<ServiceId, Option<ReleaseId>>,
}

/// One chat's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct NotificationRow {
    /// Which chat.
    pub to: String,
    /// `sent`, or why not.
    pub outcome: String,
}

/// The status issue, as a report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct IssueRow {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// How many requests it took to show this run there; left out where they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

/// What a run did and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Report {
    /// Always `runbook/report/v1`.
    pub schema: String,
    /// Which run.
    pub run: RunId,
    /// What was asked.
    pub action: Action,
    /// Where the request came from.
    pub trigger: String,
    /// Who asked.
    pub actor: String,
    /// For which environment.
    pub environment: EnvironmentId,
    /// On which branch.
    pub branch: Option<String>,
    /// On which commit.
    pub commit: Option<CommitId>,
    /// What whoever asked called the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; the newest event's time while it has not.
    pub finished_at: Timestamp,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The verdict; `null` while there is none.
    pub verdict: Option<Verdict>,
    /// Why.
    pub verdict_reason: Option<String>,
    /// The state of the system.
    pub operational_status: OperationalStatus,
    /// Why it is so.
    pub status_reasons: Vec<String>,
    /// Past this moment the words are stale.
    pub valid_until: Timestamp,
    /// Each stage.
    pub stages: Vec<StageRow>,
    /// Each service.
    pub services: Vec<ServiceRow>,
    /// What was live.
    pub releases: ReleasesRow,
    /// The rollback, where there was one.
    pub rollback: Option<RollbackRow>,
    /// Who was told.
    pub notifications: Vec<NotificationRow>,
    /// The status issue, where it was published.
    pub issue: Option<IssueRow>,
    /// The step that is next, while the run waits for another process to go on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<StepId>,
    /// Each service over time: in the monitoring report only, where a history is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Series>,
}

impl Report {
    /// The value of [`Report::schema`].
    pub const SCHEMA: &'static str = "runbook/report/v1";

    /// The report of a run, as far as its events tell. Pure.
    pub fn of(run: &RunState, environment: &EnvironmentState, context: &StatusContext) -> Self {
        let now = run.updated_at;
        let services = service_rows(environment, context, now);
        let (operational_status, status_reasons) =
            run.finished.clone().unwrap_or_else(|| current_status(run, environment, context, now));
        let before = run.plan.services.iter().map(|s| (s.id.clone(), id_of(&s.live))).collect();
        let after = run
            .plan
            .services
            .iter()
            .map(|s| (s.id.clone(), environment.service(&s.id).and_then(|state| id_of(&state.live))))
            .collect();
        Self {
            schema: Self::SCHEMA.to_owned(),
            run: run.run,
            action: run.request.action,
            trigger: run.request.origin.trigger.clone(),
            actor: run.request.actor.name.clone(),
            environment: run.request.environment.clone(),
            branch: run.request.origin.branch.clone(),
            commit: run.request.origin.commit.clone(),
            request_id: run.request.origin.request_id.clone(),
            started_at: run.started_at,
            finished_at: now,
            elapsed_ms: u64::try_from(now.duration_since(run.started_at).as_millis()).unwrap_or(0),
            verdict: run.verdict.as_ref().map(|(verdict, _)| *verdict),
            verdict_reason: run.verdict.as_ref().map(|(_, reason)| reason.clone()),
            operational_status,
            status_reasons,
            valid_until: context.valid_until(services.iter().filter_map(|s| s.measured_at).min().unwrap_or(now)),
            stages: StageRow::of(run),
            services,
            releases: ReleasesRow { before, after },
            rollback: RollbackRow::of(run),
            notifications: run
                .notified
                .iter()
                .map(|(to, outcome)| NotificationRow { to: to.clone(), outcome: outcome.clone() })
                .collect(),
            issue: run.published.clone(),
            next: None,
            history: Vec::new(),
        }
    }
}
