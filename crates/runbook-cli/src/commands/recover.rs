//! `recover`: brings runs that were interrupted to their end.

use runbook_core::{
    ExitCode,
    engine::{Engine, Unfinished},
    ports::OwnerState,
    registry::Registry,
};
use serde_json::json;

use super::{act::exit_code, runs::begins_with};
use crate::{
    args::{Global, Recover},
    fault::Fault,
    output::Output,
    project::Project,
    signals,
    world::{Purpose, World, make_ready},
};

pub(super) async fn recover(
    global: &Global,
    args: &Recover,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let cancel = signals::listen(output)?;
    let project = Project::load(global, true)?;
    let world = World::new(&project, output.sinks(), Purpose::Act).with_history(&project);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let unfinished = engine.unfinished().await?;
    let (wanted, left): (Vec<Unfinished>, Vec<Unfinished>) = match &args.run {
        Some(beginning) => {
            let none = || format!("no run without an end begins with {beginning:?}");
            (vec![begins_with(&unfinished, |run| run.run, beginning, none)?.clone()], Vec::new())
        }
        // One that was left waits for its next stage; to end it takes its name.
        None => unfinished.into_iter().partition(|run| run.owner == OwnerState::Over && !run.open.left),
    };
    let mut code = ExitCode::Succeeded;
    let mut reports = Vec::new();
    if !global.dry_run && !wanted.is_empty() {
        make_ready(&project)?;
        for run in &wanted {
            output.note(&format!("recovering {}", line(run)));
            let result = engine.recover(run.run, &project.config, args.owner_is_over, &cancel).await?;
            // The first that did not end well is the one to look at.
            if code == ExitCode::Succeeded {
                code = exit_code(&result, runbook_core::FailOn::Never);
            }
            reports.push(result.report);
        }
    }
    let rows = |runs: &[Unfinished]| -> Vec<_> { runs.iter().map(row).collect() };
    let document = json!({
        "schema": "runbook/recovery/v1",
        "environment": project.config.environment,
        "interrupted": rows(&wanted),
        "recovered": reports,
        "left": rows(&left),
    });
    let mut text: Vec<String> = Vec::new();
    if wanted.is_empty() {
        text.push("no run was interrupted".to_owned());
    } else if global.dry_run {
        text.extend(wanted.iter().map(|run| format!("would be recovered: {}", line(run))));
    }
    text.extend(reports.iter().map(|report| {
        let verdict = report.verdict.map_or("open", |verdict| verdict.phrase());
        format!("{} {}: {}", report.run, verdict, report.verdict_reason.as_deref().unwrap_or_default())
    }));
    text.extend(left.iter().map(|run| format!("left alone: {}", line(run))));
    output.document(&document, &text.join("\n"));
    Ok(code)
}

fn owner_word(state: OwnerState) -> &'static str {
    match state {
        OwnerState::Over => "over",
        OwnerState::Alive => "alive",
        OwnerState::Unknown => "unknown",
    }
}

fn row(run: &Unfinished) -> serde_json::Value {
    json!({
        "run": run.run,
        "action": run.open.action,
        "since": run.open.since,
        "owner": run.open.owner,
        "owner_state": owner_word(run.owner),
        "left": run.open.left,
        "open_effects": run.open.effects.keys().collect::<Vec<_>>(),
    })
}

fn line(run: &Unfinished) -> String {
    let owner = match run.owner {
        _ if run.open.left => "it waits for its next stage".to_owned(),
        OwnerState::Over => format!("{} is over", run.open.owner),
        OwnerState::Alive => format!("{} is at work", run.open.owner),
        OwnerState::Unknown => format!(
            "nobody here can tell whether {} is over; look there, and name the run with --owner-is-over",
            run.open.owner
        ),
    };
    format!("run {} ({} since {}): {owner}", run.run, run.open.action, run.open.since)
}
