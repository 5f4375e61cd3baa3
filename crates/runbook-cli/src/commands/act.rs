//! The commands that start a run.

use std::{sync::Arc, time::Duration};

use runbook_core::{
    Action, ExitCode, FailOn, Health, OperationalStatus, Request, StatusView, StepId, Verdict,
    engine::{Cancel, Engine, EngineError, RunResult, with_causes},
    event::Signal,
    plan::Plan,
    ports::EventSink,
    registry::Registry,
};
use runbook_github::{ActionsEnvironment, commands as workflow, outputs};
use runbook_render::Renderer;

use crate::{
    args::{Args, Command},
    fault::Fault,
    output::Output,
    project::Project,
    signals,
    world::{Purpose, World, make_ready},
};

/// The longest that a run waits for the history.
const LEARN_DEADLINE: Duration = Duration::from_secs(15);

/// What a command asks for, before anything is known of the world.
struct Wish {
    action: Action,
    component: Option<runbook_core::ServiceId>,
    version: Option<String>,
    force: bool,
    reason: Option<String>,
    until: Option<StepId>,
    fail_on: FailOn,
}

fn wish(command: &Command) -> Result<Wish, Fault> {
    let plain = |action| Wish {
        action,
        component: None,
        version: None,
        force: false,
        reason: None,
        until: None,
        fail_on: FailOn::Never,
    };
    Ok(match command {
        Command::UpdateStatus(args) => Wish {
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            fail_on: args.fail_on.into(),
            ..plain(Action::UpdateStatus)
        },
        Command::Deploy(args) => Wish {
            version: args.version.clone(),
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            ..plain(Action::Deploy)
        },
        Command::Rollback(args) => Wish {
            version: args.version.clone(),
            force: args.force,
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            ..plain(Action::Rollback)
        },
        Command::UpdateComponent(args) => Wish {
            component: args.service().map_err(|error| Fault::usage(error.to_string()))?,
            version: args.version.clone(),
            reason: args.why.reason.clone(),
            until: args.until.until.clone(),
            ..plain(Action::UpdateComponent)
        },
        Command::EmergencyStop(args) => Wish { reason: args.why.reason.clone(), ..plain(Action::EmergencyStop) },
        Command::Resume(args) => Wish { reason: Some(args.reason.clone()), ..plain(Action::Resume) },
        other => return Err(Fault::internal(format!("{other:?} is not an action"))),
    })
}

/// Plans and executes an action.
pub(super) async fn act(args: &Args, registry: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    let wish = wish(&args.command)?;
    // From the first moment on, a signal ends in a report.
    let cancel =
        signals::listen(output).map_err(|error| Fault::internal(format!("failed to listen for signals: {error}")))?;
    let project = Project::load(&args.global, wish.action != Action::UpdateStatus)?;
    let sinks: Vec<Arc<dyn EventSink>> = output.sinks();
    let purpose = match wish.action {
        _ if args.global.dry_run => Purpose::Plan,
        Action::EmergencyStop => Purpose::Stop,
        _ => Purpose::Act,
    };
    let mut world = World::new(&project, sinks, purpose);
    if purpose != Purpose::Plan {
        world = world.with_history(&project);
    }
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let early = |()| Fault::aborted(cancel.signal());
    let (actor, origin) = tokio::select! {
        found = world.origin() => found,
        ended = cancel.requested() => return Err(early(ended)),
    };
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
    let plan = tokio::select! {
        plan = engine.prepare(&request, &project.config) => plan?,
        ended = cancel.requested() => return Err(early(ended)),
    };
    if purpose == Purpose::Plan {
        output.plan(&plan);
        return Ok(ExitCode::Succeeded);
    }
    if let Some(step) = wish.until.as_ref().filter(|step| plan.step(step).is_none()) {
        return Err(no_step(step, &plan));
    }
    // Made only now: a request that could not be planned leaves no trace.
    make_ready()?;
    output.begin(&plan, world.actions.is_some());
    let result = if request.action.changes_services() {
        // Nobody who deploys, returns or stops waits for the past.
        let run = execute(&engine, request, plan, wish.until.as_ref(), &cancel);
        let (result, ()) = tokio::join!(run, learn(&engine, output));
        result?
    } else {
        learn(&engine, output).await;
        execute(&engine, request, plan, wish.until.as_ref(), &cancel).await?
    };
    Ok(tell(&world, &engine, &result, wish.fail_on, output))
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
pub(super) fn tell(world: &World, engine: &Engine, result: &RunResult, fail_on: FailOn, output: &Output) -> ExitCode {
    output.report(&result.report);
    if let Some(next) = &result.report.next {
        output.note(&format!("left for the next stage: runbook stage {next} --run {}", result.run.run));
    }
    if let Some(actions) = &world.actions {
        tell_actions(actions, engine, result, output);
    }
    exit_code(result, fail_on)
}

/// Brings the history up to the journal; what fails here is said, and changes nothing.
async fn learn(engine: &Engine, output: &Output) {
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
fn tell_actions(actions: &ActionsEnvironment, engine: &Engine, result: &RunResult, output: &Output) {
    let report = &result.report;
    let view = StatusView::of(&result.run, &result.environment, &engine.ports().status, report.finished_at);
    if let Some(path) = &actions.step_summary {
        let written = Renderer::new()
            .and_then(|renderer| renderer.step_summary(&view))
            .map_err(|error| error.to_string())
            .and_then(|text| outputs::append_step_summary(path, &text).map_err(|error| error.to_string()));
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
