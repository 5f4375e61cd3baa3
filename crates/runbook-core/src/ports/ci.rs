//! Port: build and test a commit.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{
    event::CommandRun,
    words::{EnvironmentId, Release},
};

/// What to build and test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiOrder {
    /// For which environment.
    pub environment: EnvironmentId,
    /// Which release; `None`: what the worktree holds.
    pub release: Option<Release>,
}

/// What CI ran. It passed when each command ended with exit code 0, and there was at least one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CiReport {
    /// Each command, in order; commands after a failed one are not run and not listed.
    pub commands: Vec<CommandRun>,
}

impl CiReport {
    /// The first command that did not end with exit code 0.
    pub fn failure(&self) -> Option<&CommandRun> {
        self.commands.iter().find(|command| command.exit_code != Some(0))
    }
}

/// CI could not be run. A command that ran and failed is no such error: it is in the report.
#[derive(Debug, thiserror::Error)]
pub enum CiError {
    /// A command could not be started.
    #[error("failed to start {argv:?}")]
    Start {
        /// The command, redacted.
        argv: Vec<String>,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A command took too long and was ended, with its whole process group.
    #[error("{argv:?} did not end within {limit_s} s and was stopped; its last words: {tail}")]
    Timeout {
        /// The command, redacted.
        argv: Vec<String>,
        /// Its limit, in seconds.
        limit_s: u64,
        /// The last lines that it printed, redacted.
        tail: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Builds and tests. It must not change services, so it may be run again after a crash.
///
/// A dropped future ends what it started.
#[async_trait]
pub trait Ci: Debug + Send + Sync {
    /// Runs all commands, in order, up to the first that fails.
    ///
    /// # Errors
    /// [`CiError`] when it could not be found out whether the commit builds.
    async fn run(&self, order: &CiOrder) -> Result<CiReport, CiError>;
}
