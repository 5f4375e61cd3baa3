//! A request that was asked for before, under the same name: it is not carried out again, but told again.

use runbook_core::{
    Action, ExitCode, FailOn, Owner, Report, Request, RunId,
    engine::{Engine, EngineError, Next, RunResult, decide},
    ports::{Clock, SystemClock},
};

use super::{
    act::{Carried, tell},
    runs::{environment_after, replay, runs},
};
use crate::{
    fault::Fault,
    output::Output,
    world::{Purpose, World},
};

/// The run that carried out, or is carrying out, this very request. An emergency stop is not looked up: it waits for
/// nothing, and the journal itself refuses a second one.
pub(super) async fn run_of(request: &Request, purpose: Purpose, engine: &Engine) -> Result<Option<RunId>, Fault> {
    match &request.origin.request_id {
        Some(name) if purpose != Purpose::Plan && request.action != Action::EmergencyStop => {
            Ok(engine.environment().await?.run_of_request(name))
        }
        _ => Ok(None),
    }
}

/// Tells how the first run of a request came out, or how far it came.
pub(super) async fn tell_again(
    run: RunId,
    world: &World,
    engine: &Engine,
    fail_on: FailOn,
    output: &Output,
) -> Result<Carried, Fault> {
    let (stored, _) = replay(world).await?;
    // It may stand in a volume of the journal that this machine does not have.
    let Some(state) = runs(&stored).into_iter().find(|state| state.run == run) else {
        return Err(EngineError::Repeated(run).into());
    };
    let environment = environment_after(&stored, run);
    let mut report = Report::of(&state, &environment, &engine.ports().status);
    let is_open = state.verdict.is_none();
    let is_mine = is_mine(&state.owner, world);
    if is_open
        && is_mine
        && let Next::Run(step) = decide(&state.plan, &state, &environment, SystemClock.now())
    {
        report.next = Some(step);
    }
    output.note(&format!("this request was asked for before; what follows is its run {run}"));
    let result = RunResult { run: state, environment, report };
    let told = tell(world, engine, &result, fail_on, output).await;
    // While others are at it, nobody knows how it ends.
    let code = if is_open && !is_mine { ExitCode::Blocked } else { told };
    Ok(Carried::of(code, result, None))
}

/// Whether a run was begun by this very run of GitHub Actions, whose later jobs go on with it.
fn is_mine(owner: &Owner, world: &World) -> bool {
    let mine = world.actions.as_ref().map(|actions| (actions.repository.as_str(), actions.run_id.as_str()));
    matches!(owner, Owner::Job { repository, run_id, .. } if mine == Some((repository.as_str(), run_id.as_str())))
}
