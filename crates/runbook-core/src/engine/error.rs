//! What keeps a run from being carried out at all, and how causes are written in one line.

use crate::{
    ports::JournalError,
    words::{RunId, StepId},
};

/// The engine could not begin, or could not write down how a run ended.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal failed; without it nothing may be changed.
    #[error("the journal failed")]
    Journal(#[from] JournalError),
    /// A step's kind has no stage.
    #[error("step {step} needs a stage of kind {kind:?}, which is not registered")]
    NoStage {
        /// The step.
        step: String,
        /// Its kind.
        kind: String,
    },
    /// The journal is full of races, or does not answer in time.
    #[error("the journal at {place} {problem}")]
    Stuck {
        /// Where it is.
        place: String,
        /// What it does.
        problem: String,
    },
    /// Another process took this run up: a later job of it, or a recovery. Whatever follows is that one's to do.
    #[error("another process has taken up run {0}")]
    TakenUp(RunId),
    /// The same request was asked for before: its name is known.
    #[error("this request was asked for before: it is run {0}")]
    Repeated(RunId),
    /// The run cannot be taken up.
    #[error("run {run} cannot be taken up: {problem}")]
    NotOpen {
        /// Which.
        run: RunId,
        /// Why.
        problem: String,
    },
    /// A stage was asked for whose turn has not come: an earlier step has had none.
    #[error("{wanted} has to wait: {missing} of run {run} has not had its turn")]
    NotYet {
        /// Of which run.
        run: RunId,
        /// The step that was asked for.
        wanted: StepId,
        /// The step that is next.
        missing: StepId,
    },
    /// The journal holds events of a newer version.
    #[error(
        "the journal holds {count} event(s) that this version does not know; it may read but not mutate. \
         Update runbook to the version that wrote them"
    )]
    Newer {
        /// How many.
        count: u64,
    },
}

/// An error with all its causes, in one line, each said once.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
