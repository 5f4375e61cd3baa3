//! One look at services, without a run: what `runbook check` does, and what it publishes where it is asked to.

use std::collections::BTreeSet;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{Engine, EngineError, Ledger};
use crate::{
    config::Config,
    event::EventKind,
    state::EnvironmentState,
    status::{StatusContext, StatusDocument},
    watch::{Confirmation, LookRule, look},
    words::{Health, Judgement, RunId, ServiceId},
};

/// The `index`-th of `of` parts, counted from 1, of the services whose probes run wherever a run is: those without
/// `runs_on`. The parts share nothing, hold all of them together, and none has more than one service more than another.
pub fn shard_of_services(config: &Config, index: u32, of: u32) -> Vec<ServiceId> {
    let here = config.services.iter().filter(|service| service.runs_on.is_empty());
    let (parts, own) = (of.max(1) as usize, index.saturating_sub(1) as usize);
    here.enumerate().filter(|(at, _)| at % parts == own).map(|(_, service)| service.id.clone()).collect()
}

/// The services that say `runs_on` with these labels, in whatever order; as for GitHub, upper and lower case are the same.
pub fn services_on(config: &Config, labels: &[String]) -> Vec<ServiceId> {
    let set = |labels: &[String]| labels.iter().map(|label| label.to_ascii_lowercase()).collect::<BTreeSet<_>>();
    let wanted = set(labels);
    let there = config.services.iter().filter(|service| !service.runs_on.is_empty() && set(&service.runs_on) == wanted);
    there.map(|service| service.id.clone()).collect()
}

impl Engine {
    /// Looks at these services, all of them when none is named, each at once. What is bad is looked at again, as
    /// `[monitor] confirm` says, before it is believed. It changes nothing, and keeps nothing but the readings, where the
    /// engine was given a history. A dropped future leaves nothing open.
    pub async fn check(&self, only: &[ServiceId]) -> StatusDocument {
        let known = self.ports.status.services.iter().map(|service| &service.id);
        let asked: Vec<ServiceId> = known.filter(|id| only.is_empty() || only.contains(id)).cloned().collect();
        self.check_exactly(&asked).await
    }

    /// As [`Engine::check`], for exactly these services: none when none is named.
    pub async fn check_exactly(&self, services: &[ServiceId]) -> StatusDocument {
        let judgements = self.look_at(services, &EnvironmentState::default()).await;
        self.shown(services, judgements)
    }

    /// Looks at exactly these services, and writes what was found to the journal, for whichever run asks next. It is no
    /// run: it needs no lock, fences nobody, and leaves nothing open. A recovery is confirmed as a run would do it. A
    /// dropped future has published everything or nothing; a repeat publishes what it finds then.
    ///
    /// # Errors
    /// When the journal cannot be read or written: nothing was published then.
    pub async fn publish(&self, services: &[ServiceId]) -> Result<StatusDocument, EngineError> {
        let ledger = Ledger::open(self.ledger.clone(), RunId::new()).await?;
        let (_, before) = ledger.state().await?;
        let judgements = self.look_at(services, &before).await;
        if !judgements.is_empty() {
            // A fact, in no epoch: it belongs to no run that somebody could have taken up.
            let by = self.ports.liveness.me();
            ledger.commit(EventKind::ReadingsPublished { by, services: judgements.clone() }).await?;
        }
        Ok(self.shown(services, judgements))
    }

    /// `before` says which services were bad, so that their recovery is confirmed too.
    async fn look_at(&self, services: &[ServiceId], before: &EnvironmentState) -> Vec<Judgement> {
        let looks = services.iter().map(|service| {
            let newest = before.service(service).and_then(|state| state.judgement.as_ref());
            self.look(service, newest.is_some_and(|judgement| judgement.health == Health::Unhealthy))
        });
        let judgements = join_all(looks).await;
        // The history is a projection: a status that was measured stands without it.
        let _ = self.ports.observer.flush().await;
        judgements
    }

    fn shown(&self, services: &[ServiceId], mut judgements: Vec<Judgement>) -> StatusDocument {
        let mut context = StatusContext::clone(&self.ports.status);
        context.services.retain(|service| services.contains(&service.id));
        self.ports.rules.find_causes(&mut judgements, &[]);
        let mut seen = EnvironmentState::default();
        for judgement in judgements {
            let state = seen.services.entry(judgement.service.clone()).or_default();
            state.since = Some(judgement.at);
            state.judgement = Some(judgement);
        }
        StatusDocument::of(&seen, &context, self.ports.clock.now())
    }

    async fn look(&self, service: &ServiceId, was_bad: bool) -> Judgement {
        let monitor = &self.ports.monitor;
        let rule = LookRule {
            confirmation: Confirmation { samples: monitor.confirm, of: monitor.confirm_of() },
            pause: monitor.confirm_pause.0,
            budget: monitor.confirm_budget.0,
        };
        let observer = &self.ports.observer;
        let seen = look(observer, service, rule, was_bad, &(), &CancellationToken::new()).await;
        self.ports.rules.judge(observer, &self.ports.status.environment, service, &seen, false).await
    }
}
