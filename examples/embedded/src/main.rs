//! A run inside a program of one's own: a configuration, the adapters it wants, a request, and the report.
//!
//! `cargo run -p embedded` measures what listens on APP_URL (by default `http://localhost:8000`) and prints the report.

use std::{env, path::Path, process::ExitCode, sync::Arc};

use runbook_core::{
    Action, Actor, ActorKind, Origin, Redactor, Request,
    config::Document,
    engine::{Cancel, Engine, Surroundings},
    ports::{Forge, SystemClock},
    registry::{Lookup, Registry},
};
use runbook_process::{FileJournal, ProcessLiveness};

const CONFIG: &str = r#"schema = 1
project = { name = "Embedded" }
[[service]]
id = "app"
url = "${APP_URL:-http://localhost:8000}"
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let variables = Lookup::new(|name| env::var(name).ok());
    let environment = "production".parse()?;
    let config = Document::parse(Path::new("embedded.toml"), CONFIG)?.config(&environment, &variables)?;
    let mut registry = Registry::default();
    runbook_health::register(&mut registry);
    let state_dir = env::temp_dir().join("runbook-embedded");
    let engine = Engine::assemble(&config, &registry, &surroundings(&state_dir, variables, &environment))?;
    let request = Request {
        action: Action::UpdateStatus,
        environment,
        component: None,
        version: None,
        force: false,
        actor: Actor { name: "embedded".to_owned(), kind: ActorKind::Automation },
        reason: None,
        origin: Origin { trigger: "embedded".to_owned(), ..Origin::default() },
    };
    let plan = engine.prepare(&request, &config).await?;
    let result = engine.execute(request, plan, &Cancel::default()).await?;
    for service in &result.report.services {
        println!("{}: {} ({})", service.name, service.health, service.evidence);
    }
    println!("{}: {}", result.verdict(), result.report.operational_status);
    Ok(ExitCode::from(runbook_core::ExitCode::from(result.report.operational_status).code()))
}

/// The outside world of this program: this machine's clock and journal, and nobody to tell.
fn surroundings(state_dir: &Path, variables: Lookup, environment: &runbook_core::EnvironmentId) -> Surroundings {
    Surroundings {
        root: state_dir.to_owned(),
        state_dir: state_dir.to_owned(),
        variables,
        redactor: Redactor::default(),
        clock: Arc::new(SystemClock),
        liveness: Arc::new(ProcessLiveness::new()),
        journal: Arc::new(FileJournal::open(state_dir, environment)),
        local_latch: None,
        version_control: None,
        issue_tracker: Err("this program keeps no status issue".to_owned()),
        forge: Forge::none("this program knows no forge"),
        history: None,
        sinks: Vec::new(),
        hosted_runner: false,
    }
}
