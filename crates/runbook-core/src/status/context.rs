//! What a picture must know of the configuration.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::words::{EnvironmentId, ServiceId};

/// What a view must know of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusContext {
    /// The project's name.
    pub project: String,
    /// Which environment.
    pub environment: EnvironmentId,
    /// Whether it is the default one, whose issue has the bare title.
    pub default_environment: bool,
    /// Each service.
    pub services: Vec<ServiceFacts>,
    /// How long a measurement counts, in seconds.
    pub valid_for_s: u32,
    /// The labels of the status issue.
    pub labels: Vec<String>,
    /// The workflow file that the suggested commands name.
    pub workflow: String,
    /// Whether any service can be deployed by this runbook.
    pub deploys: bool,
}

impl StatusContext {
    /// Until when a measurement of this moment counts.
    pub fn valid_until(&self, measured: Timestamp) -> Timestamp {
        measured.checked_add(SignedDuration::from_secs(self.valid_for_s.into())).unwrap_or(Timestamp::MAX)
    }
}

/// One service, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// Its id.
    pub id: ServiceId,
    /// What people call it.
    pub name: String,
    /// Whether its owner calls it critical.
    pub critical: bool,
    /// The port of its URL.
    pub port: Option<u16>,
}
