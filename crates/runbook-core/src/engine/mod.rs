//! The engine: a loop around the pure `decide`, with the journal written before every effect.
//!
//! `decide` chooses, `execute` carries out, `ledger` writes and reads the one stream of events, `context` is what a
//! stage sees of all this, and `permit` is the leave to do one effect.

mod context;
mod decide;
mod error;
mod execute;
mod ledger;
mod permit;

pub use context::StageContext;
pub use decide::{Next, decide};
pub use error::{EngineError, with_causes};
pub use execute::{Engine, RunResult};
pub use ledger::{Ledger, LedgerPorts};
pub use permit::{EffectError, Permit, Refusal};
