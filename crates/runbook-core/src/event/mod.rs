//! Events: every fact of a run, in the one order that the journal gives them.
//!
//! `kind` holds what can happen, `chain` how events are stored: one JSON line each, linked by the
//! SHA-256 of the line before.

mod chain;
mod kind;

pub use chain::{ChainError, Draft, Encoded, Event, Head, Stored, encode, verify};
pub use kind::{
    CommandRun, EffectResult, EventKind, Landed, Operation, RollbackDecision, RollbackTarget, RunStarted, Signal,
};
