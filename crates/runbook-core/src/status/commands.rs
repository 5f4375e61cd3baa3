//! Commands to copy, each with whether it would be allowed now.

use serde::{Deserialize, Serialize};

use super::StatusContext;
use crate::state::{EnvironmentState, RunState};

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

/// The seed's commands, filled with what is real now; one that would be refused says why.
pub(super) fn suggested_commands(
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
