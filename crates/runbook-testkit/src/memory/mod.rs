//! Ports in memory: what the engine's tests stand on. Each can be told to fail in the ways that its port documents.

mod deployer;
mod forge;
mod history;
mod journal;
mod liveness;
mod local_latch;
mod probe;
mod recording;

pub use deployer::{DeployFault, MemoryDeployer, Ordered};
pub use forge::{MemoryChecks, RecordingDeployments, RecordingPullRequests};
pub use history::MemoryHistory;
pub use journal::{AppendFault, MemoryJournal};
pub use liveness::FixedLiveness;
pub use local_latch::MemoryLatch;
pub use probe::ScriptedProbe;
pub use recording::{RecordingIssueTracker, RecordingNotifier, RecordingSink};
