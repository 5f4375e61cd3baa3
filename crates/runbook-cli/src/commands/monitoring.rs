//! Services over time: `history SERVICE`, and the monitoring report of `report`.

use std::path::Path;

use jiff::Timestamp;
use runbook_core::{
    ExitCode, Report, Series, ServiceId, StatusDocument,
    engine::{Engine, known_services, with_causes},
    ports::HistoryError,
    registry::Registry,
};
use runbook_render::{MonitoringReport, RenderError, Renderer, terminal_series};
use serde_json::json;

use super::runs::{environment_after, find, replay, runs};
use crate::{
    args::{self, Global, Since},
    fault::Fault,
    output::Output,
    project::Project,
    world::{Purpose, World},
};

/// `runbook history SERVICE`.
pub(super) async fn series(
    global: &Global,
    service: &str,
    since: Since,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let services = known_services(&project.config, &[service.to_owned()])?;
    let world = World::new(&project, Vec::new(), Purpose::Look).with_history(&project);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    bring_up_to_date(&engine, global, output).await;
    let series = over_time(&engine, &services, since, world.surroundings.clock.now()).await.map_err(unreadable)?;
    let Some(series) = series.first() else {
        let message = "no history is kept: `[history] enabled = false`";
        return Err(Fault::usage(message).hint("set `[history] enabled = true`"));
    };
    let environment = &project.config.environment;
    let document = json!({ "schema": "runbook/series/v1", "environment": environment, "series": series });
    output.document_of_lines(&document, &terminal_series(series));
    Ok(ExitCode::Succeeded)
}

/// `runbook report`. What is known of the past is left out, with a warning, where it cannot be read; the run is told all
/// the same.
pub(super) async fn report(
    global: &Global,
    args: &args::Report,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let world = World::new(&project, Vec::new(), Purpose::Look).with_history(&project);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let context = &engine.ports().status;
    let now = world.surroundings.clock.now();
    let (stored, _) = replay(&world).await?;
    let all = runs(&stored);
    let run = find(&all, args.run.as_deref())?;
    bring_up_to_date(&engine, global, output).await;
    let services: Vec<ServiceId> = project.config.services.iter().map(|service| service.id.clone()).collect();
    let history = over_time(&engine, &services, args.since, now).await.unwrap_or_else(|error| {
        output.warn(&format!("the history could not be read, and is left out: {}", with_causes(&error)));
        Vec::new()
    });
    let mut report = Report::of(run, &environment_after(&stored, run.run), context);
    report.history.clone_from(&history);
    let mut status = StatusDocument::of(&engine.environment().await?, context, now);
    status.set_trends(&engine.ports().trends(now).await);
    let page = MonitoringReport {
        from: history.first().map_or_else(|| args.since.before(now), |series| series.from),
        to: now,
        status,
        report: Some(report.clone()),
        series: history,
    };
    let renderer = world.templates.renderer().map_err(Fault::internal)?;
    world.templates.warnings().for_each(|line| output.warn(&line));
    let json = serde_json::to_string_pretty(&report).map_err(|error| Fault::internal(error.to_string()))?;
    let rendered = |render: fn(&Renderer, &MonitoringReport) -> Result<String, RenderError>| {
        let (text, problem) =
            renderer.or_embedded(|by| render(by, &page)).map_err(|error| Fault::internal(with_causes(&error)))?;
        if let Some(problem) = problem {
            output.warn(&format!("the built-in page was written: {}", with_causes(&problem)));
        }
        Ok::<_, Fault>(text)
    };
    let files = [
        ("report.json", json + "\n"),
        ("report.md", rendered(Renderer::monitoring_markdown)?),
        ("report.html", rendered(Renderer::monitoring_html)?),
    ];
    if !global.dry_run {
        for (name, text) in &files {
            write(&args.output, name, text)?;
        }
    }
    let paths: Vec<String> = files.iter().map(|(name, _)| args.output.join(name).display().to_string()).collect();
    let document = json!({ "schema": "runbook/files/v1", "run": run.run, "files": paths });
    output.document(&document, &paths.join("\n"));
    Ok(ExitCode::Succeeded)
}

/// Takes what the journal tells into the history. Where that cannot be done, what is there is shown, with a warning.
async fn bring_up_to_date(engine: &Engine, global: &Global, output: &Output) {
    if global.dry_run {
        return;
    }
    if let Err(error) = engine.learn().await {
        output.warn(&format!("the history may be behind the journal: {}", with_causes(&error)));
    }
}

/// Each service from that long ago until now; nothing where no history is kept.
async fn over_time(
    engine: &Engine,
    services: &[ServiceId],
    since: Since,
    now: Timestamp,
) -> Result<Vec<Series>, HistoryError> {
    let mut found = Vec::with_capacity(services.len());
    for service in services {
        found.extend(engine.series(service, since.before(now), now, since.width_minutes()).await?);
    }
    Ok(found)
}

fn unreadable(error: HistoryError) -> Fault {
    Fault::internal(format!("the history could not be read: {}", with_causes(&error)))
}

/// Whole or not at all: a reader never sees half a page.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), Fault> {
    let path = folder.join(name);
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &path)).inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    });
    written.map_err(|error| {
        Fault::usage(format!("failed to write {}: {error}", path.display()))
            .hint("name another folder with --output DIR")
    })
}
