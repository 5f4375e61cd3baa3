//! The short form for programs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ServiceRow, StatusContext, rows::add_trends, service_rows, status_of_rows};
use crate::{
    state::EnvironmentState,
    words::{EnvironmentId, OperationalStatus, RunId, ServiceId, Trend, Verdict},
};

/// `runbook/status/v1`: what `check` and `status` print, and the last block holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct StatusDocument {
    /// Always `runbook/status/v1`.
    pub schema: String,
    /// The project's name.
    pub project: String,
    /// Which environment.
    pub environment: EnvironmentId,
    /// The state of the system.
    pub operational_status: OperationalStatus,
    /// Why it is so.
    pub status_reasons: Vec<String>,
    /// When this was written.
    pub updated_at: Timestamp,
    /// Past this moment the words are stale.
    pub valid_until: Timestamp,
    /// Each service.
    pub services: Vec<ServiceRow>,
    /// The newest run, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Its verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The stop latch's reason, while it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl StatusDocument {
    /// The value of [`StatusDocument::schema`].
    pub const SCHEMA: &'static str = "runbook/status/v1";

    /// Adds the last 24 hours of services.
    pub fn set_trends(&mut self, trends: &BTreeMap<ServiceId, Trend>) {
        add_trends(&mut self.services, trends);
    }

    /// What is known of an environment at `now`, without a run. Pure.
    pub fn of(environment: &EnvironmentState, context: &StatusContext, now: Timestamp) -> Self {
        let services = service_rows(environment, context, now);
        let (mut status, mut reasons) = status_of_rows(&services, environment.latch.is_some());
        if let Some((run, reason)) = &environment.unsettled {
            status = status.max(OperationalStatus::Degraded);
            reasons.insert(0, format!("run {run} needs an operator: {reason}"));
        }
        for (run, open) in environment.open_runs.iter().filter(|(_, open)| !open.effects.is_empty()) {
            status = status.max(OperationalStatus::Degraded);
            reasons.push(format!("run {run} ({}) is under way, or was interrupted", open.action));
        }
        let measured = services.iter().filter_map(|row| row.measured_at).min();
        Self {
            schema: Self::SCHEMA.to_owned(),
            project: context.project.clone(),
            environment: context.environment.clone(),
            operational_status: status,
            status_reasons: reasons,
            updated_at: now,
            valid_until: context.valid_until(measured.unwrap_or(now)),
            services,
            run: environment.last_run.as_ref().map(|(run, ..)| *run),
            verdict: environment.last_run.as_ref().map(|(_, _, verdict, _)| *verdict),
            stopped: environment.latch.as_ref().map(|latch| latch.reason.clone()),
        }
    }
}
