//! One look at services, without a run and without the journal: what `runbook check` does.

use std::time::Duration;

use futures::future::join_all;
use rand::RngExt;

use super::Engine;
use crate::{
    stages::{judgement::conclude, sample},
    state::EnvironmentState,
    status::{StatusContext, StatusDocument},
    words::{Health, Judgement, ServiceId},
};

impl Engine {
    /// Looks at these services, all of them when none is named, each at once. What is bad is looked at again, as often
    /// as `[monitor] confirm` says, before it is believed. It keeps nothing and changes nothing.
    pub async fn check(&self, only: &[ServiceId]) -> StatusDocument {
        let mut context: StatusContext = self.ports.status.clone();
        context.services.retain(|service| only.is_empty() || only.contains(&service.id));
        let judgements = join_all(context.services.iter().map(|service| self.look(&service.id))).await;
        let mut seen = EnvironmentState::default();
        for judgement in judgements {
            let state = seen.services.entry(judgement.service.clone()).or_default();
            state.since = Some(judgement.at);
            state.judgement = Some(judgement);
        }
        StatusDocument::of(&seen, &context, self.ports.clock.now())
    }

    async fn look(&self, service: &ServiceId) -> Judgement {
        let probes = self.ports.probes.get(service).map(Vec::as_slice).unwrap_or_default();
        let confirm = self.ports.monitor.confirm;
        let pause_ms = self.ports.monitor.confirm_pause.as_millis();
        let mut samples = vec![sample(probes).await];
        let mut conclusion = conclude(&samples, confirm);
        while conclusion.unconfirmed && samples.len() < 3 * confirm as usize {
            let pause = rand::rng().random_range(pause_ms / 2..=pause_ms);
            self.ports.clock.sleep(Duration::from_millis(pause)).await;
            samples.push(sample(probes).await);
            conclusion = conclude(&samples, confirm);
        }
        // One good look after a bad one is news of both: worse than healthy, better than a confirmed fault.
        let health = if conclusion.unconfirmed { Health::Unknown } else { conclusion.health };
        Judgement {
            samples: conclusion.samples,
            failures: conclusion.failures,
            latency_ms: conclusion.latency,
            ..Judgement::new(service.clone(), health, conclusion.evidence, self.ports.clock.now())
        }
    }
}
