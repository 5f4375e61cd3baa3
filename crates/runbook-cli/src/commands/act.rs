//! The commands that start a run.

use std::{sync::Arc, time::Duration};

use runbook_core::{
    Action, Digest, ExitCode, FailOn, Health, OperationalStatus, Report, Request, ServiceId, StatusView, StepId,
    Verdict,
    engine::{Cancel, Engine, EngineError, RunResult, with_causes},
    event::Signal,
    plan::{Plan, plan_digest, stage_kind},
    ports::EventSink,
    registry::Registry,
};
use runbook_github::{ActionsEnvironment, commands as workflow, outputs};

use super::{event::FromEvent, patience::Patience, repeat};
use crate::{
    args::{Args, Command, Global, Until},
    fault::Fault,
    output::Output,
    project::Project,
    signals,
    templates::Templates,
    world::{Purpose, World, make_ready},
};

/// The longest that a run waits for the history.
const LEARN_DEADLINE: Duration = Duration::from_secs(15);

/// What a command or an event asks for, before anything is known of the world.
pub(super) struct Wish {
    pub(super) action: Action,
    pub(super) component: Option<ServiceId>,
    pub(super) version: Option<String>,
    pub(super) force: bool,
    pub(super) reason: Option<String>,
    pub(super) until: Option<StepId>,
    /// How long a lock that another run holds is waited for.
    pub(super) wait: Duration,
    pub(super) fail_on: FailOn,
    /// The digest that the plan must have.
    pub(super) expect: Option<Digest>,
    /// What the event knows of who asks and from where.
    pub(super) event: Option<FromEvent>,
}

impl Wish {
    /// Nothing but an action.
    pub(super) fn plain(action: Action) -> Self {
        Self {
            action,
            component: None,
            version: None,
            force: false,
            reason: None,
            until: None,
            wait: Duration::ZERO,
            fail_on: FailOn::Never,
            expect: None,
            event: None,
        }
    }
}

/// How far a wish came.
pub(super) struct Carried {
    pub(super) code: ExitCode,
    /// The report of the run; `None` where none began.
    pub(super) report: Option<Report>,
    /// The digest of the plan; `None` where it was made by an earlier process.
    pub(super) digest: Option<Digest>,
}

impl Carried {
    pub(super) fn of(code: ExitCode, result: RunResult, digest: Option<Digest>) -> Self {
        Self { code, report: Some(result.report), digest }
    }
}

fn wish(command: &Command) -> Result<Wish, Fault> {
    let plain = Wish::plain;
    Ok(match command {
        Command::UpdateStatus(args) => Wish {
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            wait: waits(&args.until),
            fail_on: args.fail_on.into(),
            ..plain(Action::UpdateStatus)
        },
        Command::Deploy(args) => Wish {
            version: args.version.clone(),
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            wait: waits(&args.until),
            ..plain(Action::Deploy)
        },
        Command::Rollback(args) => Wish {
            version: args.version.clone(),
            force: args.force,
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            wait: waits(&args.until),
            ..plain(Action::Rollback)
        },
        Command::UpdateComponent(args) => Wish {
            component: args.service().map_err(|error| Fault::usage(error.to_string()))?,
            version: args.version.clone(),
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            wait: waits(&args.until),
            ..plain(Action::UpdateComponent)
        },
        Command::EmergencyStop(args) => Wish { reason: args.why.reason.clone(), ..plain(Action::EmergencyStop) },
        Command::Resume(args) => Wish { reason: Some(args.reason.clone()), ..plain(Action::Resume) },
        other => return Err(Fault::internal(format!("{other:?} is not an action"))),
    })
}

/// How long a lock is waited for, as it was asked for.
pub(super) fn waits(until: &Until) -> Duration {
    until.wait.map_or(Duration::ZERO, |period| period.0)
}

/// Plans and executes an action.
pub(super) async fn act(args: &Args, registry: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    carry_out(wish(&args.command)?, &args.global, registry, output).await.map(|carried| carried.code)
}

/// Plans and executes a wish, or tells how it came out when it was carried out before. A plan other than the expected one
/// is not executed: then there is its digest, and no report.
pub(super) async fn carry_out(
    wish: Wish,
    global: &Global,
    registry: &Registry,
    output: &Output,
) -> Result<Carried, Fault> {
    // From the first moment on, a signal ends in a report.
    let cancel = signals::listen(output)?;
    let project = Project::load(global, wish.action != Action::UpdateStatus)?;
    let sinks: Vec<Arc<dyn EventSink>> = output.sinks();
    let purpose = match wish.action {
        _ if global.dry_run => Purpose::Plan,
        Action::EmergencyStop => Purpose::Stop,
        _ => Purpose::Act,
    };
    let mut world = World::new(&project, sinks, purpose);
    // Who looks first is told of a wrong template; a run goes on with the built-in one.
    if purpose == Purpose::Plan
        && let Some(problem) = world.templates.problems.first()
    {
        return Err(problem.clone().into());
    }
    if purpose != Purpose::Plan {
        world = world.with_history(&project);
    }
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let early = |()| Fault::aborted(cancel.signal());
    let (mut actor, mut origin) = tokio::select! {
        found = world.origin() => found,
        ended = cancel.requested() => return Err(early(ended)),
    };
    if let Some(event) = &wish.event {
        event.lay_over(&mut actor, &mut origin);
    }
    let request = Request {
        action: wish.action,
        environment: project.config.environment.clone(),
        component: wish.component.clone(),
        version: wish.version.clone(),
        force: wish.force,
        actor,
        reason: wish.reason.clone(),
        origin,
    };
    let make_ready = || match make_ready(&project) {
        // A stop goes on where the state directory cannot be written.
        Err(_) if request.action == Action::EmergencyStop => Ok(()),
        ready => ready,
    };
    if purpose == Purpose::Act && project.state_dir.exists() {
        make_ready()?;
    }
    if let Some(run) = repeat::run_of(&request, purpose, &engine).await? {
        return repeat::tell_again(run, &world, &engine, wish.fail_on, output).await;
    }
    let patience = Patience::of(&wish);
    loop {
        if purpose == Purpose::Act {
            patience.wait(&engine, &cancel, output).await?;
        }
        let plan = tokio::select! {
            plan = engine.prepare(&request, &project.config) => plan?,
            ended = cancel.requested() => return Err(early(ended)),
        };
        let digest = Some(plan_digest(&plan));
        if purpose == Purpose::Plan {
            output.plan(&plan);
            return Ok(Carried { code: ExitCode::Succeeded, report: None, digest });
        }
        if wish.expect.is_some() && wish.expect != digest {
            return Ok(Carried { code: ExitCode::Blocked, report: None, digest });
        }
        if let Some(step) = wish.until.as_ref().filter(|step| plan.step(step).is_none()) {
            return Err(no_step(step, &plan));
        }
        // Made only now: a request that could not be planned leaves no trace.
        make_ready()?;
        output.begin(&plan, world.actions.is_some());
        let request = request.clone();
        let result = if request.action.changes_services() {
            // Nobody who deploys, returns or stops waits for the past.
            let run = execute(&engine, request, plan, wish.until.as_ref(), &cancel);
            let (result, ()) = tokio::join!(run, learn(&engine, output));
            result
        } else {
            learn(&engine, output).await;
            execute(&engine, request, plan, wish.until.as_ref(), &cancel).await
        };
        let result = match result {
            // Somebody else was faster with the same request.
            Err(EngineError::Repeated(run)) => {
                return repeat::tell_again(run, &world, &engine, wish.fail_on, output).await;
            }
            result => result?,
        };
        if result.was_kept_away() && patience.has_more() && cancel.signal().is_none() {
            output.note("another run was faster; waiting for it");
            continue;
        }
        let code = tell(&world, &engine, &result, wish.fail_on, output).await;
        return Ok(Carried::of(code, result, digest));
    }
}

async fn execute(
    engine: &Engine,
    request: Request,
    plan: Plan,
    until: Option<&StepId>,
    cancel: &Cancel,
) -> Result<RunResult, EngineError> {
    match until {
        Some(step) => engine.execute_until(request, plan, step, cancel).await,
        None => engine.execute(request, plan, cancel).await,
    }
}

fn no_step(step: &StepId, plan: &Plan) -> Fault {
    let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    Fault::usage(format!("{} has no step {:?}", plan.action, step.as_str()))
        .hint(format!("its steps are {}", steps.join(", ")))
}

/// Tells how a run came out, or how far it came: people, programs, and GitHub Actions.
pub(super) async fn tell(
    world: &World,
    engine: &Engine,
    result: &RunResult,
    fail_on: FailOn,
    output: &Output,
) -> ExitCode {
    output.report(&result.report);
    if let Some(next) = &result.report.next {
        output.note(&format!("left for the next stage: runbook stage {next} --run {}", result.run.run));
    }
    if let Some(actions) = &world.actions {
        tell_actions(actions, &world.templates, engine, result, output).await;
    }
    exit_code(result, fail_on)
}

/// Brings the history up to the journal; what fails here is said, and changes nothing.
pub(super) async fn learn(engine: &Engine, output: &Output) {
    match tokio::time::timeout(LEARN_DEADLINE, engine.learn()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => output.warn(&format!("the history was not kept: {}", with_causes(&error))),
        Err(_) => output.warn(&format!("the history was not kept: it took longer than {} s", LEARN_DEADLINE.as_secs())),
    }
}

pub(super) fn exit_code(result: &RunResult, fail_on: FailOn) -> ExitCode {
    // Nobody knows yet how it will end.
    if result.run.verdict.is_none() {
        return ExitCode::Succeeded;
    }
    match (result.verdict(), result.run.cancelled) {
        (Verdict::Aborted, Some(Signal::Terminate)) => ExitCode::Terminated,
        // Without a signal it was a stop or a takeover that ended it.
        (Verdict::Aborted, None) => ExitCode::Blocked,
        (Verdict::Succeeded, _) if result.run.request.action == Action::UpdateStatus => {
            let healths = result.report.services.iter().map(|service| service.health);
            fail_on.exit_code(result.report.operational_status, healths)
        }
        (verdict, _) => verdict.into(),
    }
}

/// The run page of GitHub Actions: summary, outputs, annotations. What fails here is said, and changes no verdict.
async fn tell_actions(
    actions: &ActionsEnvironment,
    templates: &Templates,
    engine: &Engine,
    result: &RunResult,
    output: &Output,
) {
    let report = &result.report;
    let ports = engine.ports();
    let mut view = StatusView::of(&result.run, &result.environment, &ports.status, report.finished_at);
    view.set_trends(&ports.trends(report.finished_at).await);
    if let Some(path) = &actions.step_summary {
        let made = templates
            .renderer()
            .and_then(|renderer| renderer.or_embedded(|by| by.step_summary(&view)).map_err(|error| error.to_string()));
        let written = made.and_then(|(text, problem)| {
            if let Some(problem) = problem {
                output.warn(&format!("the built-in step summary was written: {}", with_causes(&problem)));
            }
            outputs::append_step_summary(path, &text).map_err(|error| error.to_string())
        });
        if let Err(error) = written {
            output.warn(&format!("the step summary was not written: {error}"));
        }
    }
    if let Some(path) = &actions.output {
        let verdict = result.run.verdict.as_ref().map(|(verdict, _)| verdict.to_string()).unwrap_or_default();
        let next = report.next.as_ref().map(ToString::to_string).unwrap_or_default();
        let issue = report.issue.as_ref().map(|issue| issue.number.to_string()).unwrap_or_default();
        let values = [
            ("run", report.run.to_string()),
            ("action", report.action.to_string()),
            ("environment", report.environment.to_string()),
            ("next", next),
            ("verdict", verdict),
            ("operational-status", report.operational_status.to_string()),
            ("issue", issue),
        ];
        for (name, value) in values {
            if let Err(error) = outputs::append_output(path, name, &value) {
                output.warn(&format!("the output {name} was not written: {error}"));
            }
        }
    }
    // Planned maintenance warns nobody, and a service that suffers from another is told with that one.
    let told = report.services.iter().filter(|row| row.health != Health::Healthy);
    for service in told.filter(|row| row.maintenance.is_none() && row.caused_by.is_none()) {
        let title = format!("{} is {}", service.name, service.health);
        output.workflow_command(&workflow::warning(&title, &service.evidence));
    }
    tell_of_the_report(report, templates, output);
    let is_bad = result.run.verdict.is_some()
        && matches!(
            result.verdict(),
            Verdict::Blocked | Verdict::Failed | Verdict::NeedsOperator | Verdict::RolledBack
        );
    if is_bad {
        let reason = report.verdict_reason.as_deref().unwrap_or_default();
        let title = format!("{}: {}", report.action, result.verdict().phrase());
        output.workflow_command(&workflow::error(&title, reason));
    } else if report.operational_status == OperationalStatus::Critical {
        output.workflow_command(&workflow::warning("CRITICAL", &report.status_reasons.join("; ")));
    }
}

/// What did not go well with telling people, unless it is the verdict's reason: then that says it.
fn tell_of_the_report(report: &Report, templates: &Templates, output: &Output) {
    let row = report.stages.iter().find(|row| row.id.as_str() == stage_kind::REPORT);
    let row =
        row.filter(|row| matches!(row.outcome.as_str(), "warned" | "failed") && row.reason != report.verdict_reason);
    if let Some(row) = row {
        let title = format!("the report {}", row.outcome);
        output.workflow_command(&workflow::warning(&title, row.reason.as_deref().unwrap_or_default()));
    } else if report.issue.is_none() {
        templates.warnings().for_each(|line| output.workflow_command(&workflow::warning("templates", &line)));
    }
}
