//! Runs that were interrupted: before a new run changes anything, those whose owner is provably over are closed.
//!
//! Each of their open effects is settled by asking the outside world: whether it happened, and where that cannot be
//! said, what is live now. Nothing is repeated or undone on a guess. The interrupted run ends as `needs_operator`, with
//! what nobody knows in its reason.

use std::sync::Arc;

use super::{Engine, EngineError, Ledger};
use crate::{
    event::{EventKind, Landed, Operation},
    ports::{OpenEffect, OwnerState, Stage},
    state::OpenRun,
    words::{EffectKey, Live, RunId, StepId, Verdict},
};

impl Engine {
    /// Closes every open run whose owner is over.
    pub(super) async fn close_abandoned(&self, ledger: &Ledger) -> Result<(), EngineError> {
        let (_, environment) = ledger.state().await?;
        for (run, open) in environment.open_runs.iter().filter(|(run, _)| **run != ledger.run()) {
            if self.ports.liveness.owner_state(&open.owner).await == OwnerState::Over {
                self.close(ledger, *run, open).await?;
            }
        }
        Ok(())
    }

    async fn close(&self, ledger: &Ledger, run: RunId, open: &OpenRun) -> Result<(), EngineError> {
        let mut unknown = Vec::new();
        for (key, operation) in &open.effects {
            let landed = self.settle(key, operation).await;
            ledger.record(EventKind::EffectSettled { key: key.clone(), landed }).await;
            if landed == Landed::Unknown {
                unknown.push(self.found_instead(ledger, key, operation).await);
            }
        }
        let mut reason = format!("{} was interrupted: {} is over", open.action, open.owner);
        if !unknown.is_empty() {
            reason.push_str(&format!("; nobody knows how this ended: {}", unknown.join(", ")));
        }
        ledger.commit(EventKind::RunAbandoned { abandoned: run, verdict: Verdict::NeedsOperator, reason }).await
    }

    async fn settle(&self, key: &EffectKey, operation: &Operation) -> Landed {
        if let Some((service, intended)) = operation.makes_live() {
            let Some(deployer) = self.ports.deployers.get(service) else { return Landed::Unknown };
            return deployer.state(key, service, &intended).await.unwrap_or(Landed::Unknown);
        }
        match operation {
            // Doing these again is harmless: the marker is looked for first, and a branch that is there is taken as made.
            Operation::PublishStatus | Operation::RollbackBranch { .. } | Operation::Notify { .. } => {
                Landed::DidNotHappen
            }
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
    async fn found_instead(&self, ledger: &Ledger, key: &EffectKey, operation: &Operation) -> String {
        let Some((service, deployer)) = operation.service().and_then(|s| Some((s, self.ports.deployers.get(s)?)))
        else {
            return key.to_string();
        };
        match deployer.live(service).await {
            Ok(live) if live != Live::Unknown => {
                let words = format!("{key} ({live} was found to be live)");
                ledger.record(EventKind::ReleaseFound { service: service.clone(), live }).await;
                words
            }
            Ok(_) | Err(_) => key.to_string(),
        }
    }
}
