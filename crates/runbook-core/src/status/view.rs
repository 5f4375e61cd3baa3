//! All that a picture may show.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    RollbackRow, ServiceRow, StageRow, StatusContext, StatusDocument, SuggestedCommand, commands::suggested_commands,
    current_status, rows::add_trends, service_rows,
};
use crate::{
    plan::Access,
    state::{EnvironmentState, RunState},
    words::{Action, EnvironmentId, OperationalStatus, RunId, ServiceId, Trend, Verdict},
};

/// All that a picture of the status may show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The project's name.
    pub project: String,
    /// Which environment.
    pub environment: EnvironmentId,
    /// Whether it is the default one.
    pub default_environment: bool,
    /// The state of the system.
    pub operational_status: OperationalStatus,
    /// Why it is so.
    pub reasons: Vec<String>,
    /// When this was written.
    pub updated_at: Timestamp,
    /// Past this moment the words are stale.
    pub valid_until: Timestamp,
    /// The run that wrote it.
    pub run: RunId,
    /// The page of the CI run.
    pub run_url: Option<String>,
    /// The id of the CI run.
    pub ci_run: Option<String>,
    /// What triggered it.
    pub trigger: String,
    /// Who asked.
    pub actor: String,
    /// On which branch.
    pub branch: Option<String>,
    /// What was asked.
    pub action: Action,
    /// The verdict, once reached.
    pub verdict: Option<Verdict>,
    /// Why.
    pub verdict_reason: Option<String>,
    /// The rollback, where one was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackRow>,
    /// The stop latch's reason, while it is set.
    pub stopped: Option<String>,
    /// The stages that came before the report.
    pub stages: Vec<StageRow>,
    /// Each service.
    pub services: Vec<ServiceRow>,
    /// Commands to copy.
    pub commands: Vec<SuggestedCommand>,
    /// The labels of the status issue.
    pub labels: Vec<String>,
    /// How long a measurement counts, in seconds.
    pub valid_for_s: u32,
    /// The short form for programs.
    pub document: StatusDocument,
}

impl StatusView {
    /// The view of a run, as far as its events tell. Pure.
    pub fn of(run: &RunState, environment: &EnvironmentState, context: &StatusContext, now: Timestamp) -> Self {
        let (status, reasons) = current_status(run, environment, context, now);
        let services = service_rows(environment, context, now);
        let verdict = run.verdict.as_ref().map(|(verdict, _)| *verdict);
        let mut document = StatusDocument::of(environment, context, now);
        document.operational_status = status;
        document.status_reasons.clone_from(&reasons);
        document.run = Some(run.run);
        document.verdict = verdict;
        let report = |row: &StageRow| run.step(&row.id).is_some_and(|state| state.step.access == Access::Reporting);
        Self {
            project: context.project.clone(),
            environment: context.environment.clone(),
            default_environment: context.default_environment,
            operational_status: status,
            reasons,
            updated_at: now,
            valid_until: document.valid_until,
            run: run.run,
            run_url: run.request.origin.run_url.clone(),
            ci_run: run.request.origin.ci_run.clone(),
            trigger: run.request.origin.trigger.clone(),
            actor: run.request.actor.name.clone(),
            branch: run.request.origin.branch.clone(),
            action: run.request.action,
            verdict,
            verdict_reason: run.verdict.as_ref().map(|(_, reason)| reason.clone()),
            rollback: RollbackRow::of(run),
            stopped: document.stopped.clone(),
            stages: StageRow::of(run).into_iter().filter(|row| !report(row)).collect(),
            services,
            commands: suggested_commands(run, environment, context),
            labels: context.labels.clone(),
            valid_for_s: context.valid_for_s,
            document,
        }
    }

    /// Adds the last 24 hours of services, for people and for programs.
    pub fn set_trends(&mut self, trends: &BTreeMap<ServiceId, Trend>) {
        add_trends(&mut self.services, trends);
        self.document.set_trends(trends);
    }
}
