//! What each event asks for: one function an event, each a list of reasons to ask for nothing.

use runbook_core::{Action, EnvironmentId};
use serde_json::{Map, Value};

use super::{
    EventContext,
    inputs::Inputs,
    payload::{
        Deployment, DeploymentPayload, DeploymentStatus, Payload, Push, Repository, RepositoryDispatch, Workflow,
        WorkflowRun, WorkflowRunPayload,
    },
    text::{MAX_NAME, MAX_REASON, bounded, file_of},
    wish::{Asked, Refusal, Wish},
};
use crate::issue_command;

/// The type of a `repository_dispatch` that is meant for Runbook.
const DISPATCH_TYPE: &str = "runbook";
/// The events that are known, in the words of a refusal.
const KNOWN: &str = "schedule, push, workflow_dispatch, workflow_run, deployment, deployment_status, issue_comment and \
                     repository_dispatch";

pub(super) fn asks(name: &str, payload: &Payload, context: &EventContext) -> Asked {
    if let Some(elsewhere) = elsewhere(payload, context) {
        return Asked::nothing(elsewhere);
    }
    match payload {
        Payload::Schedule(schedule) => {
            let cron = schedule.schedule.as_deref().map(|cron| format!("the schedule {}", bounded(cron, MAX_NAME)));
            because(cron.unwrap_or_else(|| "a schedule".to_owned()))
        }
        Payload::Push(payload) => push(payload, context),
        Payload::Dispatch(dispatch) => inputs(dispatch.inputs.as_ref()),
        Payload::RepositoryDispatch(payload) => repository_dispatch(payload),
        Payload::WorkflowRun(payload) => workflow_run(payload, context),
        Payload::Deployment(payload) => deployment(payload, context),
        Payload::Comment(payload) => issue_command::asks(payload, &context.apps),
        Payload::Other => {
            Asked::Refused(Refusal::usage(format!("the event {name} starts nothing here: expected {KNOWN}")))
        }
    }
}

pub(super) fn environment(payload: &Payload, context: &EventContext) -> Option<EnvironmentId> {
    let of = |inputs: Option<&Map<String, Value>>| Inputs(inputs?).environment().ok().flatten();
    match payload {
        Payload::Dispatch(dispatch) => of(dispatch.inputs.as_ref()),
        Payload::RepositoryDispatch(payload) => of(payload.client_payload.as_ref()),
        Payload::Deployment(payload) => configured(&payload.deployment.environment, context),
        Payload::Comment(payload) => issue_command::environment_of(payload.issue.body.as_deref().unwrap_or_default()),
        Payload::Schedule(_) | Payload::Push(_) | Payload::WorkflowRun(_) | Payload::Other => None,
    }
}

/// Why the event is none of this repository's.
fn elsewhere(payload: &Payload, context: &EventContext) -> Option<String> {
    let of = match payload {
        Payload::Schedule(payload) => &payload.repository,
        Payload::Push(payload) => &payload.repository,
        Payload::Dispatch(payload) => &payload.repository,
        Payload::WorkflowRun(payload) => &payload.repository,
        Payload::Deployment(payload) => &payload.repository,
        Payload::Comment(payload) => &payload.repository,
        Payload::RepositoryDispatch(payload) => &payload.repository,
        Payload::Other => return None,
    };
    let (of, ours) = (of.as_ref()?.full_name.as_str(), context.repository.as_deref()?);
    let is_other = !of.is_empty() && !of.eq_ignore_ascii_case(ours);
    is_other.then(|| format!("it is an event of {}, and {ours} is what is looked after", bounded(of, MAX_NAME)))
}

fn default_branch<'a>(repository: Option<&'a Repository>, context: &'a EventContext) -> Option<&'a str> {
    repository.and_then(|repository| repository.default_branch.as_deref()).or(context.default_branch.as_deref())
}

/// A fresh look at everything, for a reason.
fn because(reason: String) -> Asked {
    Asked::wish(Wish { reason: Some(bounded(&reason, MAX_REASON)), ..Wish::plain(Action::UpdateStatus) })
}

/// Whether it deploys or only observes, `deploy.on_push` decides when the plan is made.
fn push(push: &Push, context: &EventContext) -> Asked {
    let Some(branch) = push.git_ref.strip_prefix("refs/heads/") else {
        return Asked::nothing(format!("{} is no branch", bounded(&push.git_ref, MAX_NAME)));
    };
    if push.deleted || push.after.bytes().all(|b| b == b'0') {
        return Asked::nothing(format!("the branch {} was deleted", bounded(branch, MAX_NAME)));
    }
    let Some(default) = default_branch(push.repository.as_ref(), context) else {
        return Asked::Refused(Refusal::usage("the payload of the push does not tell the default branch"));
    };
    if branch != default {
        return Asked::nothing(format!("{} is not the default branch {default}", bounded(branch, MAX_NAME)));
    }
    match push.after.parse() {
        Ok(commit) => {
            Asked::wish(Wish { branch: Some(branch.to_owned()), commit: Some(commit), ..Wish::plain(Action::Deploy) })
        }
        Err(error) => Asked::Refused(Refusal::usage(bounded(&format!("the pushed commit: {error}"), MAX_REASON))),
    }
}

fn inputs(inputs: Option<&Map<String, Value>>) -> Asked {
    inputs.map_or_else(|| Ok(Wish::plain(Action::UpdateStatus)), |inputs| Inputs(inputs).wish()).into()
}

fn repository_dispatch(payload: &RepositoryDispatch) -> Asked {
    if payload.action != DISPATCH_TYPE {
        return Asked::nothing(format!(
            "a dispatch of the type {:?} is meant for somebody else: expected {DISPATCH_TYPE:?}",
            bounded(&payload.action, MAX_NAME)
        ));
    }
    inputs(payload.client_payload.as_ref())
}

/// The end of another workflow, on the default branch of this very repository. Its code is never looked at.
fn workflow_run(payload: &WorkflowRunPayload, context: &EventContext) -> Asked {
    let run = &payload.workflow_run;
    let (name, file) = of_workflow(run, payload.workflow.as_ref());
    let shown = bounded(if name.is_empty() { file } else { name }, MAX_NAME);
    if payload.action != "completed" {
        return Asked::nothing(format!("the workflow {shown} has not ended"));
    }
    if is_own(name, file, context) {
        return Asked::nothing(format!("{shown} is this workflow itself"));
    }
    let is_named = |wanted: &String| wanted.as_str() == name || file_of(wanted) == file;
    if !context.workflows.iter().any(is_named) {
        return Asked::nothing(format!("the workflow {shown} is not named in `[workflow] after`"));
    }
    if run.event.starts_with("pull_request") {
        return Asked::nothing(format!("the workflow {shown} ran for a pull request"));
    }
    let head = run.head_repository.as_ref().map(|repository| repository.full_name.as_str()).unwrap_or_default();
    let base = payload.repository.as_ref().map(|repository| repository.full_name.as_str()).unwrap_or_default();
    if head.is_empty() || !head.eq_ignore_ascii_case(base) {
        return Asked::nothing(format!("the workflow {shown} ran for another repository, or for one that is gone"));
    }
    let (branch, default) = (run.head_branch.as_deref(), default_branch(payload.repository.as_ref(), context));
    if branch.is_none() || branch != default {
        let branch = bounded(branch.unwrap_or("no branch"), MAX_NAME);
        return Asked::nothing(format!("the workflow {shown} ran for {branch}, which is not the default branch"));
    }
    let conclusion = run.conclusion.as_deref().unwrap_or("no conclusion");
    if matches!(conclusion, "skipped" | "stale" | "action_required") {
        return Asked::nothing(format!("the workflow {shown} did nothing: {conclusion}"));
    }
    let reason = format!("the workflow {shown} ended with {}", bounded(conclusion, MAX_NAME));
    Asked::wish(Wish {
        reason: Some(bounded(&reason, MAX_REASON)),
        branch: branch.map(str::to_owned),
        commit: run.head_sha.as_deref().and_then(|sha| sha.parse().ok()),
        ..Wish::plain(Action::UpdateStatus)
    })
}

/// The name and the file of the workflow of a run. Neither may be there; then it is empty.
fn of_workflow<'a>(run: &'a WorkflowRun, workflow: Option<&'a Workflow>) -> (&'a str, &'a str) {
    let first = |one: &'a Option<String>, other: Option<&'a Option<String>>| {
        let both = [Some(one), other].into_iter().flatten();
        both.filter_map(|text| text.as_deref()).find(|text| !text.is_empty()).unwrap_or_default()
    };
    let name = first(&run.name, workflow.map(|workflow| &workflow.name));
    (name, file_of(first(&run.path, workflow.map(|workflow| &workflow.path))))
}

fn is_own(name: &str, file: &str, context: &EventContext) -> bool {
    let same = |own: &Option<String>, other: &str| !other.is_empty() && own.as_deref() == Some(other);
    same(&context.workflow_file, file) || same(&context.workflow_name, name)
}

/// A deployment of somebody else changed what is live, or is about to.
fn deployment(payload: &DeploymentPayload, context: &EventContext) -> Asked {
    let deployment = &payload.deployment;
    let shown = bounded(&deployment.environment, MAX_NAME);
    if is_own_deployment(payload, context) {
        return Asked::nothing(format!("the deployment to {shown} is one of Runbook's own"));
    }
    if deployment.transient_environment == Some(true) {
        return Asked::nothing(format!("the deployment to {shown} is a preview"));
    }
    let what = match &payload.deployment_status {
        None => format!("a deployment to {shown} was begun"),
        Some(DeploymentStatus { state, .. }) if matches!(state.as_str(), "success" | "failure" | "error") => {
            format!("a deployment to {shown} ended with {state}")
        }
        Some(DeploymentStatus { state, .. }) => {
            let state = bounded(state, MAX_NAME);
            return Asked::nothing(format!("the deployment to {shown} is {state}, which changes nothing"));
        }
    };
    let by = deployment.creator.as_ref().map(|creator| format!(", by {}", bounded(&creator.login, MAX_NAME)));
    Asked::wish(Wish {
        reason: Some(bounded(&format!("{what}{}", by.unwrap_or_default()), MAX_REASON)),
        environment: configured(&deployment.environment, context),
        branch: deployment.git_ref.as_ref().map(|git_ref| bounded(git_ref, MAX_NAME)),
        commit: deployment.sha.as_deref().and_then(|sha| sha.parse().ok()),
        ..Wish::plain(Action::UpdateStatus)
    })
}

/// By its payload or task, by the workflow that made it, or by who made it.
fn is_own_deployment(payload: &DeploymentPayload, context: &EventContext) -> bool {
    let Deployment { task, payload: data, creator, .. } = &payload.deployment;
    let is_marked = match data {
        Value::Object(fields) => fields.contains_key("runbook"),
        Value::String(text) => {
            serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|f| f.contains_key("runbook"))
        }
        _ => false,
    };
    let by_status = payload.deployment_status.as_ref().and_then(|status| status.creator.as_ref());
    let by_own = |login: &str| context.own_logins.iter().any(|own| own.eq_ignore_ascii_case(login));
    let (name, file) = match &payload.workflow_run {
        Some(run) => of_workflow(run, payload.workflow.as_ref()),
        None => ("", ""),
    };
    is_marked
        || task == "runbook"
        || task.starts_with("runbook:")
        || is_own(name, file, context)
        || creator.as_ref().or(by_status).is_some_and(|creator| by_own(&creator.login))
}

/// The environment of the configuration that has this name; GitHub's names know upper and lower case.
fn configured(name: &str, context: &EventContext) -> Option<EnvironmentId> {
    context.environments.iter().find(|environment| environment.as_str().eq_ignore_ascii_case(name)).cloned()
}
