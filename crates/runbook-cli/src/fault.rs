//! What goes wrong before, or instead of, a run: kind, message, hint, and the exit code.

use runbook_core::{
    ExitCode, Redactor,
    config::{ConfigError, Snippet},
    engine::{EngineError, PrepareError, with_causes},
    event::Signal,
    plan::PlanError,
    ports::JournalError,
};
use serde::{Deserialize, Serialize};

/// A fault, for people and programs.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The exit code.
    pub code: ExitCode,
    /// A word for programs: `usage`, `configuration`, `version`, `journal`, `lock`, `permission`, `plan`, `internal`.
    pub kind: &'static str,
    /// What went wrong and where.
    pub message: String,
    /// What mends it.
    pub hint: Option<String>,
    /// Whether the same command may work later.
    pub retryable: bool,
    /// The command to try next.
    pub next_command: Option<String>,
    /// The place in a file, for drawing; boxed, because most faults have none.
    pub(crate) snippet: Option<Box<(String, Snippet)>>,
}

/// `runbook/error/v1`: the last document of a command that ended without a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDocument {
    /// Always `runbook/error/v1`.
    pub schema: String,
    /// The exit code.
    pub code: u8,
    /// A word for programs.
    pub kind: String,
    /// What went wrong and where.
    pub message: String,
    /// What mends it.
    pub hint: Option<String>,
    /// Whether the same command may work later.
    pub retryable: bool,
    /// The command to try next.
    pub next_command: Option<String>,
}

impl Fault {
    fn new(code: ExitCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { code, kind, message: message.into(), hint: None, retryable: false, next_command: None, snippet: None }
    }

    /// The command was used wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, "usage", message)
    }

    /// Runbook itself failed.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Fault, "internal", message)
    }

    /// A signal came before the run began.
    pub(crate) fn aborted(signal: Option<Signal>) -> Self {
        let code = if signal == Some(Signal::Terminate) { ExitCode::Terminated } else { ExitCode::Interrupted };
        Self::new(code, "aborted", "ended by a signal before the run began; nothing was changed")
    }

    /// Adds what mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the command to try next.
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next_command = Some(command.into());
        self
    }

    /// Takes secrets out of its words: what could not be understood may hold one.
    pub(crate) fn redacted(mut self, redactor: &Redactor) -> Self {
        self.message = redactor.redact(&self.message);
        self.hint = self.hint.map(|hint| redactor.redact(&hint));
        self.next_command = self.next_command.map(|command| redactor.redact(&command));
        self
    }

    pub(crate) fn document(&self) -> ErrorDocument {
        ErrorDocument {
            schema: "runbook/error/v1".to_owned(),
            code: self.code.code(),
            kind: self.kind.to_owned(),
            message: self.message.clone(),
            hint: self.hint.clone(),
            retryable: self.retryable,
            next_command: self.next_command.clone(),
        }
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        let mut fault = Self::new(ExitCode::Usage, "configuration", error.to_string());
        fault.hint.clone_from(&error.hint);
        fault.snippet = error.snippet.map(|snippet| Box::new((error.file.display().to_string(), snippet)));
        fault
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        let message = with_causes(&error);
        match error {
            EngineError::Newer { .. } => Self::new(ExitCode::Blocked, "journal", message),
            EngineError::TakenUp(_) => Self::new(ExitCode::Blocked, "lock", message)
                .hint("this process changes nothing more; the run is told where it goes on"),
            EngineError::Repeated(run) => {
                Self::new(ExitCode::Blocked, "lock", message).next(format!("runbook show {run}"))
            }
            EngineError::NotOpen { .. } => Self::new(ExitCode::Blocked, "lock", message).next("runbook history"),
            EngineError::NotYet { run, ref missing, .. } => {
                let next = format!("runbook stage {missing} --run {run}");
                Self::new(ExitCode::Blocked, "turn", message).next(next)
            }
            EngineError::NoStage { .. } => Self::new(ExitCode::Usage, "configuration", message),
            EngineError::Journal(JournalError::Damaged { .. }) => Self::new(ExitCode::Fault, "journal", message)
                .hint("nothing was changed; look at that event, and restore the journal from a copy"),
            EngineError::Journal(_) | EngineError::Stuck { .. } => {
                let mut fault = Self::new(ExitCode::Fault, "journal", message);
                fault.retryable = true;
                fault.hint("nothing is changed without a journal; mend its place, then look with `runbook status`")
            }
        }
    }
}

impl From<PlanError> for Fault {
    fn from(error: PlanError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<PrepareError> for Fault {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Plan(error) => error.into(),
            PrepareError::Engine(error) => error.into(),
            PrepareError::Version(error) => Self::new(ExitCode::Usage, "version", with_causes(&error))
                .hint("a version is a tag, or a commit of at least 7 hex digits")
                .next("git tag --sort=-creatordate"),
            error @ PrepareError::NoRepository(_) => Self::new(ExitCode::Usage, "version", error.to_string()),
        }
    }
}
