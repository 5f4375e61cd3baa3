//! When each job runs, as expressions of GitHub. Text of an event stands in conditions only, where it is compared, and
//! never in a line that a shell reads.

use super::WorkflowFacts;

/// A comment that asks for an emergency stop; whether it may, `runbook event` finds out.
const STOP_COMMENT: &str = "startsWith(github.event.comment.body, '/runbook emergency-stop')";
/// Who tells deployments on behalf of a workflow, this one included.
const OURSELVES: &str = "'github-actions[bot]'";

/// Not in somebody's copy of the repository.
fn at_home(facts: &WorkflowFacts) -> String {
    match &facts.repository {
        Some(name) => format!("github.repository == '{name}'"),
        None => "github.event.repository.fork != true".to_owned(),
    }
}

/// The job that takes every event in, but for emergency stops.
pub(super) fn event(facts: &WorkflowFacts) -> Vec<String> {
    let mut lines = vec![at_home(facts), "&& inputs.action != 'emergency-stop'".to_owned()];
    if facts.uses.status_issue {
        lines.extend([
            "&& (github.event_name != 'issue_comment' || (!github.event.issue.pull_request".to_owned(),
            format!("&& startsWith(github.event.comment.body, '/runbook') && !{STOP_COMMENT}))"),
        ]);
    }
    if !facts.after.is_empty() {
        lines.extend([
            "&& (github.event_name != 'workflow_run' || (github.event.workflow_run.event != 'pull_request'".to_owned(),
            "&& github.event.workflow_run.head_repository.full_name == github.repository".to_owned(),
            format!("&& github.event.workflow_run.head_branch == '{}'))", facts.branch),
        ]);
    }
    lines.extend([
        "&& (github.event_name != 'deployment_status'".to_owned(),
        format!("|| (github.event.deployment.creator.login != {OURSELVES}"),
        "&& contains(fromJSON('[\"success\", \"failure\", \"error\"]'), github.event.deployment_status.state)))"
            .to_owned(),
    ]);
    lines
}

/// The job of emergency stops.
pub(super) fn stop(facts: &WorkflowFacts) -> Vec<String> {
    let by_hand = "inputs.action == 'emergency-stop'";
    let asked = if facts.uses.status_issue {
        format!(
            "&& ({by_hand} || (github.event_name == 'issue_comment' && !github.event.issue.pull_request && {STOP_COMMENT}))"
        )
    } else {
        format!("&& {by_hand}")
    };
    vec![at_home(facts), asked]
}

/// The job that keeps the schedule.
pub(super) fn schedule(facts: &WorkflowFacts) -> Vec<String> {
    vec![at_home(facts), "&& github.event_name == 'schedule'".to_owned()]
}

/// Which runs wait for one another, where GitHub queues them.
pub(super) fn queue(facts: &WorkflowFacts) -> String {
    let environment = facts.default_environment.as_ref().or(facts.environments.first());
    let environment = environment.map_or("production", |environment| environment.as_str());
    format!(
        "format('runbook-{{0}}', (github.event_name == 'issue_comment' || inputs.action == 'emergency-stop') \
         && github.run_id || inputs.environment || '{environment}')"
    )
}

/// What the first job said of the next step.
const NEXT: &str = "needs.safety-gate.outputs.next";

/// What a job said of the next step; one that did not run, or broke off, said nothing.
fn said(job: &str) -> String {
    format!("needs.{job}.result == 'success' && needs.{job}.outputs.next")
}

/// Build and test.
pub(super) fn ci() -> Vec<String> {
    vec![format!("{NEXT} == 'ci'")]
}

/// The deployment. With several environments, only where the protected one is known.
pub(super) fn deploy(has_several: bool) -> Vec<String> {
    let mut lines =
        vec![format!("!cancelled() && contains(fromJSON('[\"baseline\", \"deploy\"]'), {} || {NEXT})", said("ci"))];
    if has_several {
        lines.push("&& needs.safety-gate.outputs.environment != ''".to_owned());
    }
    lines
}

/// The probes, before the watch of a run that only looks. What they found is in the journal, so nobody asks them, and a
/// watch without them takes its own.
pub(super) fn probes() -> Vec<String> {
    vec![format!("{NEXT} == 'monitor' && needs.safety-gate.outputs.action == 'update-status'")]
}

/// The watch: after the deployment, or where a run only looks.
pub(super) fn monitor() -> Vec<String> {
    vec![format!("!cancelled() && ({} || {NEXT}) == 'monitor'", said("deploy"))]
}

/// The way back, once it was decided or asked for.
pub(super) fn rollback() -> Vec<String> {
    vec![
        "!cancelled() && contains(fromJSON('[\"rollback\", \"verify\"]'),".to_owned(),
        format!("{} || {} || {NEXT})", said("monitor"), said("deploy")),
    ]
}

/// The report: for every run that began, whatever happened since.
pub(super) fn report() -> Vec<String> {
    vec!["always() && needs.safety-gate.result != 'skipped' && needs.safety-gate.outputs.run != ''".to_owned()]
}
