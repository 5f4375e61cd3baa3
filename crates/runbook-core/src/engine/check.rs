//! One look at services, without a run and without the journal: what `runbook check` does.

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::{
    state::EnvironmentState,
    status::{StatusContext, StatusDocument},
    watch::{Confirmation, LookRule, look},
    words::{Judgement, ServiceId},
};

impl Engine {
    /// Looks at these services, all of them when none is named, each at once. What is bad is looked at again, as
    /// `[monitor] confirm` says, before it is believed. It changes nothing, and keeps nothing but the readings, where the
    /// engine was given a history. A dropped future leaves nothing open.
    pub async fn check(&self, only: &[ServiceId]) -> StatusDocument {
        let mut context = StatusContext::clone(&self.ports.status);
        context.services.retain(|service| only.is_empty() || only.contains(&service.id));
        let mut judgements = join_all(context.services.iter().map(|service| self.look(&service.id))).await;
        // The history is a projection: a status that was measured stands without it.
        let _ = self.ports.observer.flush().await;
        self.ports.rules.find_causes(&mut judgements, &[]);
        let mut seen = EnvironmentState::default();
        for judgement in judgements {
            let state = seen.services.entry(judgement.service.clone()).or_default();
            state.since = Some(judgement.at);
            state.judgement = Some(judgement);
        }
        StatusDocument::of(&seen, &context, self.ports.clock.now())
    }

    async fn look(&self, service: &ServiceId) -> Judgement {
        let monitor = &self.ports.monitor;
        let rule = LookRule {
            confirmation: Confirmation { samples: monitor.confirm, of: monitor.confirm_of() },
            pause: monitor.confirm_pause.0,
            budget: monitor.confirm_budget.0,
        };
        let observer = &self.ports.observer;
        let seen = look(observer, service, rule, false, &(), &CancellationToken::new()).await;
        self.ports.rules.judge(observer, &self.ports.status.environment, service, &seen, false).await
    }
}
