//! The contract of each port as tests, for every adapter: built in, or your own.
//!
//! Each function drives an implementation through what its port promises and panics, naming the promise, at the first
//! one that is broken. What cannot be provoked from outside (a full disk, a power cut) stays with the adapter's own tests.
//!
//! ```
//! use runbook_testkit::{MemoryJournal, MemoryLatch, conformance};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! conformance::journal(async || MemoryJournal::new(), async |journal| journal.clone()).await;
//! let latch = MemoryLatch::new();
//! conformance::local_latch(async || latch.clone()).await;
//! # });
//! ```

mod deployer;
mod forge;
mod history;
mod issue_tracker;
mod journal;
mod local_latch;
mod notifier;
mod permit;
mod probe;
mod view;

pub use deployer::{DeployerCase, deployer};
pub use forge::{checks, deployments, pull_requests};
pub use history::history;
pub use issue_tracker::issue_tracker;
pub use journal::journal;
pub use local_latch::local_latch;
pub use notifier::{notifier, refused_notifier};
pub use permit::{in_stage, permitted};
pub use probe::{ProbeCases, probe};
pub use view::status_view;
