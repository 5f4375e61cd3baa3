//! Measuring a service by a program of the owner's. The settings, what an end of the program means, and the probe.

mod command;
mod judgement;
mod settings;

pub use command::CommandProbe;
pub use settings::{CommandDegradeSettings, CommandExpectSettings, CommandProbeSettings, ExitCodes};
