//! What the watches of a run come to: whether its change stands, is returned from, or needs an operator. Part of
//! [`decide`](super::decide()), and pure like it.

use std::collections::BTreeMap;

use super::decide::{Case, Next, list};
use crate::{
    plan::stage_kind,
    state::StepState,
    words::{Health, ServiceId, StepId, Verdict},
};

impl Case<'_> {
    /// After the watch of a change; `None`: go on.
    pub(super) fn monitored(&self, state: &StepState) -> Option<Next> {
        let judged: BTreeMap<&ServiceId, _> = state.judgements.iter().map(|j| (&j.service, j)).collect();
        let unseen: Vec<&ServiceId> =
            self.plan.services.iter().map(|s| &s.id).filter(|id| !judged.contains_key(id)).collect();
        let changed = self.run.changed_services();
        let of = |health: Health| -> Vec<&ServiceId> {
            changed.iter().copied().filter(|id| judged.get(id).is_some_and(|j| j.health == health)).collect()
        };
        let unhealthy = of(Health::Unhealthy);
        // Whose fault lies with a service that this run did not change, would be no better with another release.
        let elsewhere: Vec<String> = unhealthy
            .iter()
            .filter_map(|id| Some((id, judged.get(id)?.caused_by.as_ref()?)))
            // One that nobody could measure is no proof that this release is innocent.
            .filter(|(_, cause)| judged.get(cause).is_some_and(|judgement| judgement.health == Health::Unhealthy))
            .filter(|(_, cause)| !changed.contains(cause))
            .map(|(id, cause)| format!("{id} is unhealthy because of {cause}"))
            .collect();
        if !elsewhere.is_empty() && elsewhere.len() == unhealthy.len() {
            let why = "which this run did not change";
            return Some(self.needs_operator(format!("{}, {why}", elsewhere.join(", "))));
        }
        if !unhealthy.is_empty() {
            let evidence: Vec<&str> =
                unhealthy.iter().filter_map(|id| judged.get(id)).map(|j| j.evidence.as_str()).collect();
            return Some(
                self.leave(&state.step, &format!("{} is unhealthy ({})", list(&unhealthy), evidence.join("; "))),
            );
        }
        if !unseen.is_empty() {
            return Some(if changed.is_empty() {
                Next::Conclude(Verdict::Failed, format!("nobody measured {}", list(&unseen)))
            } else {
                self.needs_operator(format!("nobody measured {}", list(&unseen)))
            });
        }
        let unknown = of(Health::Unknown);
        if !unknown.is_empty() {
            return Some(self.needs_operator(format!("the health of {} is unknown after the change", list(&unknown))));
        }
        let partial: Vec<&ServiceId> =
            changed.iter().copied().filter(|id| judged.get(id).is_some_and(|j| !j.complete)).collect();
        if !partial.is_empty() {
            return Some(self.needs_operator(format!("{} was not watched to the end of the window", list(&partial))));
        }
        None
    }

    /// After the watch of a way back; `None`: go on.
    pub(super) fn verified(&self) -> Option<Next> {
        if self.run.rollback_verified() == Some(true) {
            return None;
        }
        let decision = self.run.rollback.as_ref()?;
        let bad: Vec<String> = decision
            .services
            .keys()
            .map(|id| match self.run.judgements().get(id) {
                Some(j) => format!("{id} is {} ({})", j.health, j.evidence),
                None => format!("{id} was not measured"),
            })
            .collect();
        Some(
            self.needs_operator(format!(
                "rolled back, but not measured healthy over the whole window: {}",
                bad.join("; ")
            )),
        )
    }

    /// Effects on services that came after the last watch: whatever the stages say, nobody looked at what they did.
    pub(super) fn unwatched(&self) -> Vec<&ServiceId> {
        let place = |id: &StepId| self.run.steps.iter().position(|state| state.step.id == *id);
        let last_watch = self.run.steps.iter().rposition(|state| {
            state.step.kind.as_str() == stage_kind::MONITOR && state.result().is_some() && !state.judgements.is_empty()
        });
        let effects = self.run.service_effects().filter(|(_, effect)| effect.may_have_changed());
        let mut late: Vec<&ServiceId> =
            effects.filter(|(_, effect)| place(&effect.step) > last_watch).map(|(service, _)| service).collect();
        late.dedup();
        late
    }
}
