//! What the templates of the workflow show: the head, each job, and the job that keeps the schedule.

mod probes;

use runbook_core::{Action, StepId};
use serde::Serialize;

use super::{
    conditions,
    facts::{WorkflowFacts, WorkflowInstall, WorkflowLayout},
};

/// The workflow's name, as people see it.
pub(super) const NAME: &str = "AI Agent Handoff & Autonomous Runbook";

/// The actions that are used, each by the commit of a release.
#[derive(Debug, Clone, Copy, Serialize)]
struct Pins {
    checkout: &'static str,
    cache: &'static str,
    upload: &'static str,
}

const PINS: Pins = Pins {
    checkout: "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    cache: "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5",
    upload: "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
};

/// The beginning of the file.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    layout: &'static str,
    run_name: &'static str,
    minute: u64,
    branch: &'a str,
    after: &'a [String],
    has_issue: bool,
    actions: Vec<&'static str>,
    components: Vec<&'a str>,
    environments: Vec<&'a str>,
    default_environment: Option<&'a str>,
    queue: Option<String>,
}

/// What one job shows.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Job {
    id: String,
    name: String,
    needs: Option<String>,
    why: &'static str,
    condition: Vec<String>,
    /// The numbers of the jobs that this one is spread over, as a list.
    shards: Option<String>,
    at_once: u32,
    runs_on: String,
    minutes: u32,
    permissions: Vec<&'static str>,
    group: Option<&'static str>,
    environment: Option<String>,
    outputs: Vec<Pair>,
    #[serde(rename = "ref")]
    git_ref: String,
    keeps_credentials: bool,
    install: bool,
    version: String,
    pins: Pins,
    steps: Vec<Step>,
    reports: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Step {
    name: String,
    id: Option<String>,
    condition: Option<&'static str>,
    run: String,
    env: Vec<Pair>,
}

#[derive(Debug, Clone, Serialize)]
struct Pair {
    name: String,
    value: String,
}

/// The job that keeps the schedule.
#[derive(Debug, Serialize)]
pub(super) struct Schedule<'a> {
    schedule_if: Vec<String>,
    runs_on: String,
    file: &'a str,
}

pub(super) fn head(facts: &WorkflowFacts) -> Head<'_> {
    Head {
        layout: facts.layout.as_str(),
        run_name: "format('{0}{1}{2}', inputs.action || github.event_name, \
                   inputs.environment && format(' in {0}', inputs.environment) || '', \
                   inputs.request_id && format(' ({0})', inputs.request_id) || '')",
        minute: facts.minute(),
        branch: &facts.branch,
        after: &facts.after,
        has_issue: facts.uses.status_issue,
        actions: Action::ALL.map(Action::as_str).to_vec(),
        components: std::iter::once("all").chain(facts.services.iter().map(|id| id.as_str())).collect(),
        environments: facts.environments.iter().map(|id| id.as_str()).collect(),
        default_environment: facts.default_environment.as_ref().map(|id| id.as_str()),
        queue: facts.queue.then(|| conditions::queue(facts)),
    }
}

pub(super) fn schedule(facts: &WorkflowFacts) -> Schedule<'_> {
    Schedule { schedule_if: conditions::schedule(facts), runs_on: runs_on(facts), file: &facts.file }
}

/// The jobs, in the order of the stages.
pub(super) fn jobs(facts: &WorkflowFacts) -> Vec<Job> {
    let mut jobs = match facts.layout {
        WorkflowLayout::Single => vec![whole_run(facts)],
        WorkflowLayout::Jobs => {
            let mut jobs = vec![gate(facts), ci(facts), deploy(facts)];
            let probes = probes::jobs(facts);
            let monitor = monitor(facts, &probes);
            jobs.extend(probes);
            jobs.extend([monitor, rollback(facts), report(facts)]);
            jobs
        }
    };
    jobs.push(stop(facts));
    jobs
}

/// Where the run's id comes from, in the jobs after the first.
const RUN: &str = "needs.safety-gate.outputs.run";
const ENVIRONMENT: &str = "needs.safety-gate.outputs.environment";

fn whole_run(facts: &WorkflowFacts) -> Job {
    let uses = &facts.uses;
    let mut permissions = vec![contents(facts, uses.pushes_branch)];
    permissions.extend(uses.status_issue.then_some("issues: write"));
    permissions.extend(uses.checks.then_some(["checks: read", "statuses: read"]).into_iter().flatten());
    permissions.extend(uses.deployments.then_some("deployments: write"));
    permissions.extend(uses.pull_request.then_some("pull-requests: write"));
    let steps = vec![event(facts, "", !facts.queue), monitoring_report(facts, "steps.event.outputs.environment", None)];
    Job {
        why: "Every event but an emergency stop, in the repository itself; what is no event of ours ends here.",
        outputs: outputs("steps.event.outputs", &["run", "action", "verdict", "operational-status", "issue"]),
        keeps_credentials: uses.pushes_branch,
        reports: true,
        ..job(
            facts,
            "runbook",
            "🤖 Runbook",
            waiting(facts, facts.minutes.single),
            conditions::event(facts),
            permissions,
            steps,
        )
    }
}

fn gate(facts: &WorkflowFacts) -> Job {
    let uses = &facts.uses;
    let mut permissions = vec![contents(facts, false)];
    permissions.extend(uses.status_issue.then_some("issues: write"));
    permissions.extend(uses.checks.then_some(["checks: read", "statuses: read"]).into_iter().flatten());
    let mut steps = vec![event(facts, " --until safety-gate", !facts.queue)];
    steps.extend(custom(facts, "safety-gate", "steps.event.outputs.run", "steps.event.outputs.environment"));
    let mut outputs = outputs("steps.event.outputs", &["run", "action", "environment", "verdict"]);
    outputs.push(pair("next", &next_of(&steps)));
    outputs.push(pair("commit", "steps.checkout.outputs.commit"));
    Job {
        why: "Every event but an emergency stop, in the repository itself; what is no event of ours ends here.",
        outputs,
        ..job(
            facts,
            "safety-gate",
            "🛡️ Safety Gate",
            waiting(facts, facts.minutes.gate),
            conditions::event(facts),
            permissions,
            steps,
        )
    }
}

fn ci(facts: &WorkflowFacts) -> Job {
    let steps = stages(facts, &[("ci", "Build and test")]);
    Job {
        why: "Where a release is to be deployed.",
        ..later(facts, "ci", "🔧 CI Pipeline", "safety-gate", facts.minutes.ci, conditions::ci(), steps)
    }
}

fn deploy(facts: &WorkflowFacts) -> Job {
    let has_several = facts.environments.len() > 1;
    // The baseline is taken along with what follows it.
    let mut steps = custom(facts, "baseline", RUN, ENVIRONMENT);
    steps.extend(stages(facts, &[("deploy", "Deploy")]));
    let environment = match facts.environments.first() {
        Some(environment) if !has_several => environment.to_string(),
        _ => format!("${{{{ {ENVIRONMENT} }}}}"),
    };
    let job = later(
        facts,
        "deploy",
        "🚀 Deployment",
        "safety-gate, ci",
        facts.minutes.deploy,
        conditions::deploy(has_several),
        steps,
    );
    Job {
        why: "The only job that waits for the reviewers of a protected environment.",
        environment: Some(environment),
        ..with_deployments(facts, job)
    }
}

/// The watch, once all probes have ended, however they did.
fn monitor(facts: &WorkflowFacts, probes: &[Job]) -> Job {
    let steps = stages(facts, &[("monitor", "Watch")]);
    let needs: Vec<&str> =
        ["safety-gate", "deploy"].into_iter().chain(probes.iter().map(|job| job.id.as_str())).collect();
    let job = later(
        facts,
        "monitor",
        "📊 Monitoring",
        &needs.join(", "),
        facts.minutes.monitor,
        conditions::monitor(),
        steps,
    );
    Job { why: "After a deployment, and where a run only looks.", ..job }
}

fn rollback(facts: &WorkflowFacts) -> Job {
    let steps = stages(facts, &[("rollback", "Roll back"), ("verify", "Verify")]);
    let mut job = later(
        facts,
        "rollback",
        "🔄 Rollback",
        "safety-gate, deploy, monitor",
        facts.minutes.rollback,
        conditions::rollback(),
        steps,
    );
    if facts.uses.pushes_branch {
        job.permissions = vec![contents(facts, true)];
    }
    let mut job = with_deployments(facts, job);
    job.permissions.extend(facts.uses.pull_request.then_some("pull-requests: write"));
    Job { why: "Where a rollback was asked for, or decided.", keeps_credentials: facts.uses.pushes_branch, ..job }
}

fn report(facts: &WorkflowFacts) -> Job {
    let mut steps = stages(facts, &[("report", "Update the status issue")]);
    if let Some(first) = steps.first_mut() {
        first.condition = Some("needs.safety-gate.outputs.next != ''");
    }
    steps.push(monitoring_report(facts, ENVIRONMENT, Some(RUN)));
    let mut job = later(
        facts,
        "report",
        "📋 Update Status Issue",
        "safety-gate, ci, deploy, monitor, rollback",
        facts.minutes.report,
        conditions::report(),
        steps,
    );
    job.permissions.extend(facts.uses.status_issue.then_some("issues: write"));
    // The report ends the deployments that the run has told of.
    let job = with_deployments(facts, job);
    Job { why: "For every run that began, whatever became of it.", outputs: Vec::new(), reports: true, ..job }
}

fn stop(facts: &WorkflowFacts) -> Job {
    let mut permissions = vec![contents(facts, false)];
    permissions.extend(facts.uses.status_issue.then_some("issues: write"));
    let steps = vec![event(facts, "", false), monitoring_report(facts, "steps.event.outputs.environment", None)];
    Job {
        why: "It needs no other job, no reviewer, and waits for nothing.",
        group: Some("format('runbook-emergency-stop-{0}', github.run_id)"),
        reports: true,
        ..job(
            facts,
            "emergency-stop",
            "🛑 Emergency Stop",
            facts.minutes.stop,
            conditions::stop(facts),
            permissions,
            steps,
        )
    }
}

/// A job that begins with the default branch, or the commit that was pushed to it.
fn job(
    facts: &WorkflowFacts,
    id: &str,
    name: &str,
    minutes: u32,
    condition: Vec<String>,
    permissions: Vec<&'static str>,
    steps: Vec<Step>,
) -> Job {
    let version = match &facts.install {
        WorkflowInstall::Release(version) => version.clone(),
        WorkflowInstall::Checkout | WorkflowInstall::Preinstalled => String::new(),
    };
    Job {
        id: id.to_owned(),
        name: name.to_owned(),
        needs: None,
        why: "",
        condition,
        shards: None,
        at_once: 1,
        runs_on: runs_on(facts),
        minutes,
        permissions,
        group: None,
        environment: None,
        outputs: Vec::new(),
        git_ref: format!("github.event_name == 'push' && github.sha || '{}'", facts.branch),
        keeps_credentials: false,
        install: !version.is_empty(),
        version,
        pins: PINS,
        steps,
        reports: false,
    }
}

/// A job that goes on with the run of the first one: on the same commit, because the configuration is part of the plan.
fn later(
    facts: &WorkflowFacts,
    id: &str,
    name: &str,
    needs: &str,
    minutes: u32,
    condition: Vec<String>,
    steps: Vec<Step>,
) -> Job {
    Job {
        needs: Some(needs.to_owned()),
        git_ref: format!("needs.safety-gate.outputs.commit || '{}'", facts.branch),
        outputs: vec![pair("next", &next_of(&steps))],
        ..job(facts, id, name, minutes, condition, vec![contents(facts, false)], steps)
    }
}

fn with_deployments(facts: &WorkflowFacts, mut job: Job) -> Job {
    job.permissions.extend(facts.uses.deployments.then_some("deployments: write"));
    job
}

/// What a job may do with the repository: a journal at the remote is written by every job.
fn contents(facts: &WorkflowFacts, pushes: bool) -> &'static str {
    if facts.uses.remote_journal || pushes { "contents: write" } else { "contents: read" }
}

fn runs_on(facts: &WorkflowFacts) -> String {
    runner(&facts.runs_on)
}

fn runner(labels: &[String]) -> String {
    match labels {
        [label] => super::yaml::scalar(label),
        labels => {
            let labels: Vec<String> = labels.iter().map(|label| super::yaml::scalar(label)).collect();
            format!("[{}]", labels.join(", "))
        }
    }
}

fn call(facts: &WorkflowFacts) -> String {
    let program = match facts.install {
        WorkflowInstall::Checkout => "cargo xtask run",
        WorkflowInstall::Release(_) | WorkflowInstall::Preinstalled => "runbook",
    };
    match &facts.config {
        None => program.to_owned(),
        Some(file) => format!("{program} --config {file}"),
    }
}

/// What says the environment, where there are several.
fn in_environment(facts: &WorkflowFacts) -> &'static str {
    if facts.environments.len() > 1 { " --environment \"$RUNBOOK_ENVIRONMENT\"" } else { "" }
}

/// Where GitHub does not queue runs, one that changes something waits for the lock.
const WAIT: &str = " --wait 15m";
const WAIT_MINUTES: u32 = 15;

/// The time of a job that may have to wait.
fn waiting(facts: &WorkflowFacts, minutes: u32) -> u32 {
    if facts.queue { minutes } else { minutes + WAIT_MINUTES }
}

/// The step that turns the event into a request, and begins its run.
fn event(facts: &WorkflowFacts, until: &str, waits: bool) -> Step {
    Step {
        name: "Take the event in".to_owned(),
        id: Some("event".to_owned()),
        condition: None,
        run: format!("{} event{until}{}", call(facts), if waits { WAIT } else { "" }),
        env: variables(facts, &[]),
    }
}

/// These built-in steps, each with the custom stages that follow it.
fn stages(facts: &WorkflowFacts, steps: &[(&str, &str)]) -> Vec<Step> {
    let of = |&(id, name): &(&str, &str)| {
        std::iter::once(stage(facts, id, name.to_owned(), RUN, ENVIRONMENT)).chain(custom(facts, id, RUN, ENVIRONMENT))
    };
    steps.iter().flat_map(of).collect()
}

/// The custom stages that follow a built-in step, directly or after one another.
fn custom(facts: &WorkflowFacts, step: &str, run: &str, environment: &str) -> Vec<Step> {
    let mut follow: Vec<&StepId> = Vec::new();
    // The file names a stage only after the one that it follows.
    for (id, after) in &facts.stages {
        if after.as_str() == step || follow.contains(&after) {
            follow.push(id);
        }
    }
    follow.into_iter().map(|id| stage(facts, id.as_str(), format!("Stage {id}"), run, environment)).collect()
}

fn stage(facts: &WorkflowFacts, id: &str, name: String, run: &str, environment: &str) -> Step {
    let mut own = vec![pair("RUNBOOK_RUN", run)];
    if facts.environments.len() > 1 {
        own.push(pair("RUNBOOK_ENVIRONMENT", environment));
    }
    Step {
        name,
        id: Some(format!("step-{id}")),
        condition: None,
        run: format!("{} stage {id} --run \"$RUNBOOK_RUN\" --owner-is-over{}", call(facts), in_environment(facts)),
        env: variables(facts, &own),
    }
}

/// The step that writes the monitoring report: of this run, or of the newest.
fn monitoring_report(facts: &WorkflowFacts, environment: &str, run: Option<&str>) -> Step {
    let mut own: Vec<Pair> = run.map(|run| pair("RUNBOOK_RUN", run)).into_iter().collect();
    if facts.environments.len() > 1 {
        own.push(pair("RUNBOOK_ENVIRONMENT", environment));
    }
    let which = if run.is_some() { " \"$RUNBOOK_RUN\"" } else { "" };
    Step {
        name: "Write the monitoring report".to_owned(),
        id: None,
        condition: Some(if run.is_some() { "always()" } else { "always() && steps.event.outputs.run != ''" }),
        run: format!("{} report{which} --output monitoring-report{}", call(facts), in_environment(facts)),
        env: variables(facts, &own),
    }
}

/// The variables of a step: its own, then those that the configuration names. All steps have the same of the latter,
/// because a run goes on only with the configuration that it was planned with.
fn variables(facts: &WorkflowFacts, own: &[Pair]) -> Vec<Pair> {
    let named = facts.variables.iter().map(|name| pair(name, &format!("vars.{name}")));
    let secret = facts.secrets.iter().map(|name| match name.as_str() {
        "GITHUB_TOKEN" => pair(name, "github.token"),
        name => pair(name, &format!("secrets.{name}")),
    });
    let mut all: Vec<Pair> = named.chain(secret).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    own.iter().cloned().chain(all).collect()
}

/// What the last step that ran said of the next one.
fn next_of(steps: &[Step]) -> String {
    let of = steps.iter().rev().filter_map(|step| step.id.as_deref());
    of.map(|id| format!("steps.{id}.outputs.next")).collect::<Vec<_>>().join(" || ")
}

fn outputs(from: &str, names: &[&str]) -> Vec<Pair> {
    names.iter().map(|name| pair(name, &format!("{from}.{name}"))).collect()
}

fn pair(name: &str, value: &str) -> Pair {
    Pair { name: name.to_owned(), value: value.to_owned() }
}
