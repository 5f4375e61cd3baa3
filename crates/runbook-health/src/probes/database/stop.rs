//! Why a measurement ended without an answer.

use std::fmt::Display;

use runbook_core::ports::ProbeError;

use super::answer::cut;
use crate::transport::Fault;

/// The end of a measurement that has no value to judge.
#[derive(Debug)]
pub(in crate::probes) enum Stop {
    /// The server cannot serve: unhealthy. In words that follow `→`.
    Down(String),
    /// The server is there, and would not or could not answer this question of this asker: unknown. In words that
    /// follow `→`.
    Unclear(String),
    /// Something is missing on this side: unknown.
    Own(ProbeError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Target(words) => Self::Down(words),
            Fault::Own(error) => Self::Own(error),
        }
    }
}

impl From<ProbeError> for Stop {
    fn from(error: ProbeError) -> Self {
        Self::Own(error)
    }
}

/// How much of a server's message is kept, in characters.
const MAX_MESSAGE: usize = 200;

/// `the login was refused: no such user (28000)`
pub(in crate::probes) fn refused(what: &str, message: &str, code: impl Display) -> String {
    format!("{what}: {} ({code})", cut(message, MAX_MESSAGE))
}

impl Stop {
    pub(in crate::probes) fn down(words: impl Into<String>) -> Self {
        Self::Down(words.into())
    }

    pub(in crate::probes) fn unclear(words: impl Into<String>) -> Self {
        Self::Unclear(words.into())
    }
}
