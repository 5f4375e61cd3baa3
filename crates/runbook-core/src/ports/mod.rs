//! The ports: what the runbook asks of the outside world, one trait a file.
//!
//! Adapters implement them; stages get them when they are built. Every method that changes something takes a
//! [`Permit`](crate::engine::Permit), which only [`StageContext::effect`](crate::engine::StageContext::effect)
//! makes, after the intent is durable.

mod checks;
mod ci;
mod clock;
mod deployer;
mod deployments;
mod event_sink;
mod forge;
mod history;
mod issue_tracker;
mod journal;
mod liveness;
mod local_latch;
mod metrics;
mod notifier;
mod probe;
mod pull_requests;
mod stage;
mod version_control;

pub use checks::{Check, CheckState, Checks, ChecksError};
pub use ci::{Ci, CiError, CiOrder, CiReport};
pub use clock::{Clock, SystemClock};
pub use deployer::{DeployError, Deployed, Deployer, Order, Rehearsal};
pub use deployments::{DeploymentError, DeploymentRecord, Deployments, RecordedDeployment};
pub use event_sink::{EventSink, Notice};
pub use forge::Forge;
pub use history::{History, HistoryError, Look, Sample, SeriesQuery};
pub use issue_tracker::{IssueError, IssueTracker, IssueUpdate, PublishedIssue};
pub use journal::{Journal, JournalError};
pub use liveness::{Liveness, OwnerState};
pub use local_latch::{LocalLatch, LocalLatchError};
pub use metrics::{Measurement, MetricsSink};
pub use notifier::{Notifier, NotifyError};
pub use probe::{FnProbe, Probe, ProbeError, probe_fn};
pub use pull_requests::{ProposedRollback, PullRequestError, PullRequests, RollbackProposal};
pub use stage::{OpenEffect, Stage, StageError, StageFn, stage_fn};
pub use version_control::{Checkout, Resolved, RollbackBranch, RollbackCommit, VersionControl, VersionError};
