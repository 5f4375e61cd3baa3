//! The commands that only look at services: `check`, `status`.

use runbook_core::{
    ExitCode, FailOn, ServiceId, StatusDocument,
    config::Config,
    engine::{Engine, known_services, services_on, shard_of_services},
    registry::Registry,
};

use super::act::learn;
use crate::{
    args::{Check, Global, Shard},
    fault::Fault,
    output::Output,
    project::Project,
    world::{Purpose, World, make_ready},
};

pub(super) async fn check(
    global: &Global,
    args: &Check,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let services = asked(&project.config, args)?;
    let document = if args.publish && !global.dry_run {
        publish(&project, &services, registry, output).await?
    } else {
        let world = World::new(&project, Vec::new(), Purpose::Look);
        Engine::assemble(&project.config, registry, &world.surroundings)?.check_exactly(&services).await
    };
    output.status(&document);
    if args.publish {
        let done = if global.dry_run { "would be published" } else { "published" };
        output.note(&format!(
            "{done} to the journal of {}: readings of {} services",
            document.environment,
            services.len()
        ));
    }
    let healths = document.services.iter().map(|service| service.health);
    Ok(FailOn::from(args.fail_on).exit_code(document.operational_status, healths))
}

/// Which services are meant: exactly these, none included.
fn asked(config: &Config, args: &Check) -> Result<Vec<ServiceId>, Fault> {
    if let Some(Shard { index, of }) = args.shard {
        return Ok(shard_of_services(config, index, of));
    }
    if !args.runs_on.is_empty() {
        return Ok(services_on(config, &args.runs_on));
    }
    let named = known_services(config, &args.services)?;
    let of_file = config.services.iter().map(|service| &service.id);
    Ok(of_file.filter(|id| named.is_empty() || named.contains(id)).cloned().collect())
}

/// Looks, and writes what was found to the journal. The history is asked as for a run: an alert may look back.
async fn publish(
    project: &Project,
    services: &[ServiceId],
    registry: &Registry,
    output: &Output,
) -> Result<StatusDocument, Fault> {
    let world = World::new(project, output.sinks(), Purpose::Look).with_history(project);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    make_ready(project)?;
    learn(&engine, output).await;
    Ok(engine.publish(services).await?)
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
