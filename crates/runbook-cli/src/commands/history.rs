//! The commands that read what was written down: `history`, `show`.

use runbook_core::{
    ExitCode, Report,
    config::JournalHome,
    engine::{Engine, EngineError},
    registry::Registry,
    state::RunState,
};
use serde_json::json;

use super::{
    monitoring,
    runs::{environment_after, find, replay, runs},
};
use crate::{
    args::{Global, History, Show},
    fault::Fault,
    output::Output,
    project::Project,
    world::{Purpose, World},
};

pub(super) async fn history(
    global: &Global,
    args: &History,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    if let Some(service) = &args.service {
        return monitoring::series(global, service, args.since, registry, output).await;
    }
    let project = Project::load(global, false)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
    if args.start_volume {
        return start_volume(global, &project, &world, output).await;
    }
    let (stored, head) = replay(&world).await?;
    if args.verify {
        let place = world.surroundings.journal.place();
        let document = json!({ "schema": "runbook/chain/v1", "place": place, "events": head.seq, "head": head.digest });
        output.document(
            &document,
            &format!("{place}: {} event(s), each follows the one before\nhead {}", head.seq, head.digest),
        );
        return Ok(ExitCode::Succeeded);
    }
    let runs: Vec<RunState> = runs(&stored).into_iter().rev().take(args.limit).collect();
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            json!({
                "run": run.run,
                "action": run.request.action,
                "actor": run.request.actor.name,
                "started_at": run.started_at,
                "finished_at": run.finished.as_ref().map(|_| run.updated_at),
                "verdict": run.verdict.as_ref().map(|(verdict, _)| verdict),
                "reason": run.verdict.as_ref().map(|(_, reason)| reason),
                "operational_status": run.finished.as_ref().map(|(status, _)| status),
            })
        })
        .collect();
    let environment = &project.config.environment;
    let document = json!({ "schema": "runbook/history/v1", "environment": environment, "runs": rows });
    output.document(&document, &history_text(&runs));
    Ok(ExitCode::Succeeded)
}

/// Retention: what came before is no longer fetched by machines that come later. Nothing is deleted.
async fn start_volume(global: &Global, project: &Project, world: &World, output: &Output) -> Result<ExitCode, Fault> {
    let journal = &world.surroundings.journal;
    if project.config.journal.home == JournalHome::File {
        return Err(Fault::usage("a journal in a file has no volumes")
            .hint("`[journal] home = \"local\"` or `\"remote\"` keeps it in git, where it has"));
    }
    let started = match global.dry_run {
        true => None,
        false => journal.start_volume().await.map_err(EngineError::from)?,
    };
    let document = json!({ "schema": "runbook/volume/v1", "place": journal.place(), "volume": started });
    let text = match &started {
        Some(volume) => format!("the journal goes on in {volume}"),
        None => format!("a new volume would begin after {}", journal.place()),
    };
    output.document(&document, &text);
    Ok(ExitCode::Succeeded)
}

fn history_text(runs: &[RunState]) -> String {
    if runs.is_empty() {
        return "no run yet".to_owned();
    }
    let line = |run: &RunState| {
        let (verdict, reason) = match &run.verdict {
            Some((verdict, reason)) => (verdict.phrase(), reason.as_str()),
            None => ("open", ""),
        };
        let at = run.started_at.strftime("%Y-%m-%d %H:%M:%S");
        let mut reason: String = reason.chars().filter(|c| !c.is_control()).take(100).collect();
        if !reason.is_empty() {
            reason.insert_str(0, "  ");
        }
        format!("{at}  {}  {:<16} {verdict}{reason}", run.run, run.request.action)
    };
    runs.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) async fn show(
    global: &Global,
    args: &Show,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let (stored, _) = replay(&world).await?;
    let all = runs(&stored);
    let run = find(&all, Some(&args.run))?;
    let environment = environment_after(&stored, run.run);
    output.report(&Report::of(run, &environment, &engine.ports().status));
    Ok(ExitCode::Succeeded)
}
