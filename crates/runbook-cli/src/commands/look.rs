//! The commands that only look: `check`, `status`, `history`, `show`.

use runbook_core::{
    ExitCode, Report, RunId, StatusDocument,
    engine::{Engine, known_services, with_causes},
    event::{Head, Stored},
    registry::Registry,
    state::{EnvironmentState, RunState},
};
use serde_json::json;

use crate::{
    args::{Check, Global, History, Show},
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

/// Every event of the journal.
async fn replay(world: &World) -> Result<(Vec<Stored>, Head), Fault> {
    world.surroundings.journal.replay(Head::EMPTY).await.map_err(|error| Fault {
        code: ExitCode::Fault,
        kind: "journal",
        message: with_causes(&error),
        hint: None,
        retryable: false,
        next_command: None,
        snippet: None,
    })
}

/// Each run of the journal, oldest first.
fn runs(stored: &[Stored]) -> Vec<RunState> {
    let mut runs: Vec<RunState> = Vec::new();
    for stored in stored {
        match RunState::begin(&stored.event) {
            Some(run) => runs.push(run),
            None => runs.iter_mut().for_each(|run| run.apply(&stored.event)),
        }
    }
    runs
}

pub(super) async fn history(global: &Global, args: &History, output: &Output) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
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
    let wanted = args.run.to_ascii_lowercase();
    let all = runs(&stored);
    let found: Vec<&RunState> = all.iter().filter(|run| run.run.to_string().starts_with(&wanted)).collect();
    let run = match found.as_slice() {
        [run] => *run,
        [] => return Err(Fault::usage(format!("there is no run {:?}", args.run)).next("runbook history")),
        several => {
            let ids: Vec<String> = several.iter().map(|run| run.run.to_string()).collect();
            return Err(Fault::usage(format!("{:?} begins {} runs: {}", args.run, ids.len(), ids.join(", "))));
        }
    };
    let environment = environment_after(&stored, run.run);
    output.report(&Report::of(run, &environment, &engine.ports().status));
    Ok(ExitCode::Succeeded)
}

/// The environment as it was at the end of a run.
fn environment_after(stored: &[Stored], run: RunId) -> EnvironmentState {
    let last = stored.iter().rposition(|stored| stored.event.run == run).map_or(0, |at| at + 1);
    EnvironmentState::replay(stored[..last].iter().map(|stored| &stored.event))
}
