//! What is, or was, live: a [`Release`] and the three-valued answer [`Live`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CommitId, ReleaseId};

/// A version of a service that is, was or may become live, with the commit it came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Release {
    /// What people call it.
    pub id: ReleaseId,
    /// Where it came from; `None` where a deployer tells only a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
}

impl Release {
    /// Whether both name the same release: by commit where both know it, else by name.
    pub fn same_as(&self, other: &Self) -> bool {
        match (&self.commit, &other.commit) {
            (Some(a), Some(b)) => a == b,
            _ => self.id == other.id,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id.as_str())
    }
}

/// What is known to be live of one service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "state", content = "release")]
pub enum Live {
    /// Nobody measured it, or an effect on it has no known end.
    #[default]
    Unknown,
    /// The service is known to be stopped.
    Stopped,
    /// This release.
    Release(Release),
}

impl Live {
    /// The release, where one is known to be live.
    pub fn release(&self) -> Option<&Release> {
        match self {
            Self::Release(release) => Some(release),
            Self::Unknown | Self::Stopped => None,
        }
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.pad("unknown"),
            Self::Stopped => f.pad("stopped"),
            Self::Release(release) => release.fmt(f),
        }
    }
}
