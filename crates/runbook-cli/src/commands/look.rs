//! The commands that only look at services: `check`, `status`.

use runbook_core::{
    ExitCode, StatusDocument,
    engine::{Engine, known_services},
    registry::Registry,
};

use crate::{
    args::{Check, Global},
    fault::Fault,
    output::Output,
    project::Project,
    world::{Purpose, World},
};

pub(super) async fn check(
    global: &Global,
    args: &Check,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let only = known_services(&project.config, &args.services)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let document = engine.check(&only).await;
    output.status(&document);
    Ok(document.operational_status.into())
}

pub(super) async fn status(global: &Global, registry: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let environment = engine.environment().await?;
    let document = StatusDocument::of(&environment, &engine.ports().status, world.surroundings.clock.now());
    output.status(&document);
    if !environment.open_runs.is_empty() {
        for (run, open) in &environment.open_runs {
            output.note(&format!("run {run} ({}) is open since {}: {}", open.action, open.since, open.owner));
            for key in open.effects.keys() {
                output.note(&format!("  nobody knows how this ended: {key}"));
            }
        }
    }
    Ok(document.operational_status.into())
}
