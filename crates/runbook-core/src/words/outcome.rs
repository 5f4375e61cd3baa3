//! How a stage, and a whole run, came out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a stage came out when it did not fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// It did what it is for.
    Passed,
    /// It did, and somebody should know something.
    Warned(String),
    /// There was nothing to do.
    Skipped(String),
    /// It found reasons why the run must not go on; nothing was changed.
    Blocked(Vec<String>),
}

/// What a failed effect or stage leaves in the outside world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeftBehind {
    /// It is known that nothing was changed.
    NoChange,
    /// Something was changed.
    Changed,
    /// Nobody knows.
    Unknown,
}

/// Why a stage failed, and what it left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What is left of it.
    pub left: LeftBehind,
    /// Whether it failed to find out what it was to find out: that is unknown, and never a reason to roll back.
    #[serde(default)]
    pub unmeasured: bool,
}

/// The end of a step: an outcome, or a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// The stage ended by itself.
    Ended(Outcome),
    /// The stage failed.
    Failed(Failure),
}

impl StepResult {
    /// The word for a table.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ended(Outcome::Passed) => "passed",
            Self::Ended(Outcome::Warned(_)) => "warned",
            Self::Ended(Outcome::Skipped(_)) => "skipped",
            Self::Ended(Outcome::Blocked(_)) => "blocked",
            Self::Failed(_) => "failed",
        }
    }

    /// Why, where there is something to say.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Ended(Outcome::Passed) => None,
            Self::Ended(Outcome::Warned(reason) | Outcome::Skipped(reason)) => Some(reason.clone()),
            Self::Ended(Outcome::Blocked(reasons)) => Some(reasons.join("; ")),
            Self::Failed(failure) => Some(failure.message.clone()),
        }
    }

    /// Whether the run may go on after it.
    pub fn lets_go_on(&self) -> bool {
        matches!(self, Self::Ended(Outcome::Passed | Outcome::Warned(_) | Outcome::Skipped(_)))
    }
}

/// The one verdict of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did what was asked, and that was measured.
    Succeeded,
    /// The gate, the lock or the latch kept it from starting.
    Blocked,
    /// It failed; nothing was changed.
    Failed,
    /// The deploy failed; the way back worked and was verified.
    RolledBack,
    /// Somebody ended it; every effect has a known end.
    Aborted,
    /// Something is in a state that nobody measured, or the way back failed.
    NeedsOperator,
}

impl Verdict {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Aborted => "aborted",
            Self::NeedsOperator => "needs_operator",
        }
    }

    /// The verdict in words for people.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Blocked => "blocked",
            Self::Failed => "failed, nothing was changed",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::NeedsOperator => "needs an operator",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
