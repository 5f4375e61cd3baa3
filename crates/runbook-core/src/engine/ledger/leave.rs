//! Leave to begin an effect, and to go on: what latch, fence and lock say, wherever they are kept.

use std::sync::Arc;

use super::{Inner, Ledger, RACES};
use crate::{
    engine::{
        EngineError, Permit, Refusal,
        exclusion::{self, Bar, Move, Standing},
        with_causes,
    },
    event::{EventKind, Operation},
    plan::Access,
    ports::JournalError,
    state::Latch,
    words::{Actor, ActorKind, EffectKey, IdError, RunId, StepId},
};

impl Ledger {
    /// Whether an effect may begin or go on now: latch, fence and lock, read afresh.
    pub(in crate::engine) async fn check(&self, access: Access, epoch: u64) -> Result<(), Refusal> {
        let mut inner = self.inner.lock().await;
        if inner.detached.is_none() {
            self.refresh(&mut inner).await.map_err(refused)?;
        }
        self.local_latch(&inner, access).await?;
        Self::allowed(&inner, access, epoch, self.run)
    }

    /// Whether a run may go on: with the lock, whether it could begin an effect; without, whether nobody stopped it.
    pub(in crate::engine) async fn may_go_on(&self) -> Result<(), Refusal> {
        let (epoch, locked) = {
            let mut inner = self.inner.lock().await;
            self.append(&mut inner).await.map_err(refused)?;
            if inner.detached.is_none() {
                self.refresh(&mut inner).await.map_err(refused)?;
            }
            inner.state.as_ref().map_or((0, false), |state| (state.epoch, state.locked))
        };
        if locked {
            return self.check(Access::Mutating, epoch).await;
        }
        match self.latch().await {
            Some(latch) => Err(Refusal::Latched(latch.reason)),
            None => Ok(()),
        }
    }

    fn allowed(inner: &Inner, access: Access, epoch: u64, run: RunId) -> Result<(), Refusal> {
        // Telling people what happened is never forbidden.
        if access != Access::Mutating {
            return Ok(());
        }
        let environment = &inner.environment;
        if let (Some(why), false) = (&inner.detached, inner.stops()) {
            let problem = format!("failed before: {why}");
            return Err(Refusal::NotDurable(EngineError::Stuck { place: "of this environment".to_owned(), problem }));
        }
        let mine = Standing { epoch, ..inner.standing(run) };
        exclusion::allowed(Move::Intend, &mine, environment).map_err(|bar| match bar {
            Bar::Latched(latch) => Refusal::Latched(latch.reason.clone()),
            Bar::NoLock => Refusal::NoLock,
            _ => Refusal::Fenced { mine: epoch, current: environment.epoch },
        })
    }

    async fn local_latch(&self, inner: &Inner, access: Access) -> Result<(), Refusal> {
        let Some(local) = self.ports.local_latch.as_ref().filter(|_| access == Access::Mutating && !inner.stops())
        else {
            return Ok(());
        };
        match local.read().await {
            Ok(None) => Ok(()),
            Ok(Some(latch)) => Err(Refusal::Latched(latch.reason)),
            Err(error) => Err(Refusal::Latched(format!("{}, so it counts as set", with_causes(&error)))),
        }
    }

    /// The latch, wherever it is set. An unreadable local one counts as set.
    pub(in crate::engine) async fn latch(&self) -> Option<Latch> {
        let inner = self.inner.lock().await;
        if let Some(latch) = &inner.environment.latch {
            return Some(latch.clone());
        }
        match self.ports.local_latch.as_ref()?.read().await {
            Ok(latch) => latch,
            Err(error) => Some(Latch {
                actor: Actor { name: "unknown".to_owned(), kind: ActorKind::Automation },
                reason: with_causes(&error),
                since: self.ports.clock.now(),
            }),
        }
    }

    /// Makes an intent durable, if it may begin, and hands out the permit for it.
    pub(in crate::engine) async fn permit(
        self: &Arc<Self>,
        access: Access,
        step: &StepId,
        operation: Operation,
    ) -> Result<Permit, Refusal> {
        let tells = operation.tells() || matches!(operation, Operation::Custom { service: None, .. });
        if access == Access::ReadOnly || (access == Access::Reporting && !tells) {
            return Err(Refusal::ReadOnly(operation.word().to_owned()));
        }
        let mut inner = self.inner.lock().await;
        self.append(&mut inner).await.map_err(refused)?;
        for race in 0..RACES {
            let epoch = inner.epoch;
            self.local_latch(&inner, access).await?;
            Self::allowed(&inner, access, epoch, self.run)?;
            let key = self.key(&inner, step, &operation).map_err(|e| {
                Refusal::NotDurable(EngineError::Stuck { place: self.ports.journal.place(), problem: e.to_string() })
            })?;
            let kind = EventKind::EffectIntended { key: key.clone(), step: step.clone(), operation: operation.clone() };
            let draft = self.draft(&inner, kind);
            match self.try_append(&mut inner, vec![draft]).await {
                Ok(()) => return Ok(Permit { key, epoch, access, ledger: Arc::clone(self) }),
                // Somebody wrote since this run last looked: a stop, or a takeover. The append that is taken was made in
                // the world that was just checked.
                Err(EngineError::Journal(JournalError::Conflict { .. })) => {
                    self.run_again(&mut inner, race).await.map_err(refused)?;
                }
                Err(error) => return Err(refused(error)),
            }
        }
        Err(Refusal::NotDurable(self.stuck("is written by others without a pause")))
    }

    /// `run/step/service/operation/n`. An effect of unknown end keeps its key when it is asked for again.
    fn key(&self, inner: &Inner, step: &StepId, operation: &Operation) -> Result<EffectKey, IdError> {
        let service = operation.service().map_or("-", |service| service.as_str());
        let word: String =
            operation.word().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
        let prefix = format!("{}/{step}/{service}/{word}/", self.run);
        let effects = inner.state.as_ref().map(|state| &state.effects);
        let mut n = 1;
        while let Some(effect) =
            effects.and_then(|e| EffectKey::new(format!("{prefix}{n}")).ok().and_then(|k| e.get(&k)))
        {
            if effect.is_unknown() {
                break;
            }
            n += 1;
        }
        EffectKey::new(format!("{prefix}{n}"))
    }
}

/// Why an effect must not begin, from what the journal answered.
fn refused(error: EngineError) -> Refusal {
    match error {
        EngineError::TakenUp(run) => Refusal::TakenUp(run),
        error => Refusal::NotDurable(error),
    }
}
