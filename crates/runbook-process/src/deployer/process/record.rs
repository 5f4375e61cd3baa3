//! What is remembered of a service between two invocations. Whether it is alive is never remembered: see `home`.

use jiff::Timestamp;
use runbook_core::{EffectKey, Release};
use serde::{Deserialize, Serialize};

/// How far the last effect on the service has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// The release is about to be started, or was just started.
    Starting,
    /// The release has outlived its settling time.
    Running,
    /// The release is being stopped, or a newer one is about to take its place.
    Stopping,
    /// The service was stopped, or ended before it had settled.
    Stopped,
}

/// A process that cannot be confused with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServiceProcess {
    /// Its id, and the id of the process group that it leads.
    pub(super) pid: u32,
    /// When it started, in clock ticks since boot; `None` where the system does not tell.
    pub(super) start_time: Option<u64>,
}

/// `state.json`. Each change is written before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) schema: String,
    pub(super) phase: Phase,
    /// The effect that wrote this.
    pub(super) key: EffectKey,
    /// The effect that started the release, or was about to; `None` when the start failed before there was a process.
    pub(super) started_by: Option<EffectKey>,
    /// The release that runs while the service is alive.
    pub(super) release: Release,
    /// Its process, once there is one.
    pub(super) process: Option<ServiceProcess>,
    pub(super) started_at: Timestamp,
    /// How it was started, redacted.
    pub(super) argv: Vec<String>,
}

impl Record {
    pub(super) const SCHEMA: &str = "runbook/service/v1";

    /// The same record, once an effect has brought it into another phase.
    pub(super) fn turned(&self, phase: Phase, key: &EffectKey) -> Self {
        Self { phase, key: key.clone(), ..self.clone() }
    }
}
