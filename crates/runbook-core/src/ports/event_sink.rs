//! Port: watch a run as it happens. Best effort: a sink can neither slow a run down nor stop it.

use std::fmt::Debug;

use crate::{
    event::Event,
    words::{Reading, ServiceId, StepId},
};

/// What a run tells besides its events: progress that nobody needs to keep.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A stage says what it is doing.
    Progress {
        /// Which step.
        step: StepId,
        /// What it says, redacted.
        message: String,
    },
    /// A sample was taken.
    Sampled {
        /// In which step.
        step: StepId,
        /// Of which service.
        service: ServiceId,
        /// What was found.
        reading: Reading,
    },
    /// A step will be tried again.
    Retrying {
        /// Which step.
        step: StepId,
        /// The attempt that follows.
        attempt: u32,
        /// In how many milliseconds.
        delay_ms: u64,
        /// Why.
        reason: String,
    },
}

/// Takes each event after it is in the journal, in order, and each notice as it comes.
///
/// Called on the run's own task: it must return at once and must not panic.
pub trait EventSink: Debug + Send + Sync {
    /// An event is in the journal.
    fn on_event(&self, event: &Event);

    /// Something is worth showing.
    fn on_notice(&self, notice: &Notice) {
        let _ = notice;
    }
}
