//! Runs that were interrupted: before a new run changes anything, those whose owner is provably over are closed.
//!
//! Each of their open effects is settled by asking the outside world. What it cannot answer stays open, and then the
//! interrupted run keeps its lock: nothing is repeated or undone on a guess.

use super::{EngineError, Ledger};
use crate::{
    event::{EventKind, Landed, Operation},
    ports::OwnerState,
    registry::Ports,
    state::OpenRun,
    words::{EffectKey, RunId, Verdict},
};

/// Closes every open run whose owner is over and whose effects could all be settled.
pub(super) async fn close_abandoned(ledger: &Ledger, ports: &Ports) -> Result<(), EngineError> {
    let (_, environment) = ledger.state().await?;
    for (run, open) in environment.open_runs.iter().filter(|(run, _)| **run != ledger.run()) {
        if ports.liveness.owner_state(&open.owner).await == OwnerState::Over {
            close(ledger, ports, *run, open).await?;
        }
    }
    Ok(())
}

async fn close(ledger: &Ledger, ports: &Ports, run: RunId, open: &OpenRun) -> Result<(), EngineError> {
    let mut unknown = Vec::new();
    for (key, operation) in &open.effects {
        let landed = settle(ports, key, operation).await;
        if landed == Landed::Unknown {
            unknown.push(key.to_string());
        }
        ledger.record(EventKind::EffectSettled { key: key.clone(), landed }).await;
    }
    if !unknown.is_empty() {
        // Its lock stays: the gate says who holds it, and why.
        return Ok(());
    }
    let reason = format!("{} was interrupted: {} is over", open.action, open.owner);
    ledger.commit(EventKind::RunAbandoned { abandoned: run, verdict: Verdict::NeedsOperator, reason }).await
}

async fn settle(ports: &Ports, key: &EffectKey, operation: &Operation) -> Landed {
    if let Some((service, intended)) = operation.makes_live() {
        let Some(deployer) = ports.deployers.get(service) else { return Landed::Unknown };
        return deployer.state(key, service, &intended).await.unwrap_or(Landed::Unknown);
    }
    match operation {
        // Doing these again is harmless: the marker is looked for first, and a branch that is there is taken as made.
        Operation::PublishStatus | Operation::RollbackBranch { .. } | Operation::Notify { .. } => Landed::DidNotHappen,
        _ => Landed::Unknown,
    }
}
