//! Waiting for the lock that another run holds, within the time that `--wait` gives.

use std::time::{Duration, Instant};

use runbook_core::{
    Action,
    engine::{Cancel, Engine},
};

use super::act::Wish;
use crate::{fault::Fault, output::Output};

/// What is left of the time that a run may wait.
#[derive(Debug)]
pub(super) struct Patience {
    until: Option<Instant>,
}

impl Patience {
    /// Only what takes the lock waits for it; a stop waits for nobody.
    pub(super) fn of(wish: &Wish) -> Self {
        let waits = wish.action.changes_services() && wish.action != Action::EmergencyStop && !wish.wait.is_zero();
        Self { until: waits.then(|| Instant::now() + wish.wait) }
    }

    fn left(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Whether some of it is left.
    pub(super) fn has_more(&self) -> bool {
        !self.left().is_zero()
    }

    /// Waits until the lock is free, or the time is over: then the safety gate says who has it.
    pub(super) async fn wait(&self, engine: &Engine, cancel: &Cancel, output: &Output) -> Result<(), Fault> {
        if self.until.is_none() {
            return Ok(());
        }
        if let Some(lock) = engine.wait_for_lock(Duration::ZERO, cancel).await? {
            output.note(&format!("{}; waiting for it, at most {} s", lock.held(), self.left().as_secs()));
            engine.wait_for_lock(self.left(), cancel).await?;
        }
        Ok(())
    }
}
