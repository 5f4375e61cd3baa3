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

pub(super) async fn lock(
    global: &Global,
    args: &Lock,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let (project, world, engine) = open(global, registry)?;
    let reason = reason(args)?;
    if global.dry_run {
        return Ok(tell(output, &project, "would be taken", true, None));
    }
    make_ready(&project)?;
    let (actor, _) = world.origin().await;
    let lock = taken(engine.lock(&actor, reason).await)?;
    Ok(tell(output, &project, "is taken", true, Some(&lock)))
}

pub(super) async fn unlock(
    global: &Global,
    args: &Lock,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let (project, world, engine) = open(global, registry)?;
    let reason = reason(args)?;
    if global.dry_run {
        return Ok(tell(output, &project, "would be taken away", false, None));
    }
    make_ready(&project)?;
    let (actor, _) = world.origin().await;
    let lock = taken(engine.unlock(&actor, reason).await)?;
    Ok(tell(output, &project, "is taken away", false, Some(&lock)))
}

fn open(global: &Global, registry: &Registry) -> Result<(Project, World, Engine), Fault> {
    let project = Project::load(global, true)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    Ok((project, world, engine))
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

fn tell(output: &Output, project: &Project, what: &str, locked: bool, lock: Option<&Held>) -> ExitCode {
    let environment = &project.config.environment;
    let document = json!({ "schema": "runbook/lock/v1", "environment": environment, "locked": locked, "lock": lock });
    let held = lock.map(|lock| format!(" ({})", lock.held())).unwrap_or_default();
    output.document(&document, &format!("the lock of {environment} {what}{held}"));
    ExitCode::Succeeded
}
