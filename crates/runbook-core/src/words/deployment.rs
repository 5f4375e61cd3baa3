//! A deployment as a forge keeps it: what it is for, and how it stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a deployment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeploymentTask {
    /// A release is made live.
    Deploy,
    /// Services return to a release that was live before.
    Rollback,
}

impl DeploymentTask {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
        }
    }
}

impl fmt::Display for DeploymentTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// It began.
    InProgress,
    /// The release is live, and was measured healthy over the whole window.
    Success,
    /// The release is not live, or was left again.
    Failure,
    /// Nobody knows what is live, or nobody watched it to the end.
    Error,
}

impl DeploymentState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for DeploymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        DeploymentState::{Error, Failure, InProgress, Success},
        *,
    };

    #[test]
    fn the_words_are_those_on_the_wire() {
        for task in [DeploymentTask::Deploy, DeploymentTask::Rollback] {
            assert_eq!(serde_json::to_value(task).unwrap_or_default(), task.as_str());
        }
        for state in [InProgress, Success, Failure, Error] {
            assert_eq!(serde_json::to_value(state).unwrap_or_default(), state.as_str());
        }
    }
}
