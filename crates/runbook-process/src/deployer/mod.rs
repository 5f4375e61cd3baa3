//! Deployers of this machine: `command` runs the owner's own tools, `process` keeps a service running by itself.

mod command;
mod process;

pub use command::{CommandDeployer, CommandDeployerSettings};
pub use process::{LocalProcessDeployer, LocalProcessSettings};
