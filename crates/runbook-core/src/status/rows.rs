//! The lines of reports and pictures: stages, services, the way back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StatusContext;
use crate::{
    event::Operation,
    state::{EnvironmentState, RunState, StepStatus},
    words::{
        AlertFinding, Comparison, GateRule, Health, Latency, Live, MOST_SUSPECTS, Maintenance, ReleaseId, Reverted,
        ServiceId, StepId, Trend,
    },
};

/// One stage's line in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct StageRow {
    /// The step.
    pub id: StepId,
    /// `passed`, `warned`, `skipped`, `blocked`, `failed`, `running` or `pending`.
    pub outcome: String,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The gate rules that it answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<GateRule>,
}

impl StageRow {
    /// A line for each step of a run.
    pub fn of(run: &RunState) -> Vec<Self> {
        run.steps
            .iter()
            .map(|state| {
                let (outcome, reason) = match &state.status {
                    StepStatus::Pending => ("pending", None),
                    StepStatus::Running => ("running", None),
                    StepStatus::Interrupted => ("interrupted", None),
                    StepStatus::Finished(result) => (result.word(), result.reason()),
                };
                Self {
                    id: state.step.id.clone(),
                    outcome: outcome.to_owned(),
                    reason,
                    elapsed_ms: state.elapsed_ms,
                    rules: state.rules.clone(),
                }
            })
            .collect()
    }
}

/// One service's line in a report or an issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct ServiceRow {
    /// Its id.
    pub id: ServiceId,
    /// What people call it.
    pub name: String,
    /// Its port, where its URL has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its health; stale evidence counts as unknown.
    pub health: Health,
    /// Whether its owner calls it critical.
    pub critical: bool,
    /// Latency over the newest look's samples.
    pub latency_ms: Option<Latency>,
    /// What was asked and what came back.
    pub evidence: String,
    /// Since when its health is what it is.
    pub since: Option<Timestamp>,
    /// When it was last measured.
    pub measured_at: Option<Timestamp>,
    /// What is live; `null` when that is unknown, or when the service is stopped.
    pub release: Option<ReleaseId>,
    /// Whether the service is known to be stopped.
    #[serde(default)]
    pub stopped: bool,
    /// The service whose fault this is, when it depends on one that is in a bad state itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<ServiceId>,
    /// The planned maintenance that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// When the certificate that it showed ends to be valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_not_after: Option<Timestamp>,
    /// Each alert that fired, or that could not be judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertFinding>,
    /// How its latency compares with that of the release before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The commits between the release before and this one, newest first, when it is not healthy after a change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<String>,
    /// Its last 24 hours, where a history is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
}

/// A line for each configured service, with evidence older than its validity counted as unknown. Pure.
pub fn service_rows(environment: &EnvironmentState, context: &StatusContext, now: Timestamp) -> Vec<ServiceRow> {
    context
        .services
        .iter()
        .map(|facts| {
            let state = environment.service(&facts.id);
            let judgement = state.and_then(|s| s.judgement.as_ref());
            let stopped = state.is_some_and(|s| s.live == Live::Stopped);
            let changed_at = state.and_then(|s| s.changed_at);
            let current = judgement.is_some() && changed_at.is_none();
            let fresh = current && judgement.is_some_and(|j| context.valid_until(j.at) >= now);
            let (health, evidence) = match (judgement, changed_at) {
                (Some(j), _) if fresh && !stopped => (j.health, j.evidence.clone()),
                (_, Some(at)) if stopped => (Health::Unhealthy, format!("stopped; it was found to be down after {at}")),
                (_, None) if stopped => (Health::Unhealthy, "stopped".to_owned()),
                (Some(j), Some(at)) if !current => {
                    (Health::Unknown, format!("not measured since it was changed at {at}; before that: {}", j.evidence))
                }
                (Some(j), _) => {
                    (Health::Unknown, format!("last measured {}, which is too long ago: {}", j.at, j.evidence))
                }
                (None, _) => (Health::Unknown, "never measured".to_owned()),
            };
            let fresh = fresh && !stopped;
            let shown = judgement.filter(|_| fresh);
            ServiceRow {
                id: facts.id.clone(),
                name: facts.name.clone(),
                port: facts.port,
                health,
                critical: facts.critical,
                latency_ms: shown.and_then(|j| j.latency_ms),
                evidence,
                since: state.and_then(|s| s.since).filter(|_| fresh),
                measured_at: judgement.map(|j| j.at),
                release: state.and_then(|s| s.live.release()).map(|release| release.id.clone()),
                stopped,
                caused_by: shown.and_then(|j| j.caused_by.clone()),
                maintenance: shown.and_then(|j| j.maintenance.clone()).filter(|m| m.until > now),
                certificate_not_after: judgement.and_then(|j| j.certificate_not_after),
                alerts: shown.map(|j| j.alerts.clone()).unwrap_or_default(),
                comparison: shown.and_then(|j| j.comparison.clone()),
                suspects: shown.map(|j| j.suspects.clone()).unwrap_or_default(),
                trend: None,
            }
        })
        .collect()
}

/// Adds the last 24 hours of those services that have any.
pub(super) fn add_trends(rows: &mut [ServiceRow], trends: &BTreeMap<ServiceId, Trend>) {
    for row in rows {
        row.trend = trends.get(&row.id).cloned();
    }
}

/// One service's way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct ReturnRow {
    /// What was live; `null` when that was unknown.
    pub from: Option<ReleaseId>,
    /// What is live again.
    pub to: ReleaseId,
}

/// The rollback of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct RollbackRow {
    /// Each service's way back.
    pub services: BTreeMap<ServiceId, ReturnRow>,
    /// Why it was decided.
    pub reason: String,
    /// Whether nobody had to ask for it.
    pub automatic: bool,
    /// The branch that records it in the repository.
    pub branch: Option<String>,
    /// The page of the pull request for that branch, where one was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// Whether the services were measured healthy afterwards, over the whole window.
    pub verified: bool,
    /// What it takes back, once for each pair of releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<Reverted>,
    /// The commits that were returned from, newest first: those between the release before and the one that was not
    /// healthy. At most [`MOST_SUSPECTS`](crate::words::MOST_SUSPECTS).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<String>,
}

impl RollbackRow {
    /// The rollback of a run, where one was decided.
    pub fn of(run: &RunState) -> Option<Self> {
        let decision = run.rollback.as_ref()?;
        let branch = run.effects.values().find_map(|effect| match &effect.operation {
            Operation::RollbackBranch { branch, .. } if effect.is_done() => Some(branch.clone()),
            _ => None,
        });
        let pull_request = run.effects.values().find_map(|effect| match &effect.operation {
            Operation::OpenPullRequest { .. } if effect.is_done() => effect.detail["url"].as_str().map(str::to_owned),
            _ => None,
        });
        // What was judged before the way back was taken; the judgements after it are of another release.
        let mut suspects: Vec<String> = Vec::new();
        for commit in run.steps.iter().flat_map(|state| &state.judgements).flat_map(|judgement| &judgement.suspects) {
            if suspects.len() < MOST_SUSPECTS && !suspects.contains(commit) {
                suspects.push(commit.clone());
            }
        }
        let services = decision.services.iter();
        Some(Self {
            services: services
                .map(|(id, target)| (id.clone(), ReturnRow { from: id_of(&target.from), to: target.to.id.clone() }))
                .collect(),
            reason: decision.reason.clone(),
            automatic: decision.automatic,
            branch,
            pull_request,
            verified: run.rollback_verified() == Some(true),
            taken_back: run.plan.taken_back(decision.ways()).into_iter().cloned().collect(),
            suspects,
        })
    }
}

pub(crate) fn id_of(live: &Live) -> Option<ReleaseId> {
    live.release().map(|release| release.id.clone())
}
