//! `/deployments` and their statuses: <https://docs.github.com/rest/deployments>.

use serde_json::{Value, json};

use super::{checks, desk::Desk};
use crate::github::{
    answer::{Answer, Reply},
    model::{Deployment, DeploymentStatus},
};

const STATES: [&str; 7] = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];
/// The longest description of a status, in characters.
const LONGEST_DESCRIPTION: usize = 140;

pub(super) fn route(desk: &mut Desk<'_>, method: &str, path: &[&str]) -> Reply {
    match method {
        "GET" => desk.may_read("deployments")?,
        _ => desk.may_write("deployments")?,
    }
    let Some((id, rest)) = path.split_first() else {
        return match method {
            "GET" => list(desk),
            "POST" => create(desk),
            _ => Err(Answer::not_found()),
        };
    };
    let deployments = &desk.repository().deployments;
    let at = deployments.iter().position(|one| one.id.to_string() == *id).ok_or_else(Answer::not_found)?;
    match (method, rest) {
        ("GET", []) => Answer::ok(&desk.shape().deployment(&deployments[at])),
        ("GET", ["statuses"]) => {
            let (shape, deployment) = (desk.shape(), &deployments[at]);
            let newest_first = deployment.statuses.iter().rev();
            desk.page(newest_first.map(|status| shape.deployment_status(deployment, status)).collect())
        }
        ("POST", ["statuses"]) => add_status(desk, at),
        _ => Err(Answer::not_found()),
    }
}

fn list(desk: &Desk<'_>) -> Reply {
    let call = &desk.call;
    let wanted = |name, value: &str| call.query(name).is_none_or(|wanted| wanted == value);
    let shape = desk.shape();
    let newest_first = desk.repository().deployments.iter().rev();
    let found = newest_first.filter(|one| {
        wanted("sha", &one.sha)
            && wanted("ref", &one.git_ref)
            && wanted("task", &one.task)
            && wanted("environment", &one.environment)
    });
    desk.page(found.map(|deployment| shape.deployment(deployment)).collect())
}

fn create(desk: &mut Desk<'_>) -> Reply {
    let fields = desk.call.fields()?;
    let git_ref = fields.required_text("ref")?;
    let environment = fields.text("environment")?.unwrap_or_else(|| "production".to_owned());
    let production = fields.flag("production_environment")?.unwrap_or(environment == "production");
    let sha = desk
        .repository()
        .resolve(&git_ref)
        .ok_or_else(|| Answer::refusal(422, format!("No ref found for: {git_ref}")))?;
    let mut missing = checks::unsuccessful(desk.repository(), &sha);
    if let Some(required) = fields.names("required_contexts")? {
        missing.retain(|context| required.contains(context));
    }
    if !missing.is_empty() {
        return Err(Answer::refusal(
            409,
            format!("Conflict: Commit statuses failed for {git_ref}: {}.", missing.join(", ")),
        ));
    }
    let deployment = Deployment {
        id: desk.world.next_id(),
        sha,
        git_ref,
        task: fields.text("task")?.unwrap_or_else(|| "deploy".to_owned()),
        environment,
        description: fields.text("description")?,
        payload: fields.get("payload").cloned().unwrap_or_else(|| json!({})),
        creator: desk.login(),
        transient: fields.flag("transient_environment")?.unwrap_or(false),
        production,
        created_at: desk.world.now(),
        statuses: Vec::new(),
    };
    let value: Value = desk.shape().deployment(&deployment);
    desk.repository_mut().deployments.push(deployment);
    Answer::created(&value)
}

fn add_status(desk: &mut Desk<'_>, at: usize) -> Reply {
    let fields = desk.call.fields()?;
    let state = fields.required_text("state")?;
    if !STATES.contains(&state.as_str()) {
        return Err(Answer::invalid("DeploymentStatus", "state", "invalid", None));
    }
    let description = fields.text("description")?.unwrap_or_default();
    if description.chars().count() > LONGEST_DESCRIPTION {
        let message = format!("description is too long (maximum is {LONGEST_DESCRIPTION} characters)");
        return Err(Answer::invalid("DeploymentStatus", "description", "custom", Some(&message)));
    }
    let status = DeploymentStatus {
        id: desk.world.next_id(),
        state,
        description,
        log_url: fields.text("log_url")?.or(fields.text("target_url")?).unwrap_or_default(),
        environment_url: fields.text("environment_url")?.unwrap_or_default(),
        creator: desk.login(),
        created_at: desk.world.now(),
    };
    let auto_inactive = fields.flag("auto_inactive")?.unwrap_or(true);
    desk.repository_mut().deployments[at].statuses.push(status.clone());
    if status.state == "success" && auto_inactive {
        retire_others(desk, at, &status);
    }
    Answer::created(&desk.shape().deployment_status(&desk.repository().deployments[at], &status))
}

/// A success makes the earlier successful deployments to the same environment inactive, unless they are transient or
/// production ones: so the page of `auto_inactive`.
fn retire_others(desk: &mut Desk<'_>, at: usize, success: &DeploymentStatus) {
    let environment = desk.repository().deployments[at].environment.clone();
    let others = 0..desk.repository().deployments.len();
    for other in others.filter(|other| *other != at) {
        let deployment = &desk.repository().deployments[other];
        let succeeded = deployment.statuses.last().is_some_and(|status| status.state == "success");
        if deployment.environment != environment || deployment.transient || deployment.production || !succeeded {
            continue;
        }
        let id = desk.world.next_id();
        let inactive =
            DeploymentStatus { id, state: "inactive".to_owned(), description: String::new(), ..success.clone() };
        desk.repository_mut().deployments[other].statuses.push(inactive);
    }
}
