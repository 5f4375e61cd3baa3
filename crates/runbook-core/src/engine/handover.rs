//! One run, carried by several processes one after the other: how one stage is one job of CI. Each takes the run up, goes
//! on until its step has had its turn, and leaves the run for the next.
//!
//! Which step is next `decide` says, as always. A process never does a change that is another one's to do: whoever asks
//! for the watch must not deploy because the deploy is missing.

use super::{Cancel, Engine, EngineError, Ledger, RunResult};
use crate::{
    config::Config,
    event::EventKind,
    plan::{Access, Plan, When},
    report::Report,
    state::{EffectState, RunState},
    words::{RunId, StepId, Verdict},
};

/// Whose turn the next step is, for a process that goes on until `last` has had its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// This process does it.
    Mine,
    /// Another process does it later.
    Later,
    /// Another process should have done it before.
    Missing,
}

/// Whose turn the step `next` is. Without a `last` step a process goes on to the end; a plan without that step has no turn
/// for it.
pub(super) fn turn(plan: &Plan, last: Option<&StepId>, next: &StepId) -> Turn {
    let Some(last) = last else { return Turn::Mine };
    let place = |id: &StepId| plan.steps.iter().position(|step| step.id == *id);
    let (Some(at), Some(end)) = (place(next), place(last)) else { return Turn::Later };
    let (step, last) = (&plan.steps[at], &plan.steps[end]);
    match (step.when, last.when) {
        _ if at == end => Turn::Mine,
        // To return and to verify that is one.
        (When::OnRollback, When::OnRollback) => Turn::Mine,
        _ if at > end => Turn::Later,
        // What looks may be done along with what follows it, such as the baseline before the deploy.
        (When::InOrder, When::InOrder) if step.access == Access::ReadOnly => Turn::Mine,
        _ => Turn::Missing,
    }
}

impl Engine {
    /// Goes on with a run until a step has had its turn, and leaves it then; with the last step it ends the run. A step
    /// that is not needed, or had its turn already, changes nothing. The report never waits: what has had no turn by then,
    /// the run is told to have ended without.
    ///
    /// A run that was left can be taken up by anybody; of another one the owner has to be over, as for
    /// [`recover`](Self::recover).
    ///
    /// # Errors
    /// [`EngineError::NotYet`] when another step would have to change something first; otherwise as
    /// [`recover`](Self::recover).
    pub async fn stage(
        &self,
        run: RunId,
        step: &StepId,
        config: &Config,
        owner_is_over: bool,
        cancel: &Cancel,
    ) -> Result<RunResult, EngineError> {
        self.go_on(run, config, owner_is_over, Some(step), cancel).await
    }

    /// Leaves the run for another process, which begins with the step `next`.
    pub(super) async fn leave(&self, ledger: &Ledger, next: StepId) -> Result<RunResult, EngineError> {
        ledger.commit(EventKind::RunLeft {}).await?;
        let (run, environment) = self.state(ledger).await?;
        let report = Report { next: Some(next), ..Report::of(&run, &environment, &self.ports.status) };
        Ok(RunResult { run, environment, report })
    }

    /// A step before the one that was asked for has had no turn. The report goes on, and says so; anything else waits.
    pub(super) async fn missing(
        &self,
        ledger: &Ledger,
        plan: &Plan,
        run: &RunState,
        last: Option<&StepId>,
        missing: StepId,
    ) -> Result<(), EngineError> {
        let wanted = last.cloned().unwrap_or_else(|| missing.clone());
        if plan.step(&wanted).is_none_or(|step| step.when != When::Finally) {
            ledger.commit(EventKind::RunLeft {}).await?;
            return Err(EngineError::NotYet { run: run.run, wanted, missing });
        }
        let (verdict, reason) = match run.mutations().any(EffectState::may_have_changed) {
            true => (Verdict::NeedsOperator, format!("{missing} had no turn, and something was changed before")),
            false => (Verdict::Aborted, format!("{missing} had no turn; nothing was changed")),
        };
        ledger.commit(EventKind::VerdictReached { verdict, reason }).await
    }
}
