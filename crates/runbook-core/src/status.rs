//! What a picture may show: [`StatusView`] holds all of it, and `runbook/status/v1` is its short form for programs.
//!
//! Nothing here is text for a certain place; the crate `runbook-render` turns a view into Markdown, HTML and chats.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    report::{RollbackRow, StageRow},
    state::{EnvironmentState, RunState},
    words::{
        Action, EnvironmentId, Health, Latency, OperationalStatus, ReleaseId, RunId, ServiceId, StatusReason, Verdict,
        operational_status,
    },
};

/// What a view must know of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusContext {
    /// The project's name.
    pub project: String,
    /// Which environment.
    pub environment: EnvironmentId,
    /// Whether it is the default one, whose issue has the bare title.
    pub default_environment: bool,
    /// Each service.
    pub services: Vec<ServiceFacts>,
    /// How long a measurement counts, in seconds.
    pub valid_for_s: u32,
    /// The labels of the status issue.
    pub labels: Vec<String>,
    /// The workflow file that the suggested commands name.
    pub workflow: String,
    /// Whether any service can be deployed by this runbook.
    pub deploys: bool,
}

impl StatusContext {
    /// Until when a measurement of this moment counts.
    pub fn valid_until(&self, measured: Timestamp) -> Timestamp {
        measured.checked_add(SignedDuration::from_secs(self.valid_for_s.into())).unwrap_or(Timestamp::MAX)
    }
}

/// One service, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// Its id.
    pub id: ServiceId,
    /// What people call it.
    pub name: String,
    /// Whether its owner calls it critical.
    pub critical: bool,
    /// The port of its URL.
    pub port: Option<u16>,
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
    /// What is live; `null` when that is unknown.
    pub release: Option<ReleaseId>,
}

/// A line for each configured service, with evidence older than its validity counted as unknown. Pure.
pub fn service_rows(environment: &EnvironmentState, context: &StatusContext, now: Timestamp) -> Vec<ServiceRow> {
    context
        .services
        .iter()
        .map(|facts| {
            let state = environment.service(&facts.id);
            let judgement = state.and_then(|s| s.judgement.as_ref());
            let fresh = judgement.is_some_and(|j| context.valid_until(j.at) >= now);
            let (health, evidence) = match judgement {
                Some(j) if fresh => (j.health, j.evidence.clone()),
                Some(j) => (Health::Unknown, format!("last measured {}, which is too long ago: {}", j.at, j.evidence)),
                None => (Health::Unknown, "never measured".to_owned()),
            };
            ServiceRow {
                id: facts.id.clone(),
                name: facts.name.clone(),
                port: facts.port,
                health,
                critical: facts.critical,
                latency_ms: judgement.filter(|_| fresh).and_then(|j| j.latency_ms),
                evidence,
                since: state.and_then(|s| s.since).filter(|_| fresh),
                measured_at: judgement.map(|j| j.at),
                release: state.and_then(|s| s.live.release()).map(|release| release.id.clone()),
            }
        })
        .collect()
}

/// The operational status of these lines.
pub fn status_of_rows(rows: &[ServiceRow], stopped: bool) -> (OperationalStatus, Vec<String>) {
    let reasons = rows.iter().map(|row| StatusReason { name: &row.name, critical: row.critical, health: row.health });
    operational_status(reasons, stopped)
}

/// The operational status as a run may state it: the table, and never OPERATIONAL after a run that needs an operator.
pub fn current_status(
    run: &RunState,
    environment: &EnvironmentState,
    context: &StatusContext,
    now: Timestamp,
) -> (OperationalStatus, Vec<String>) {
    let (mut status, mut reasons) =
        status_of_rows(&service_rows(environment, context, now), environment.latch.is_some());
    match &run.verdict {
        Some((Verdict::NeedsOperator, reason)) => {
            status = status.max(OperationalStatus::Degraded);
            reasons.insert(0, format!("the {} needs an operator: {reason}", run.request.action));
        }
        Some((Verdict::RolledBack, reason)) => reasons.push(reason.clone()),
        _ => {}
    }
    (status, reasons)
}

/// Whether a suggested command would be allowed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// It would be accepted, as far as is known now.
    Allowed,
    /// It would be refused, for this reason.
    Refused(String),
}

/// A command to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestedCommand {
    /// What it is for.
    pub title: String,
    /// The command itself, filled with real ids and versions.
    pub command: String,
    /// When to use it.
    pub precondition: String,
    /// Whether it would be allowed now.
    pub permission: Permission,
}

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

    /// What is known of an environment at `now`, without a run. Pure.
    pub fn of(environment: &EnvironmentState, context: &StatusContext, now: Timestamp) -> Self {
        let services = service_rows(environment, context, now);
        let (status, reasons) = status_of_rows(&services, environment.latch.is_some());
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
        let report =
            |row: &StageRow| run.step(&row.id).is_some_and(|state| state.step.access == crate::plan::Access::Reporting);
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
}

/// The seed's commands, filled with what is real now; one that would be refused says why.
fn suggested_commands(
    run: &RunState,
    environment: &EnvironmentState,
    context: &StatusContext,
) -> Vec<SuggestedCommand> {
    let workflow = &context.workflow;
    let dispatch = |fields: &[(&str, &str)]| {
        let mut command = format!("gh workflow run \"{workflow}\"");
        for (name, value) in fields {
            command.push_str(&format!(" \\\n  -f {name}={value}"));
        }
        if !context.default_environment {
            command.push_str(&format!(" \\\n  -f environment={}", context.environment));
        }
        command
    };
    let not_stopped = || match &environment.latch {
        Some(latch) => Permission::Refused(format!("the stop latch is set: {}", latch.reason)),
        None => Permission::Allowed,
    };
    let can_deploy = |then: Permission| match (context.deploys, then) {
        (false, _) => Permission::Refused("no deployer is configured, so this runbook only observes".to_owned()),
        (true, then) => then,
    };
    let ci_run = run.request.origin.ci_run.as_deref();
    let needs_ci_run = || match ci_run {
        Some(_) => Permission::Allowed,
        None => Permission::Refused("this run was not started by GitHub Actions".to_owned()),
    };
    let good = context.services.iter().find_map(|service| environment.last_known_good(&service.id));
    let component = context.services.first().map_or("all", |service| service.id.as_str());
    let mut commands = vec![
        SuggestedCommand {
            title: "Check Deployment Status".to_owned(),
            command: format!("gh run view {}", ci_run.unwrap_or("RUN_ID")),
            precondition: "Any time; it only reads.".to_owned(),
            permission: needs_ci_run(),
        },
        SuggestedCommand {
            title: "Download Monitoring Reports".to_owned(),
            command: format!("gh run download {} -n monitoring-report", ci_run.unwrap_or("RUN_ID")),
            precondition: "When you investigate; it only reads.".to_owned(),
            permission: needs_ci_run(),
        },
        SuggestedCommand {
            title: "Trigger Rollback".to_owned(),
            command: dispatch(&[
                ("action", "rollback"),
                ("rollback_version", &good.map_or_else(|| "\"VERSION\"".to_owned(), |g| format!("\"{g}\""))),
            ]),
            precondition: match good {
                Some(good) => {
                    format!("When a service is unhealthy after a deploy. {good} is the last known good release.")
                }
                None => "When a service is unhealthy after a deploy.".to_owned(),
            },
            permission: can_deploy(match good {
                Some(_) => not_stopped(),
                None => Permission::Refused("no release has had a whole healthy window yet".to_owned()),
            }),
        },
        SuggestedCommand {
            title: "Update Specific Component".to_owned(),
            command: dispatch(&[("action", "update-component"), ("target_component", component)]),
            precondition: "When one service is to get the newest commit.".to_owned(),
            permission: can_deploy(not_stopped()),
        },
        SuggestedCommand {
            title: "Emergency Stop".to_owned(),
            command: dispatch(&[("action", "emergency-stop")]),
            precondition: "When going on does more harm than standing still. Only a person can resume.".to_owned(),
            permission: can_deploy(Permission::Allowed),
        },
    ];
    if environment.latch.is_some() {
        commands.push(SuggestedCommand {
            title: "Resume".to_owned(),
            command: dispatch(&[("action", "resume"), ("reason", "\"WHY\"")]),
            precondition: "For people only, once the cause of the stop is gone.".to_owned(),
            permission: Permission::Allowed,
        });
    }
    commands
}
