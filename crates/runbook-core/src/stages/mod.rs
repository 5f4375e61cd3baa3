//! The built-in stages. Each executes one step with the ports it was built with; none decides what comes next.

mod baseline;
mod ci;
mod deploy;
mod monitor;
mod report;
mod rollback;
mod safety_gate;
mod stop;

pub use baseline::BaselineStage;
pub use ci::CiStage;
pub use deploy::Deploy;
pub use monitor::Monitor;
pub use report::ReportStage;
pub use rollback::{Rollback, rollback_branch_name};
pub use safety_gate::SafetyGate;
pub use stop::Stop;

/// The settings of a built-in stage: none, its tables stand at the top of the configuration.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}
