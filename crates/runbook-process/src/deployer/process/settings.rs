//! What the owner writes about a service that runs as a process.

use std::{
    path::{Component, PathBuf},
    time::Duration,
};

use runbook_core::{
    config::Period,
    registry::{BuildError, Lookup},
};
use serde::Deserialize;

use crate::command::{Argv, EnvironmentTable, Placeholder, Surroundings};

/// The keys of `deploy = { kind = "process" }`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalProcessSettings {
    /// The service's program and arguments, with `{version}`, `{commit}`, `{component}` and `{environment}`. No shell
    /// reads it. A program with a `/` is one of the release's checkout. It must stay in the foreground.
    pub argv: Vec<String>,
    /// The folder to run in, relative to the checkout.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Variables for the service.
    #[serde(default)]
    pub env: EnvironmentTable,
    /// Names of variables to pass on, beside `PATH`, `HOME`, `LANG`, `LC_ALL`, `TZ`, `TMPDIR` and `USER`.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// How long the service may take to end after SIGTERM, before SIGKILL.
    #[serde(default = "default_stop_timeout")]
    pub stop_timeout: Period,
    /// How long the port may take to become free after the old release has ended.
    #[serde(default = "default_start_timeout")]
    pub start_timeout: Period,
    /// How long the service must stay alive to count as started. Whether it is healthy, the monitor finds out.
    #[serde(default = "default_settle")]
    pub settle: Period,
}

fn default_stop_timeout() -> Period {
    Period(Duration::from_secs(10))
}

fn default_start_timeout() -> Period {
    Period(Duration::from_secs(10))
}

fn default_settle() -> Period {
    Period(Duration::from_millis(300))
}

/// The settings, checked.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) argv: Argv,
    pub(super) cwd: PathBuf,
    pub(super) surroundings: Surroundings,
    pub(super) stop_timeout: Duration,
    pub(super) start_timeout: Duration,
    pub(super) settle: Duration,
}

impl Launch {
    pub(super) fn new(settings: LocalProcessSettings, variables: &Lookup) -> Result<Self, BuildError> {
        let cwd = settings.cwd.unwrap_or_default();
        if !cwd.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(BuildError::key("cwd", "expected a folder inside the checkout, such as \"api\""));
        }
        Ok(Self {
            argv: Argv::parse("argv", &settings.argv, &Placeholder::ALL)?,
            cwd,
            surroundings: Surroundings::new(variables, &settings.env, &settings.pass_env)?,
            stop_timeout: settings.stop_timeout.0,
            start_timeout: settings.start_timeout.0,
            settle: settings.settle.0,
        })
    }
}
