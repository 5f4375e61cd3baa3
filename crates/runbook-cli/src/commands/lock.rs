//! `lock` and `unlock`: the lock in a person's hand.

use runbook_core::{
    ExitCode,
    engine::{Engine, EngineError},
    registry::Registry,
    state::Lock as Held,
};
use serde_json::json;

use crate::{
    args::{Global, Lock},
    fault::Fault,
    output::Output,
    project::Project,
    world::{Purpose, World, make_ready},
};

/// What is done with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Take,
    TakeAway,
}

pub(super) async fn change(
    global: &Global,
    args: &Lock,
    change: Change,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let project = Project::load(global, true)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let reason = reason(args)?;
    let (done, would_be) = match change {
        Change::Take => ("is taken", "would be taken"),
        Change::TakeAway => ("is taken away", "would be taken away"),
    };
    if global.dry_run {
        return Ok(tell(output, &project, would_be, change, None));
    }
    make_ready(&project)?;
    let (actor, _) = world.origin().await;
    let lock = taken(match change {
        Change::Take => engine.lock(&actor, reason).await,
        Change::TakeAway => engine.unlock(&actor, reason).await,
    })?;
    Ok(tell(output, &project, done, change, Some(&lock)))
}

fn reason(args: &Lock) -> Result<&str, Fault> {
    let reason = args.reason.trim();
    if reason.is_empty() { Err(Fault::usage("a lock needs a reason: `--reason …`")) } else { Ok(reason) }
}

fn taken(result: Result<Result<Held, String>, EngineError>) -> Result<Held, Fault> {
    result?.map_err(|why| Fault {
        code: ExitCode::Blocked,
        kind: "lock",
        message: why,
        hint: Some("nothing was changed".to_owned()),
        retryable: false,
        next_command: Some("runbook history".to_owned()),
        snippet: None,
    })
}

fn tell(output: &Output, project: &Project, what: &str, change: Change, lock: Option<&Held>) -> ExitCode {
    let locked = change == Change::Take;
    let environment = &project.config.environment;
    let document = json!({ "schema": "runbook/lock/v1", "environment": environment, "locked": locked, "lock": lock });
    let held = lock.map(|lock| format!(" ({})", lock.held())).unwrap_or_default();
    output.document(&document, &format!("the lock of {environment} {what}{held}"));
    ExitCode::Succeeded
}
