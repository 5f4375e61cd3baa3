//! Workflows, their runs, and dispatches: <https://docs.github.com/rest/actions>,
//! <https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event>. Nothing runs here.

use serde_json::json;

use super::desk::Desk;
use crate::github::{
    answer::{Answer, Reply},
    model::{Dispatch, WorkflowRun},
};

/// So many inputs fit in a dispatch.
const MOST_INPUTS: usize = 25;
/// The longest type of a repository dispatch, in characters.
const LONGEST_EVENT_TYPE: usize = 100;

/// `/actions/…`.
pub(super) fn route(desk: &mut Desk<'_>, method: &str, path: &[&str]) -> Reply {
    match method {
        "GET" => desk.may_read("actions")?,
        _ => desk.may_write("actions")?,
    }
    match (method, path) {
        ("GET", ["workflows"]) => {
            let shape = desk.shape();
            desk.page_in("workflows", desk.repository().workflows.iter().map(|one| shape.workflow(one)).collect())
        }
        ("GET", ["workflows", name]) => {
            let at = workflow(desk, name)?;
            Answer::ok(&desk.shape().workflow(&desk.repository().workflows[at]))
        }
        ("PUT", ["workflows", name, switch @ ("enable" | "disable")]) => {
            let at = workflow(desk, name)?;
            desk.repository_mut().workflows[at].enabled = *switch == "enable";
            Answer::no_content()
        }
        ("POST", ["workflows", name, "dispatches"]) => {
            let at = workflow(desk, name)?;
            dispatch(desk, at)
        }
        ("GET", ["workflows", name, "runs"]) => {
            let at = workflow(desk, name)?;
            let id = desk.repository().workflows[at].id;
            runs(desk, Some(id))
        }
        ("GET", ["runs"]) => runs(desk, None),
        ("GET", ["runs", id]) => run(desk, id, None),
        ("GET", ["runs", id, "attempts", attempt]) => run(desk, id, Some(attempt)),
        _ => Err(Answer::not_found()),
    }
}

/// The place of a workflow, by its id or its file's name.
fn workflow(desk: &Desk<'_>, name: &str) -> Result<usize, Answer> {
    let workflows = &desk.repository().workflows;
    workflows.iter().position(|one| one.file == name || one.id.to_string() == name).ok_or_else(Answer::not_found)
}

fn dispatch(desk: &mut Desk<'_>, at: usize) -> Reply {
    let fields = desk.call.fields()?;
    let git_ref = fields.required_text("ref")?;
    let inputs = fields.get("inputs").cloned().unwrap_or_else(|| json!({}));
    if desk.repository().resolve(&git_ref).is_none() {
        return Err(Answer::refusal(422, format!("No ref found for: {git_ref}")));
    }
    if inputs.as_object().is_none_or(|inputs| inputs.len() > MOST_INPUTS) {
        return Err(Answer::refusal(
            422,
            format!("you may only define up to {MOST_INPUTS} `inputs` for a `workflow_dispatch` event"),
        ));
    }
    let repository = desk.repository_mut();
    let workflow = &repository.workflows[at];
    if !workflow.enabled {
        return Err(Answer::refusal(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow"));
    }
    let workflow = workflow.file.clone();
    repository.dispatches.push(Dispatch::Workflow { workflow, git_ref, inputs });
    Answer::no_content()
}

/// The newest attempt of each run, newest run first.
fn runs(desk: &Desk<'_>, workflow: Option<u64>) -> Reply {
    let (call, shape, all) = (&desk.call, desk.shape(), &desk.repository().runs);
    let wanted = |name, value: &str| call.query(name).is_none_or(|wanted| wanted == value);
    let newest = |run: &WorkflowRun| !all.iter().any(|other| other.id == run.id && other.attempt > run.attempt);
    let state = |run: &WorkflowRun| {
        wanted("status", &run.status)
            || run.conclusion.as_deref().is_some_and(|conclusion| wanted("status", conclusion))
    };
    let found = all.iter().rev().filter(|run| {
        workflow.is_none_or(|id| run.workflow == id)
            && newest(run)
            && wanted("branch", &run.branch)
            && wanted("event", &run.event)
            && wanted("head_sha", &run.sha)
            && state(run)
    });
    desk.page_in("workflow_runs", found.map(|run| shape.run(run)).collect())
}

fn run(desk: &Desk<'_>, id: &str, attempt: Option<&str>) -> Reply {
    let found = desk
        .repository()
        .runs
        .iter()
        .filter(|run| run.id.to_string() == id && attempt.is_none_or(|attempt| run.attempt.to_string() == attempt))
        .max_by_key(|run| run.attempt)
        .ok_or_else(Answer::not_found)?;
    Answer::ok(&desk.shape().run(found))
}

/// `POST /dispatches`.
pub(super) fn repository_dispatch(desk: &mut Desk<'_>) -> Reply {
    desk.may_write("contents")?;
    let fields = desk.call.fields()?;
    let event_type = fields.required_text("event_type")?;
    if event_type.is_empty() || event_type.chars().count() > LONGEST_EVENT_TYPE {
        return Err(Answer::refusal(422, "Invalid request.\n\n\"event_type\" must have 1 to 100 characters."));
    }
    let payload = fields.get("client_payload").cloned().unwrap_or_else(|| json!({}));
    desk.repository_mut().dispatches.push(Dispatch::Repository { event_type, payload });
    Answer::no_content()
}
