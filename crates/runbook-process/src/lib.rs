//! The outside world that is this machine: commands, local processes, files and owners of runs.
//!
//! [`CommandProbe`], [`CommandCi`] and [`CommandDeployer`] run argv commands (never a shell), [`LocalProcessDeployer`]
//! runs a service as a process of each release's own checkout, [`FileJournal`] and [`FileLatch`] keep an environment's
//! events and its stop latch in files, and [`ProcessLiveness`] tells whether the process that owns a run still exists.
//! This crate decides nothing, speaks to no network but loopback, and knows neither git nor any forge. It needs a Unix.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use runbook_core::{event::Head, ports::Journal};
//! use runbook_process::FileJournal;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let journal = FileJournal::open(folder.path(), &"staging".parse()?);
//! let (events, head) = journal.replay(Head::EMPTY).await?;
//! assert!(events.is_empty() && head == Head::EMPTY);
//! # Ok(()) })
//! # }
//! ```

mod checkouts;
mod ci;
mod command;
mod deployer;
mod fence;
mod files;
mod journal;
mod latch;
mod liveness;
mod probe;
mod procfs;
mod register;

pub use ci::{CommandCi, CommandCiSettings};
pub use command::EnvironmentTable;
pub use deployer::{CommandDeployer, CommandDeployerSettings, LocalProcessDeployer, LocalProcessSettings};
pub use files::{StateDirError, prepare_state_dir};
pub use journal::FileJournal;
pub use latch::FileLatch;
pub use liveness::ProcessLiveness;
pub use probe::{CommandDegradeSettings, CommandExpectSettings, CommandProbe, CommandProbeSettings, ExitCodes};
pub use register::register;
