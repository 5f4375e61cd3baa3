//! Two stages of one's own, and every command of Runbook: `cargo run -p custom-stage -- --help`.
//!
//! `announce` has settings, so it is a type with a [`StageDefinition`]; `freeze` has none, so a closure is enough. The
//! configuration says where they stand:
//!
//! ```toml
//! [[stage]]
//! id = "freeze"
//! kind = "freeze"
//! after = "safety-gate"
//!
//! [[stage]]
//! id = "announce"
//! kind = "announce"
//! after = "monitor"
//! with = { file = "deployed.txt" }
//! ```

use std::{path::PathBuf, process::ExitCode};

use runbook_cli::App;
use runbook_core::{
    LeftBehind, Outcome,
    engine::StageContext,
    event::{EffectResult, Operation},
    plan::Access,
    ports::{Stage, StageError, stage_fn},
    registry::{BuildError, Ports, StageDefinition},
};

/// Writes what is live into a file. A change to the outside world, so it asks for a permit.
#[derive(Debug)]
struct Announce {
    file: PathBuf,
}

/// The keys of `with`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AnnounceSettings {
    file: PathBuf,
}

/// The file could not be written, and nothing is left of it.
#[derive(Debug)]
struct NotWritten(String);

impl std::fmt::Display for NotWritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotWritten {}

impl From<&NotWritten> for EffectResult {
    fn from(error: &NotWritten) -> Self {
        LeftBehind::NoChange.into_result(error.0.clone())
    }
}

impl StageDefinition for Announce {
    const KIND: &'static str = "announce";
    type Settings = AnnounceSettings;

    fn build(settings: AnnounceSettings, _: &Ports) -> Result<Self, BuildError> {
        if settings.file.as_os_str().is_empty() {
            return Err(BuildError::key("file", "it must name a file"));
        }
        Ok(Self { file: settings.file })
    }
}

#[async_trait::async_trait]
impl Stage for Announce {
    fn access(&self) -> Access {
        Access::Mutating
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let lines: Vec<String> =
            cx.plan().changing().map(|(service, release)| format!("{} {release}\n", service.id)).collect();
        let operation = Operation::Custom { name: "announce".to_owned(), service: None, detail: Default::default() };
        cx.effect(operation, |_permit| async {
            std::fs::write(&self.file, lines.concat())
                .map_err(|error| NotWritten(format!("failed to write {}: {error}", self.file.display())))
        })
        .await?;
        Ok(Outcome::Passed)
    }
}

fn main() -> ExitCode {
    let freeze = stage_fn(Access::ReadOnly, |_| {
        Box::pin(async {
            if PathBuf::from("FREEZE").exists() {
                return Ok(Outcome::Blocked(vec!["there is a file FREEZE".to_owned()]));
            }
            Ok(Outcome::Passed)
        })
    });
    App::new()
        .register(|registry| {
            registry.stage::<Announce>().stage_value("freeze", freeze);
        })
        .main()
}
