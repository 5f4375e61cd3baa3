//! Services over time: `history SERVICE`, and the monitoring report of `report`.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use runbook_core::{
    ExitCode, Report, Series, ServiceId, StatusDocument,
    engine::{Engine, known_services, with_causes},
    ports::HistoryError,
    registry::Registry,
};
use runbook_render::{MonitoringReport, Renderer, terminal_series};
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
    let (_, series) = over_time(&engine, &services, since, world.surroundings.clock.now()).await?;
    let [series] = series.as_slice() else { return Err(Fault::internal("one service has one series".to_owned())) };
    let environment = &project.config.environment;
    let document = json!({ "schema": "runbook/series/v1", "environment": environment, "series": series });
    output.document_of_lines(&document, &terminal_series(series));
    Ok(ExitCode::Succeeded)
}

/// `runbook report`.
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
    let services: Vec<ServiceId> = project.config.services.iter().map(|service| service.id.clone()).collect();
    let (from, history) = over_time(&engine, &services, args.since, now).await?;
    let mut report = Report::of(run, &environment_after(&stored, run.run), context);
    report.history.clone_from(&history);
    let page = MonitoringReport {
        from,
        to: now,
        status: StatusDocument::of(&engine.environment().await?, context, now),
        report: Some(report.clone()),
        series: history,
    };
    let renderer = Renderer::new().map_err(|error| Fault::internal(with_causes(&error)))?;
    let json = serde_json::to_string_pretty(&report).map_err(|error| Fault::internal(error.to_string()))?;
    let rendered = |text: Result<String, _>| text.map_err(|error| Fault::internal(with_causes(&error)));
    let files = [
        ("report.json", json + "\n"),
        ("report.md", rendered(renderer.monitoring_markdown(&page))?),
        ("report.html", rendered(renderer.monitoring_html(&page))?),
    ];
    for (name, text) in &files {
        write(&args.output, name, text)?;
    }
    let written: Vec<String> = files.iter().map(|(name, _)| args.output.join(name).display().to_string()).collect();
    let document = json!({ "schema": "runbook/files/v1", "run": run.run, "files": written });
    output.document(&document, &written.join("\n"));
    Ok(ExitCode::Succeeded)
}

/// Each service from that long ago until now, after the journal was taken in.
async fn over_time(
    engine: &Engine,
    services: &[ServiceId],
    since: Since,
    now: Timestamp,
) -> Result<(Timestamp, Vec<Series>), Fault> {
    let failed = |error: HistoryError| {
        let hint = "it can be rebuilt: delete history.sqlite from the state directory, and ask again";
        Fault::internal(format!("the history could not be read: {}", with_causes(&error))).hint(hint)
    };
    engine.learn().await.map_err(failed)?;
    let width = since.width_minutes();
    // The bucket that holds the first moment is shown whole.
    let from = now - SignedDuration::from_mins(i64::from(since.minutes.saturating_sub(width).max(1)));
    let mut found = Vec::with_capacity(services.len());
    for service in services {
        match engine.series(service, from, now, width).await.map_err(failed)? {
            Some(series) => found.push(series),
            None => {
                let message = "no history is kept: `[history] enabled = false`, or the state directory is not writable";
                return Err(Fault::usage(message).hint("set `[history] enabled = true`"));
            }
        }
    }
    Ok((from, found))
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
