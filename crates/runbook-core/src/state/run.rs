//! One run, folded from its events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{CommandRun, EffectResult, Event, EventKind, Landed, Operation, RollbackDecision, Signal},
    plan::{Access, Plan, Step, stage_kind},
    report::IssueRow,
    words::{
        Baseline, EffectKey, GateRule, Health, Judgement, OperationalStatus, Owner, Request, RunId, ServiceId, StepId,
        StepResult, Verdict,
    },
};

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its turn has not come.
    #[default]
    Pending,
    /// It began and has not ended.
    Running,
    /// It began, and whoever executed it was gone before it ended.
    Interrupted,
    /// It ended.
    Finished(StepResult),
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// The step, as planned.
    pub step: Step,
    /// Where it stands.
    pub status: StepStatus,
    /// How long it took, in milliseconds, once it ended.
    pub elapsed_ms: u64,
    /// The rules that it answered.
    pub rules: Vec<GateRule>,
    /// What CI ran in it.
    pub commands: Vec<CommandRun>,
    /// What it concluded of each service.
    pub judgements: Vec<Judgement>,
}

impl StepState {
    /// How it ended, once it did.
    pub fn result(&self) -> Option<&StepResult> {
        match &self.status {
            StepStatus::Finished(result) => Some(result),
            StepStatus::Pending | StepStatus::Running | StepStatus::Interrupted => None,
        }
    }
}

/// One effect of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectState {
    /// In which step.
    pub step: StepId,
    /// What it is.
    pub operation: Operation,
    /// How it ended; `None` while nobody knows.
    pub outcome: Option<EffectResult>,
    /// What is worth knowing of it.
    #[serde(default)]
    pub detail: serde_json::Value,
}

impl EffectState {
    /// Whether it is known to have happened.
    pub fn is_done(&self) -> bool {
        self.outcome == Some(EffectResult::Done)
    }

    /// Whether nobody knows if it happened.
    pub fn is_unknown(&self) -> bool {
        matches!(self.outcome, None | Some(EffectResult::Unknown(_)))
    }

    /// Whether it left, or may have left, something changed.
    pub fn may_have_changed(&self) -> bool {
        !matches!(self.outcome, Some(EffectResult::NotDone(_)))
    }
}

/// One run, as far as its events tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Which run.
    pub run: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// When its newest event was written.
    pub updated_at: Timestamp,
    /// What was asked.
    pub request: Request,
    /// What was planned.
    pub plan: Plan,
    /// Who executes it.
    pub owner: Owner,
    /// The epoch in which it began: it was planned in the world of that moment.
    pub begun: u64,
    /// The epoch of whoever executes it.
    pub epoch: u64,
    /// Each step, in the plan's order.
    pub steps: Vec<StepState>,
    /// Each effect.
    pub effects: BTreeMap<EffectKey, EffectState>,
    /// The latency of services before this run changed them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<ServiceId, Baseline>,
    /// The rollback, once one was decided.
    pub rollback: Option<RollbackDecision>,
    /// The signal that asked it to end.
    pub cancelled: Option<Signal>,
    /// Whether this run took the lock at some time.
    pub locked: bool,
    /// Whether this run set the stop latch.
    pub latched: bool,
    /// Whether this run lifted the stop latch.
    pub lifted: bool,
    /// The verdict and its reason, once reached.
    pub verdict: Option<(Verdict, String)>,
    /// The status issue that shows this run.
    pub published: Option<IssueRow>,
    /// Who was told, and how that went.
    pub notified: Vec<(String, String)>,
    /// The state of the system at the run's end, once it ended.
    pub finished: Option<(OperationalStatus, Vec<String>)>,
}

impl RunState {
    /// The state after a run's first event; `None` when the event is another one.
    pub fn begin(event: &Event) -> Option<Self> {
        let EventKind::RunStarted(started) = &event.kind else { return None };
        let steps = started
            .plan
            .steps
            .iter()
            .map(|step| StepState {
                step: step.clone(),
                status: StepStatus::Pending,
                elapsed_ms: 0,
                rules: Vec::new(),
                commands: Vec::new(),
                judgements: Vec::new(),
            })
            .collect();
        Some(Self {
            run: event.run,
            started_at: event.at,
            updated_at: event.at,
            request: started.request.clone(),
            plan: started.plan.clone(),
            owner: started.owner.clone(),
            begun: event.epoch,
            epoch: event.epoch,
            steps,
            effects: BTreeMap::new(),
            baselines: BTreeMap::new(),
            rollback: None,
            cancelled: None,
            locked: false,
            latched: false,
            lifted: false,
            verdict: None,
            published: None,
            notified: Vec::new(),
            finished: None,
        })
    }

    /// Takes one event in. Events of other runs change nothing, unless they close this one.
    pub fn apply(&mut self, event: &Event) {
        if let EventKind::RunAbandoned { abandoned, verdict, reason } = &event.kind
            && *abandoned == self.run
        {
            self.verdict = Some((*verdict, reason.clone()));
            self.finished.get_or_insert_with(|| (OperationalStatus::Degraded, vec![reason.clone()]));
            self.updated_at = event.at;
        }
        // It is the run that recovers which writes how an interrupted run's effects ended.
        if let EventKind::EffectSettled { key, landed } = &event.kind
            && let Some(effect) = self.effects.get_mut(key)
        {
            effect.outcome = match landed {
                Landed::Happened => Some(EffectResult::Done),
                Landed::DidNotHappen => Some(EffectResult::NotDone("found not to have happened".to_owned())),
                Landed::Unknown => None,
            };
        }
        if event.run != self.run {
            return;
        }
        self.updated_at = event.at;
        match &event.kind {
            EventKind::RunContinued { owner } => {
                self.owner = owner.clone();
                self.epoch = event.epoch;
                for state in self.steps.iter_mut().filter(|state| state.status == StepStatus::Running) {
                    state.status = StepStatus::Interrupted;
                }
            }
            EventKind::LockAcquired { .. } => {
                self.locked = true;
                self.epoch = event.epoch;
            }
            EventKind::StepStarted { step, .. } => {
                if let Some(state) = self.step_mut(step) {
                    state.status = StepStatus::Running;
                    state.rules.clear();
                    state.judgements.clear();
                    state.commands.clear();
                }
            }
            EventKind::RuleJudged { step, rule } => {
                if let Some(state) = self.step_mut(step) {
                    state.rules.push(rule.clone());
                }
            }
            EventKind::CiReported { step, commands } => {
                if let Some(state) = self.step_mut(step) {
                    state.commands.extend(commands.iter().cloned());
                }
            }
            EventKind::BaselineTaken { services, .. } => {
                self.baselines.extend(services.iter().map(|taken| (taken.service.clone(), taken.clone())));
            }
            EventKind::WindowJudged { step, services } => {
                if let Some(state) = self.step_mut(step) {
                    state.judgements.clone_from(services);
                }
            }
            EventKind::StepFinished { step, result, elapsed_ms } => {
                if let Some(state) = self.step_mut(step) {
                    state.status = StepStatus::Finished(result.clone());
                    state.elapsed_ms = *elapsed_ms;
                }
            }
            EventKind::EffectIntended { key, step, operation } => {
                self.effects.insert(
                    key.clone(),
                    EffectState {
                        step: step.clone(),
                        operation: operation.clone(),
                        outcome: None,
                        detail: serde_json::Value::Null,
                    },
                );
            }
            EventKind::EffectFinished { key, outcome, detail } => {
                if let Some(effect) = self.effects.get_mut(key) {
                    effect.outcome = Some(outcome.clone());
                    effect.detail = detail.clone();
                }
            }
            EventKind::RollbackDecided(decision) => self.rollback = Some(decision.clone()),
            EventKind::CancelRequested { signal } => self.cancelled = Some(*signal),
            EventKind::StopLatched { .. } => {
                self.latched = true;
                self.epoch = event.epoch;
            }
            EventKind::StopLifted { .. } => self.lifted = true,
            EventKind::VerdictReached { verdict, reason } => self.verdict = Some((*verdict, reason.clone())),
            EventKind::StatusPublished { issue, url, requests, .. } => {
                self.published = Some(IssueRow { number: *issue, url: url.clone(), requests: *requests });
            }
            EventKind::Notified { to, outcome, .. } => self.notified.push((to.clone(), outcome.clone())),
            EventKind::RunFinished { verdict, reason, operational_status, status_reasons } => {
                self.verdict = Some((*verdict, reason.clone()));
                self.finished = Some((*operational_status, status_reasons.clone()));
            }
            EventKind::RunStarted(_)
            | EventKind::EffectSettled { .. }
            | EventKind::RunLeft {}
            | EventKind::LockReleased {}
            | EventKind::LockLifted { .. }
            | EventKind::ReleaseFound { .. }
            | EventKind::ReadingsPublished { .. }
            | EventKind::RunAbandoned { .. }
            | EventKind::Unknown { .. } => {}
        }
    }

    /// The step of this id.
    pub fn step(&self, id: &StepId) -> Option<&StepState> {
        self.steps.iter().find(|state| state.step.id == *id)
    }

    fn step_mut(&mut self, id: &StepId) -> Option<&mut StepState> {
        self.steps.iter_mut().find(|state| state.step.id == *id)
    }

    /// Whether this operation is known to have happened in this run: whoever takes the run up does not repeat it.
    pub fn has_done(&self, operation: &Operation) -> bool {
        self.effects.values().any(|effect| effect.is_done() && effect.operation == *operation)
    }

    /// The effects on services (deploy, activate, stop, and a custom stage's on a service), by service.
    pub fn service_effects(&self) -> impl Iterator<Item = (&ServiceId, &EffectState)> {
        self.effects.values().filter_map(|effect| Some((effect.operation.service()?, effect)))
    }

    /// The effects that change the outside world for good: not those that only tell of it, and not the rollback's branch,
    /// which no live service depends on.
    pub fn mutations(&self) -> impl Iterator<Item = &EffectState> {
        self.effects.values().filter(|effect| match &effect.operation {
            Operation::Deploy { .. } | Operation::Activate { .. } | Operation::Stop { .. } => true,
            Operation::RollbackBranch { .. }
            | Operation::PublishStatus
            | Operation::Notify { .. }
            | Operation::RecordDeployment { .. }
            | Operation::OpenPullRequest { .. } => false,
            Operation::Custom { .. } => {
                self.step(&effect.step).is_none_or(|state| state.step.access == Access::Mutating)
            }
        })
    }

    /// The services that this run changed, or may have changed.
    pub fn changed_services(&self) -> Vec<&ServiceId> {
        let mut services: Vec<_> =
            self.service_effects().filter(|(_, e)| e.may_have_changed()).map(|(service, _)| service).collect();
        services.sort();
        services.dedup();
        services
    }

    /// The newest judgement of each service, over all steps.
    pub fn judgements(&self) -> BTreeMap<&ServiceId, &Judgement> {
        self.steps.iter().flat_map(|s| &s.judgements).map(|judgement| (&judgement.service, judgement)).collect()
    }

    /// The newest health of a service; `None` when this run did not look at it.
    pub fn health(&self, service: &ServiceId) -> Option<Health> {
        self.judgements().get(service).map(|judgement| judgement.health)
    }

    /// Whether the services that were rolled back were measured healthy afterwards, over the whole window.
    /// `None` when there was no rollback.
    pub fn rollback_verified(&self) -> Option<bool> {
        let decision = self.rollback.as_ref()?;
        let rollback = self.steps.iter().position(|s| s.step.kind.as_str() == stage_kind::ROLLBACK)?;
        Some(decision.services.iter().all(|(service, target)| {
            self.steps[rollback..].iter().flat_map(|s| &s.judgements).any(|j| {
                j.service == *service
                    && j.health == Health::Healthy
                    && j.complete
                    && j.release.as_ref().is_none_or(|release| release.same_as(&target.to))
            }) && self.effects.values().any(|effect| {
                effect.is_done()
                    && matches!(&effect.operation, Operation::Activate { service: s, release } if s == service && release.same_as(&target.to))
            })
        }))
    }
}
