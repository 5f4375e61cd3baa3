//! Exit codes: a summary for scripts. Programs that want the truth read the report.

use serde::{Deserialize, Serialize};

use super::{Health, OperationalStatus, Verdict};

/// The published exit codes of the `runbook` binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
#[serde(rename_all = "snake_case")]
pub enum ExitCode {
    /// It succeeded; for `check` and `status`: OPERATIONAL.
    Succeeded = 0,
    /// A fault of Runbook itself.
    Fault = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Blocked by the safety gate, the stop latch or the lock.
    Blocked = 3,
    /// DEGRADED, or unknown.
    Degraded = 4,
    /// CRITICAL; for runs: failed, nothing was changed.
    Failed = 5,
    /// Rolled back, and verified.
    RolledBack = 6,
    /// Needs an operator.
    NeedsOperator = 7,
    /// Aborted by SIGINT.
    Interrupted = 130,
    /// Aborted by SIGTERM.
    Terminated = 143,
}

impl ExitCode {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Verdict> for ExitCode {
    /// An aborted run counts as interrupted; the face that took the signal knows better and says so.
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Succeeded => Self::Succeeded,
            Verdict::Blocked => Self::Blocked,
            Verdict::Failed => Self::Failed,
            Verdict::RolledBack => Self::RolledBack,
            Verdict::Aborted => Self::Interrupted,
            Verdict::NeedsOperator => Self::NeedsOperator,
        }
    }
}

impl From<OperationalStatus> for ExitCode {
    fn from(status: OperationalStatus) -> Self {
        match status {
            OperationalStatus::Operational => Self::Succeeded,
            OperationalStatus::Degraded => Self::Degraded,
            OperationalStatus::Critical => Self::Failed,
        }
    }
}

/// From which status on `update-status` ends with 4 or 5 (`--fail-on`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// Measured and reported is enough: a red run every six hours is mail that nobody reads.
    #[default]
    Never,
    /// Only CRITICAL.
    Critical,
    /// CRITICAL, or a service measured as degraded or unhealthy.
    Degraded,
    /// Anything but OPERATIONAL, what could not be measured included.
    Unknown,
}

impl FailOn {
    /// The exit code of an `update-status` that measured and reported.
    pub fn exit_code(self, status: OperationalStatus, healths: impl IntoIterator<Item = Health>) -> ExitCode {
        let fails = match self {
            Self::Never => false,
            Self::Critical => status == OperationalStatus::Critical,
            Self::Degraded => {
                status == OperationalStatus::Critical
                    || healths.into_iter().any(|h| matches!(h, Health::Degraded | Health::Unhealthy))
            }
            Self::Unknown => status != OperationalStatus::Operational,
        };
        if fails { status.into() } else { ExitCode::Succeeded }
    }
}
