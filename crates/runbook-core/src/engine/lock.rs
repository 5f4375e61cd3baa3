//! The lock in a person's hand: it is taken to keep runs away, and taken away from what nobody can ask any more.

use super::{Engine, EngineError, Ledger, exclusion::Move};
use crate::{
    event::EventKind,
    ports::OwnerState,
    state::Lock,
    words::{Actor, ActorKind, RunId},
};

impl Engine {
    /// Takes the lock for a person, until a person takes it away: no run changes services meanwhile. The inner error says
    /// who holds it; nothing was changed then. An emergency stop needs no lock.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn lock(&self, actor: &Actor, reason: &str) -> Result<Result<Lock, String>, EngineError> {
        let ledger = Ledger::open(self.ledger.clone(), RunId::new()).await?;
        let kind = EventKind::LockAcquired {
            owner: self.ports.liveness.me(),
            actor: actor.clone(),
            reason: reason.to_owned(),
            sticky: true,
        };
        if let Err(held) = ledger.ask(Move::Hold, vec![kind]).await? {
            return Ok(Err(held));
        }
        Ok(ledger.state().await?.1.lock.ok_or_else(|| "the lock was taken away at once".to_owned()))
    }

    /// Takes the lock away from a person, or from a run that is over or that nobody here can ask about: that run can begin
    /// nothing any more, what it left open is settled, and it counts as ended. A run that is at work keeps its lock. The
    /// inner error says why nothing was changed.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn unlock(&self, actor: &Actor, reason: &str) -> Result<Result<Lock, String>, EngineError> {
        if actor.kind != ActorKind::Person {
            return Ok(Err(format!("only a person may take a lock away, and {actor} is not one")));
        }
        let ledger = Ledger::open(self.ledger.clone(), RunId::new()).await?;
        let (_, environment) = ledger.state().await?;
        let Some(lock) = environment.lock else { return Ok(Err("the lock is free".to_owned())) };
        if !lock.sticky && self.ports.liveness.owner_state(&lock.owner).await == OwnerState::Alive {
            return Ok(Err(format!("{}: {} is at work", lock.held(), lock.owner)));
        }
        let kind = EventKind::LockLifted { actor: actor.clone(), reason: reason.to_owned() };
        if let Err(why) = ledger.ask(Move::Free { seen: lock.epoch }, vec![kind]).await? {
            return Ok(Err(why));
        }
        let (_, environment) = ledger.state().await?;
        if let Some(open) = environment.open_runs.get(&lock.run) {
            self.close(&ledger, lock.run, open, &format!("{actor} took its lock away ({reason})")).await?;
        }
        Ok(Ok(lock))
    }
}
