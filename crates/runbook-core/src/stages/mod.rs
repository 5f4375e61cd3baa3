//! The built-in stages. Each executes one step with the ports it was built with; none decides what comes next.

mod baseline;
mod checks;
mod ci;
mod deploy;
mod monitor;
mod published;
mod records;
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

/// No settings: of a built-in stage, whose tables stand at the top of the configuration, or of a kind that was registered
/// as a value.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "no settings")]
pub struct NoSettings {}
