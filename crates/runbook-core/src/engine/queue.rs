//! Waiting for one's turn: a lock that another run holds is waited for before a plan is made, because a plan that was made
//! before it would be of another world by then.

use std::time::Duration;

use super::{Cancel, Engine, EngineError, RunResult};
use crate::{
    plan::{Access, stage_kind},
    ports::OwnerState,
    state::{Lock, StepState},
    words::{Outcome, RuleVerdict, StepResult, Verdict},
};

impl Engine {
    /// Waits until no run holds the lock, at most so long; the lock that is still held then. One whose run is over is free:
    /// whoever begins next takes it over.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn wait_for_lock(&self, limit: Duration, cancel: &Cancel) -> Result<Option<Lock>, EngineError> {
        let clock = &self.ledger.clock;
        let begun = clock.now();
        loop {
            let environment = self.environment().await?;
            let Some(lock) = environment.lock else { return Ok(None) };
            let is_left = environment.open_runs.get(&lock.run).is_some_and(|open| open.left);
            if !lock.sticky && !is_left && self.ports.liveness.owner_state(&lock.owner).await == OwnerState::Over {
                return Ok(None);
            }
            let waited = Duration::try_from(clock.now().duration_since(begun)).unwrap_or_default();
            let left = limit.saturating_sub(waited);
            if left.is_zero() || cancel.signal().is_some() {
                return Ok(Some(lock));
            }
            let pause = self.ledger.journal.pause_between_looks().min(left);
            tokio::select! {
                () = clock.sleep(pause) => {}
                () = cancel.requested() => {}
            }
        }
    }
}

impl RunResult {
    /// Whether nothing but the lock of another run kept this one from its work: asked again later, it may do it.
    pub fn was_kept_away(&self) -> bool {
        let is_blocked = |state: &StepState| matches!(state.result(), Some(StepResult::Ended(Outcome::Blocked(_))));
        let Some(state) = self.run.steps.iter().find(|state| is_blocked(state)) else { return false };
        if self.verdict() != Verdict::Blocked {
            return false;
        }
        if state.step.kind.as_str() == stage_kind::SAFETY_GATE {
            let mut blocking = state.rules.iter().filter(|rule| rule.verdict == RuleVerdict::Block);
            return blocking.all(|rule| rule.id == "lock");
        }
        // The lock is taken before the first stage that changes something, and these block for nothing else.
        let takes_lock = [stage_kind::DEPLOY, stage_kind::ROLLBACK].contains(&state.step.kind.as_str());
        takes_lock && state.step.access == Access::Mutating
    }
}
