//! What can be known without a forge: the configuration, this machine, the journal and its remote.

use std::{collections::BTreeSet, fs, io};

use runbook_core::{
    Finding,
    config::JournalHome,
    engine::{Engine, EngineError, with_causes},
    ports::JournalError,
};
use runbook_git::{Access, GitRepository};

use crate::{
    project::Project,
    world::{World, make_ready},
};

/// What the configuration leaves out, as far as that can be known from it.
pub(super) fn configuration(project: &Project) -> Vec<Finding> {
    let config = &project.config;
    let id = "configuration";
    let mut findings = Vec::new();
    if config.services.is_empty() {
        findings.push(Finding::warning(
            id,
            "no service is configured",
            "nothing is measured, so the status says nothing",
            "add a `[[service]]` with an `id` and a `url` to runbook.toml",
        ));
    }
    for service in config.services.iter().filter(|service| service.url.is_none() && service.probes.is_empty()) {
        findings.push(Finding::warning(
            id,
            format!("the service {} has neither a `url` nor a probe", service.id),
            "it stays unknown, and so no deploy of it can succeed",
            format!("give the service {} a `url`, or a `[[service.probe]]`", service.id),
        ));
    }
    let names: BTreeSet<&String> = config.secret_names.iter().collect();
    // Whether the forge's is needed, and set, is asked where the forge is asked.
    let of_forge = [Some(&config.github.token_env), config.github.app_private_key_env.as_ref()];
    for name in names {
        if of_forge.contains(&Some(name)) || project.variables.get(name).is_some() {
            continue;
        }
        findings.push(Finding::warning(
            "configuration.variables",
            format!("{name} is not set here"),
            "what asks for it is left out, or stays unknown",
            format!("export {name}=… (in a workflow: env: {{ {name}: ${{{{ secrets.{name} }}}} }})"),
        ));
    }
    if findings.is_empty() {
        let (count, environment) = (config.services.len(), &config.environment);
        findings.push(Finding::ok(id, format!("runbook.toml is valid for {environment}; services: {count}")));
    }
    findings
}

/// Whether the state directory can be written.
pub(super) fn state_dir(project: &Project) -> Finding {
    let (id, why) = ("state-directory", "runs keep history, checkouts, locks and the latch's fallback there");
    let place = project.state_dir.display();
    let mend = "make it writable, or export RUNBOOK_STATE_DIR=… with another folder";
    if let Err(fault) = make_ready(project) {
        return Finding::problem(id, fault.message, why, mend);
    }
    match try_writing(project) {
        Ok(()) => Finding::ok(id, format!("{place} can be written")),
        Err(error) => Finding::problem(id, format!("{place} cannot be written: {error}"), why, mend),
    }
}

/// A file of our own, which is gone again whatever comes of it.
fn try_writing(project: &Project) -> io::Result<()> {
    let file = project.state_dir.join(format!(".doctor-{}", std::process::id()));
    let written = fs::write(&file, b"written\n");
    let removed = fs::remove_file(&file);
    written.and(removed)
}

/// What the journal tells.
pub(super) async fn journal(project: &Project, world: &World, engine: &Engine) -> Vec<Finding> {
    let (id, why) = ("journal", "without it nothing may be changed, and nothing is remembered");
    let place = world.surroundings.journal.place();
    let environment = match engine.environment().await {
        Ok(environment) => environment,
        Err(error) => {
            let what = with_causes(&error);
            return vec![match error {
                EngineError::Newer { .. } => {
                    Finding::problem(id, what, why, "install the newest runbook: this one is older than the journal")
                }
                EngineError::Journal(JournalError::Unreachable { .. }) => {
                    Finding::unknown(id, what, why, "look at [journal] in runbook.toml, and at remote.read")
                }
                EngineError::Stuck { .. } => Finding::unknown(id, what, why, "runbook doctor, once more"),
                _ => Finding::problem(id, what, why, "runbook history --verify"),
            }];
        }
    };
    let mut findings = vec![Finding::ok(id, format!("{place} can be read"))];
    if project.config.journal.home == JournalHome::File && world.surroundings.hosted_runner {
        findings.push(Finding::warning(
            "journal.home",
            "the journal is a file of this runner, which ends with the job",
            "the next run knows nothing of the last known good release, the lock or the latch",
            "set `home = \"remote\"` in [journal], and give the job permissions: { contents: write }",
        ));
    }
    if let Some(latch) = &environment.latch {
        findings.push(Finding::warning(
            "stop-latch",
            format!("the stop latch is set: {}", latch.reason),
            "no run may change a service",
            "runbook resume --reason WHY",
        ));
    }
    for (run, open) in environment.open_runs.iter().filter(|(_, open)| !open.effects.is_empty()) {
        findings.push(Finding::warning(
            "journal.open-runs",
            format!("run {run} ({}) is under way, or was interrupted in a change: {}", open.action, open.owner),
            "what its services run is unknown until somebody has looked",
            format!("runbook recover {run} (once {} is over)", open.owner),
        ));
    }
    findings
}

/// The remotes that runs push to: the journal's, and that of rollback branches.
pub(super) async fn remotes(project: &Project) -> Vec<Finding> {
    let config = &project.config;
    let shared = (config.journal.home == JournalHome::Remote).then_some(config.journal.remote.as_str());
    let branches = config.rollback.push.as_deref().filter(|_| config.rollback.branch);
    let repository = match GitRepository::open(&project.root) {
        Ok(repository) => repository,
        Err(error) => {
            let why = "versions are its tags and commits, so without it nothing is deployed and nothing rolled back";
            return vec![Finding::warning("repository", with_causes(&error), why, "git clone, or git init")];
        }
    };
    let mut findings = vec![Finding::ok("repository", format!("{} is a git repository", repository.root().display()))];
    if let Some(remote) = shared {
        let token = config.journal.token_env.as_ref().and_then(|name| project.variables.secret(name));
        let access = repository.remote_access(remote, token.as_ref()).await;
        let (place, why) = (&access.remote, "the journal lives there: without it nothing may be changed");
        findings.push(of_access("remote.read", &format!("the journal at {place} can be read"), &access.read, why));
        findings.push(of_access("remote.push", &format!("{place} lets a push in"), &access.push, why));
    }
    if let Some(remote) = branches {
        let access = repository.remote_access(remote, None).await;
        let why = "a rollback would return the services, and its branch would stay on this machine";
        let what = format!("{} lets a push in", access.remote);
        // Where it cannot be read, the reason is there.
        let push = if access.read == Access::Allowed { &access.push } else { &access.read };
        findings.push(of_access("rollback.push", &what, push, why));
    }
    findings
}

fn of_access(id: &str, allowed: &str, access: &Access, why: &str) -> Finding {
    let mend = "git ls-remote, then git push, by hand from here (in a job: permissions: { contents: write }, or \
                `token_env` in [journal])";
    match access {
        Access::Allowed => Finding::ok(id, allowed),
        Access::Refused(said) => Finding::problem(id, said, why, mend),
        Access::Unknown(said) => Finding::unknown(id, said, why, mend),
    }
}
