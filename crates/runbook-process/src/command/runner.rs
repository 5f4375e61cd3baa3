//! What the commands of one table have in common: how long each may take, what it may know, and which secrets are taken
//! out of what it prints. Where they run is for each table to say.

use std::{path::PathBuf, time::Duration};

use runbook_core::{
    Redactor,
    config::Period,
    registry::{BuildError, Scope},
};

use super::{EnvironmentTable, Invocation, Surroundings};

/// How long a command that is asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// Runs the commands of a table with the keys `timeout`, `env` and `pass_env`.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    pub(crate) timeout: Duration,
    pub(crate) surroundings: Surroundings,
    pub(crate) redactor: Redactor,
}

impl Runner {
    /// Takes the values of the keys.
    ///
    /// # Errors
    /// A timeout of nothing, or a name that no variable can have.
    pub(crate) fn new(
        scope: &Scope,
        timeout: Period,
        env: &EnvironmentTable,
        pass_env: &[String],
    ) -> Result<Self, BuildError> {
        if timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a command needs time; give it more than 0s"));
        }
        Ok(Self {
            timeout: timeout.0,
            surroundings: Surroundings::new(&scope.variables, env, pass_env)?,
            redactor: scope.redactor.clone(),
        })
    }

    /// A command, ready to run, that is asked to end before it is killed.
    pub(crate) fn invocation(&self, argv: Vec<String>, cwd: impl Into<PathBuf>) -> Invocation {
        Invocation {
            argv,
            cwd: cwd.into(),
            environment: self.surroundings.variables(),
            timeout: self.timeout,
            grace: GRACE,
            lock: None,
            keep: 0,
            redactor: self.redactor.clone(),
        }
    }
}
