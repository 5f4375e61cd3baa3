//! The engine: a loop around the pure `decide`, with the journal written before every effect.
//!
//! `decide` chooses, with `watched` for what a watch comes to, `execute` carries out, `ledger` writes and reads the one
//! stream of events, `exclusion` is the rule of lock, latch and fence, `context` is what a stage sees of all this,
//! `permit` is the leave to do one effect, `assembly` puts everything together, `cancel` asks a run to end, `check` looks
//! once without a run and publishes what it found where it is asked to, `learn` brings the history up to the journal,
//! `recovery` finishes or closes runs that were interrupted, `handover` lets several processes carry one run, `queue` waits
//! for the lock of another one, and `lock` is the lock in a person's hand.

mod assembly;
mod cancel;
mod check;
mod context;
mod decide;
mod error;
mod exclusion;
mod execute;
mod handover;
mod learn;
mod ledger;
mod lock;
mod permit;
mod queue;
mod recovery;
mod watched;

pub use assembly::{PrepareError, Surroundings, known_services};
pub use cancel::Cancel;
pub use check::{services_on, shard_of_services};
pub use context::{EffectDetail, StageContext};
pub use decide::{Next, decide};
pub use error::{EngineError, with_causes};
pub use execute::{Engine, RunResult};
pub use ledger::{Ledger, LedgerPorts};
pub use permit::{EffectError, Permit, Refusal};
pub use recovery::Unfinished;
