//! Runs that were interrupted. `recover` takes one up and brings it to its end; before a new run changes anything, those
//! whose owner is provably over are closed.
//!
//! Either way each open effect is settled first, by asking the outside world: whether it happened, and where that cannot
//! be said, what is live now. What happened is not repeated, what did not happen is done by whoever goes on, and what
//! nobody knows needs an operator.

use std::sync::Arc;

use super::{Cancel, Engine, EngineError, Ledger, RunResult, exclusion::Move};
use crate::{
    config::Config,
    event::{EventKind, Landed, Operation},
    ports::{OpenEffect, OwnerState, Stage},
    state::OpenRun,
    words::{EffectKey, Live, RunId, StepId, Verdict},
};

/// A run that has no last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Which.
    pub run: RunId,
    /// What is known of it.
    pub open: OpenRun,
    /// Whether whoever executes it is over.
    pub owner: OwnerState,
}

impl Engine {
    /// The runs without an end, oldest first, and whether somebody still executes them.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, EngineError> {
        let mut unfinished = Vec::new();
        for (run, open) in self.environment().await?.open_runs {
            let owner = self.ports.liveness.owner_state(&open.owner).await;
            unfinished.push(Unfinished { run, open, owner });
        }
        Ok(unfinished)
    }

    /// Takes up a run whose owner is over, settles what it left open, and brings it to its end as if it had not been
    /// interrupted. With `owner_is_over` somebody vouches for an owner that nobody here can ask about; one that is alive is
    /// never taken over. When the configuration is another one than it was planned with, nothing more is changed: the run
    /// then only reports what is known.
    ///
    /// A repeat finds no open run. A recovery that is interrupted can be recovered.
    ///
    /// # Errors
    /// [`EngineError::NotOpen`] when the run cannot be taken up; otherwise as [`execute`](Self::execute).
    pub async fn recover(
        &self,
        run: RunId,
        config: &Config,
        owner_is_over: bool,
        cancel: &Cancel,
    ) -> Result<RunResult, EngineError> {
        self.go_on(run, config, owner_is_over, None, cancel).await
    }

    /// Takes a run up, and carries it to its end or until `last` has had its turn.
    pub(super) async fn go_on(
        &self,
        run: RunId,
        config: &Config,
        owner_is_over: bool,
        last: Option<&StepId>,
        cancel: &Cancel,
    ) -> Result<RunResult, EngineError> {
        let not_open = |problem: String| EngineError::NotOpen { run, problem };
        let environment = self.environment().await?;
        let open = environment.open_runs.get(&run);
        let open = open.ok_or_else(|| not_open("it has ended, or never began".to_owned()))?;
        let owner = &open.owner;
        match self.ports.liveness.owner_state(owner).await {
            // Whoever had it said that it is for others to go on with.
            _ if open.left => {}
            OwnerState::Over => {}
            OwnerState::Unknown if owner_is_over => {}
            OwnerState::Alive => return Err(not_open(format!("{owner} is at work"))),
            OwnerState::Unknown => {
                return Err(not_open(format!(
                    "nobody here can tell whether {owner} is over; look there, and say so with --owner-is-over"
                )));
            }
        }
        let me = self.ports.liveness.me();
        let ledger = Ledger::take_up(self.ledger.clone(), run, me, open.epoch).await?;
        let (state, environment) = self.state(&ledger).await?;
        if let Some(open) = environment.open_runs.get(&run) {
            let mut settled = self.settle_all(open).await;
            for fact in std::mem::take(&mut settled.facts) {
                ledger.record(fact).await;
            }
            if state.plan.config_digest != config.digest && state.verdict.is_none() {
                let why = "the configuration has changed since it was planned";
                let (verdict, reason) = settled.verdict(open, why);
                ledger.commit(EventKind::VerdictReached { verdict, reason }).await?;
            }
        }
        self.carry_out(&ledger, state.request, state.plan, last, cancel).await
    }

    /// Closes every open run whose owner is over. One that was left waits for whoever goes on with it.
    pub(super) async fn close_abandoned(&self, ledger: &Ledger) -> Result<(), EngineError> {
        let (_, environment) = ledger.state().await?;
        for (run, open) in environment.open_runs.iter().filter(|(run, open)| **run != ledger.run() && !open.left) {
            if self.ports.liveness.owner_state(&open.owner).await == OwnerState::Over {
                self.close(ledger, *run, open, &format!("{} is over", open.owner)).await?;
            }
        }
        Ok(())
    }

    /// Settles what a run left open, and writes down that it ended, unless somebody has taken it up meanwhile: then it is
    /// theirs.
    pub(super) async fn close(
        &self,
        ledger: &Ledger,
        run: RunId,
        open: &OpenRun,
        why: &str,
    ) -> Result<(), EngineError> {
        let settled = self.settle_all(open).await;
        let (verdict, reason) = settled.verdict(open, why);
        let mut facts = settled.facts;
        facts.push(EventKind::RunAbandoned { abandoned: run, verdict, reason });
        ledger.ask(Move::Close { run, seen: open.epoch }, facts).await.map(drop)
    }

    /// Asks about each effect without an end.
    async fn settle_all(&self, open: &OpenRun) -> Settled {
        let mut settled = Settled { facts: Vec::new(), changed: open.changed, unknown: Vec::new() };
        for (key, operation) in &open.effects {
            let landed = self.settle(key, operation).await;
            settled.facts.push(EventKind::EffectSettled { key: key.clone(), landed });
            if operation.changes_something() {
                match landed {
                    Landed::Happened => settled.changed = true,
                    Landed::Unknown => {
                        let found = self.found_instead(&mut settled.facts, key, operation).await;
                        settled.unknown.push(found);
                    }
                    Landed::DidNotHappen => {}
                }
            }
        }
        settled
    }

    async fn settle(&self, key: &EffectKey, operation: &Operation) -> Landed {
        if let Some((service, intended)) = operation.makes_live() {
            let Some(deployer) = self.ports.deployers.get(service) else { return Landed::Unknown };
            return deployer.state(key, service, &intended).await.unwrap_or(Landed::Unknown);
        }
        match operation {
            // Nobody can be asked without doing them. The first two are harmless to do again: the marker is looked
            // for, and a branch that is there is taken as made. A chat is not told twice.
            Operation::PublishStatus | Operation::RollbackBranch { .. } | Operation::Notify { .. } => Landed::Unknown,
            _ => match self.stage_of(key) {
                Some(stage) => stage.settle(&OpenEffect { key: key.clone(), operation: operation.clone() }).await,
                None => Landed::Unknown,
            },
        }
    }

    /// The custom stage that an effect's key names.
    fn stage_of(&self, key: &EffectKey) -> Option<&Arc<dyn Stage>> {
        let step = key.as_str().split('/').nth(1)?;
        self.stages.get(&StepId::new(step).ok()?)
    }

    /// Whether it happened cannot be said; what is live now often can.
    async fn found_instead(&self, facts: &mut Vec<EventKind>, key: &EffectKey, operation: &Operation) -> String {
        let Some((service, deployer)) = operation.service().and_then(|s| Some((s, self.ports.deployers.get(s)?)))
        else {
            return key.to_string();
        };
        match deployer.live(service).await {
            Ok(live) if live != Live::Unknown => {
                let words = format!("{key} ({live} was found to be live)");
                facts.push(EventKind::ReleaseFound { service: service.clone(), live });
                words
            }
            Ok(_) | Err(_) => key.to_string(),
        }
    }
}

/// What asking came to.
struct Settled {
    /// What there is to write down of it.
    facts: Vec<EventKind>,
    /// Whether the run is known to have changed something.
    changed: bool,
    /// Each effect that may have changed something, and of which nobody knows.
    unknown: Vec<String>,
}

impl Settled {
    /// What is known of how an interrupted run ended, when nobody goes on with it.
    fn verdict(&self, open: &OpenRun, why: &str) -> (Verdict, String) {
        let interrupted = format!("{} was interrupted: {why}", open.action);
        if !self.unknown.is_empty() {
            let unknown = self.unknown.join(", ");
            return (Verdict::NeedsOperator, format!("{interrupted}; nobody knows how this ended: {unknown}"));
        }
        if self.changed {
            return (Verdict::NeedsOperator, format!("{interrupted}; it had changed something that nobody watched"));
        }
        (Verdict::Aborted, format!("{interrupted}; nothing was changed"))
    }
}
