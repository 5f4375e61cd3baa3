//! `stage`: one stage of a run that another process began.

use runbook_core::{
    ExitCode, FailOn, Owner,
    engine::{Engine, Unfinished},
    registry::Registry,
};

use super::{act::tell, event::answer_ended, runs::begins_with};
use crate::{
    args::{Global, Stage},
    fault::Fault,
    output::Output,
    project::Project,
    signals,
    world::{Purpose, World, make_ready},
};

pub(super) async fn stage(
    global: &Global,
    args: &Stage,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let cancel = signals::listen(output)?;
    let project = Project::load(global, true)?;
    let world = World::new(&project, output.sinks(), Purpose::Act).with_history(&project);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let unfinished = engine.unfinished().await?;
    let wanted = wanted(&args.run, &unfinished, &world)?;
    let (run, step) = (wanted.run, &args.step);
    if global.dry_run {
        output.note(&format!("would go on with run {run} ({}) until {step} has had its turn", wanted.open.action));
        return Ok(ExitCode::Succeeded);
    }
    make_ready(&project)?;
    output.note(&format!("going on with run {run} ({}) until {step} has had its turn", wanted.open.action));
    let result = engine.stage(run, step, &project.config, args.owner_is_over, &cancel).await?;
    let code = tell(&world, &engine, &result, FailOn::Never, output).await;
    answer_ended(&project, world.actions.as_ref(), &result.report, output).await;
    Ok(code)
}

/// The run that is meant: by its id, or the one that this run of GitHub Actions began.
fn wanted<'a>(named: &str, unfinished: &'a [Unfinished], world: &World) -> Result<&'a Unfinished, Fault> {
    if named != "auto" {
        let none = || format!("no run without an end begins with {named:?}");
        return begins_with(unfinished, |run| run.run, named, none);
    }
    let Some(Owner::Job { repository, run_id, .. }) = world.actions.as_ref().map(|actions| actions.owner()) else {
        return Err(Fault::usage("`--run auto` finds the run of this run of GitHub Actions, and this is no job of it"));
    };
    let is_ours = |owner: &Owner| matches!(owner, Owner::Job { repository: of, run_id: id, .. } if *of == repository && *id == run_id);
    let none = || Fault::usage(format!("run {run_id} of GitHub Actions has begun no run that is without an end"));
    unfinished.iter().rev().find(|run| is_ours(&run.open.owner)).ok_or_else(|| none().next("runbook history"))
}
