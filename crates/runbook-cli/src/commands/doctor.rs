//! `runbook doctor`: looks at everything that a run stands on, and says what mends it. It changes nothing but the state
//! directory, which it makes where it is missing, as any run would.

mod forge;
mod machine;
mod services;
mod workflow;

use runbook_core::{DoctorDocument, ExitCode, Finding, engine::Engine, registry::Registry};
use runbook_render::terminal_doctor;

use crate::{
    args::Global,
    fault::Fault,
    output::Output,
    project::Project,
    world::{Purpose, World},
};

pub(super) async fn doctor(global: &Global, registry: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    let project = Project::load(global, false)?;
    let world = World::new(&project, Vec::new(), Purpose::Look);
    let engine = Engine::assemble(&project.config, registry, &world.surroundings)?;
    let (journal, remotes, services, forge) = tokio::join!(
        machine::journal(&project, &world, &engine),
        machine::remotes(&project),
        services::look(&engine),
        forge::look(&project, &world),
    );
    let mut findings = machine::configuration(&project);
    findings.push(machine::state_dir(&project));
    findings.extend(journal);
    findings.extend(remotes);
    findings.push(workflow::look(global));
    findings.extend(forge);
    findings.extend(services);
    let redactor = &world.surroundings.redactor;
    let findings: Vec<Finding> =
        findings.into_iter().map(|finding| finding.map_text(|text| redactor.redact(text))).collect();
    let config = &project.config;
    let document = DoctorDocument::of(redactor.redact(&config.project.name), config.environment.clone(), findings);
    output.document_of_lines(&document, &terminal_doctor(&document));
    Ok(document.level.into())
}
