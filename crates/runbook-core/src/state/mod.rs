//! The two pure folds over the one stream of events, and no other state:
//! [`RunState`] of one run, [`EnvironmentState`] of everything that outlives a run. A [`Snapshot`] is the latter at a head.

mod environment;
mod run;
mod snapshot;

pub use environment::{Before, EnvironmentState, Latch, Lock, OpenRun, Proven, ServiceState};
pub use run::{EffectState, RunState, StepState, StepStatus};
pub use snapshot::Snapshot;
