//! What comes next. One pure function of plan, run, environment and time; it alone chooses.
//!
//! It believes evidence, not words: a stage that says "passed" without the events that its work leaves behind does not
//! pass here. So a gate, a deploy, a watch or a rollback that does nothing can never end in a good verdict.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    event::{EffectResult, Operation, RollbackDecision, RollbackTarget},
    plan::{Access, Plan, Step, When, stage_kind},
    state::{EffectState, EnvironmentState, RunState, StepState, StepStatus},
    words::{Action, Failure, LeftBehind, Outcome, Release, RuleVerdict, ServiceId, StepId, StepResult, Verdict},
};

/// What the engine does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Set the stop latch.
    SetLatch,
    /// Lift the stop latch.
    LiftLatch,
    /// Run a step.
    Run(StepId),
    /// Leave a step out.
    Skip(StepId, String),
    /// Decide a rollback.
    Rollback(RollbackDecision),
    /// The verdict stands; only the report follows.
    Conclude(Verdict, String),
    /// Write the last event.
    Finish(Verdict, String),
}

/// Chooses what comes next. Total: whatever the state, there is an answer, and following it ends every run.
pub fn decide(plan: &Plan, run: &RunState, environment: &EnvironmentState, now: Timestamp) -> Next {
    if let Some((verdict, reason)) = &run.verdict {
        return after_verdict(plan, run, *verdict, reason);
    }
    let case = Case { plan, run, environment, now };
    if plan.action == Action::EmergencyStop && !run.latched {
        return Next::SetLatch;
    }
    if run.cancelled.is_some() {
        return case.ended("ended by a signal");
    }
    if let Some(why) = case.overtaken() {
        return case.ended(&why);
    }
    for state in run.steps.iter().filter(|state| state.step.when != When::Finally) {
        // Once a rollback is decided, what led to it is settled; the way there is not gone on.
        if run.rollback.is_some() && state.step.when == When::InOrder {
            match state.status {
                StepStatus::Finished(_) => continue,
                StepStatus::Pending if plan.action != Action::Rollback => {
                    return Next::Skip(state.step.id.clone(), "a rollback was decided".to_owned());
                }
                StepStatus::Pending | StepStatus::Running | StepStatus::Interrupted => {}
            }
        }
        if state.step.when == When::OnRollback && run.rollback.is_none() {
            if let Some(next) = case.before_rollback() {
                return next;
            }
            if state.status == StepStatus::Pending {
                return Next::Skip(state.step.id.clone(), "there is nothing to return from".to_owned());
            }
        }
        let decided = match &state.status {
            StepStatus::Pending => Some(Next::Run(state.step.id.clone())),
            // The engine runs steps to their end; one that is running still belongs to an owner that is gone.
            StepStatus::Running => Some(case.needs_operator(format!("step {} was interrupted", state.step.id))),
            StepStatus::Interrupted => Some(case.interrupted(state)),
            StepStatus::Finished(result) => case.finished(state, result),
        };
        if let Some(next) = decided {
            return next;
        }
    }
    case.conclusion()
}

fn after_verdict(plan: &Plan, run: &RunState, verdict: Verdict, reason: &str) -> Next {
    for state in &run.steps {
        match (&state.status, state.step.when) {
            (StepStatus::Pending | StepStatus::Interrupted, When::Finally) => return Next::Run(state.step.id.clone()),
            (StepStatus::Pending, _) => {
                let why = match verdict {
                    Verdict::Blocked => "the run was blocked before",
                    Verdict::Failed => "the run failed before",
                    Verdict::Aborted => "the run was ended before",
                    Verdict::NeedsOperator => "the run came to need an operator before",
                    Verdict::Succeeded | Verdict::RolledBack => "there was no need",
                };
                return Next::Skip(state.step.id.clone(), why.to_owned());
            }
            _ => {}
        }
    }
    // To publish is what `update-status` is for; every other action did its work before the report.
    if plan.action == Action::UpdateStatus && verdict == Verdict::Succeeded {
        for state in run.steps.iter().filter(|state| state.step.kind.as_str() == stage_kind::REPORT) {
            match state.result() {
                Some(StepResult::Failed(failure)) => return Next::Finish(Verdict::Failed, failure.message.clone()),
                Some(StepResult::Ended(Outcome::Passed)) if run.published.is_none() => {
                    let reason = "the report passed, and nothing shows that the status issue was published";
                    return Next::Finish(Verdict::Failed, reason.to_owned());
                }
                _ => {}
            }
        }
    }
    Next::Finish(verdict, reason.to_owned())
}

/// Everything a decision looks at.
pub(super) struct Case<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: &'a RunState,
    environment: &'a EnvironmentState,
    now: Timestamp,
}

impl Case<'_> {
    pub(super) fn needs_operator(&self, reason: impl Into<String>) -> Next {
        Next::Conclude(Verdict::NeedsOperator, reason.into())
    }

    /// Why nobody knows what this run left behind; `None` when every effect has a known end.
    fn unknown(&self) -> Option<String> {
        let unknown: Vec<String> =
            self.run.mutations().filter(|effect| effect.is_unknown()).map(|e| e.operation.to_string()).collect();
        (!unknown.is_empty()).then(|| format!("nobody knows how this ended: {}", unknown.join(", ")))
    }

    /// What this run changed, or may have changed, that is no service: nothing here can return from it.
    fn changed_elsewhere(&self) -> Vec<String> {
        let elsewhere = self.run.mutations().filter(|e| e.operation.service().is_none() && e.may_have_changed());
        elsewhere.map(|effect| effect.operation.to_string()).collect()
    }

    /// Why this run may change nothing any more: somebody stopped everything, or took over, since it took the lock.
    fn overtaken(&self) -> Option<String> {
        if !self.plan.action.changes_services() || self.plan.action == Action::EmergencyStop {
            return None;
        }
        // A latch that was set before is for the gate to tell of.
        let is_past_gate = self.run.steps.first().and_then(StepState::result).is_some_and(StepResult::lets_go_on);
        match &self.environment.latch {
            Some(latch) if is_past_gate => {
                Some(format!("ended by an emergency stop ({}: {})", latch.actor, latch.reason))
            }
            None if self.run.locked && self.environment.fence > self.run.epoch => {
                Some("ended, because another run has taken over".to_owned())
            }
            Some(_) | None => None,
        }
    }

    /// The run ends here, before its time.
    fn ended(&self, why: &str) -> Next {
        if let Some(unknown) = self.unknown() {
            return self.needs_operator(format!("{why}; {unknown}"));
        }
        let mut changed: Vec<String> = self.run.changed_services().iter().map(ToString::to_string).collect();
        changed.extend(self.changed_elsewhere());
        let reason = match (changed.is_empty(), self.run.latched) {
            (true, true) => format!("{why}; the stop latch is set"),
            (true, false) => format!("{why}; nothing was changed"),
            (false, _) => format!("{why}; changed, and not watched to the end: {}", changed.join(", ")),
        };
        Next::Conclude(Verdict::Aborted, reason)
    }

    /// A step whose process is gone. Its effects are settled by now: what is known to have happened is not done again.
    fn interrupted(&self, state: &StepState) -> Next {
        let step = &state.step;
        // To stop what is down already is harmless, and who stops must not wait for anything.
        if step.access != Access::Mutating || step.kind.as_str() == stage_kind::STOP {
            return Next::Run(step.id.clone());
        }
        if let Some(unknown) = self.unknown() {
            return self.needs_operator(format!("step {} was interrupted; {unknown}", step.id));
        }
        // What was told of it is no part of it.
        let effects = || self.run.effects.values().filter(|e| e.step == step.id && !e.operation.tells());
        let partly = effects().find_map(|effect| match &effect.outcome {
            Some(EffectResult::Partly(message)) => Some(message.clone()),
            _ => None,
        });
        if let Some(message) = partly {
            return self.failed(step, &Failure { message, left: LeftBehind::Changed, unmeasured: false });
        }
        let done: Vec<String> = effects().filter(|e| e.is_done()).map(|e| e.operation.to_string()).collect();
        // These leave out what is done; what a stage of one's own does on a second call is not known here.
        if done.is_empty() || [stage_kind::DEPLOY, stage_kind::ROLLBACK].contains(&step.kind.as_str()) {
            return Next::Run(step.id.clone());
        }
        self.needs_operator(format!("step {} was interrupted after {}", step.id, done.join(", ")))
    }

    /// What a finished step means; `None`: go on.
    fn finished(&self, state: &StepState, result: &StepResult) -> Option<Next> {
        match result {
            // A change can be made without a baseline; it is then compared with nothing.
            StepResult::Failed(failure)
                if state.step.kind.as_str() == stage_kind::BASELINE && failure.left == LeftBehind::NoChange =>
            {
                None
            }
            StepResult::Failed(failure) => Some(self.failed(&state.step, failure)),
            StepResult::Ended(Outcome::Blocked(reasons)) => Some(self.blocked(&state.step, reasons)),
            StepResult::Ended(outcome) => match state.step.kind.as_str() {
                stage_kind::SAFETY_GATE => self.gate(state),
                stage_kind::CI => self.ci(state, outcome),
                stage_kind::DEPLOY => self.deployed(state, outcome),
                stage_kind::MONITOR if state.step.when == When::OnRollback => self.verified(),
                stage_kind::MONITOR => self.monitored(state),
                stage_kind::ROLLBACK => self.returned(),
                stage_kind::STOP => self.stopped(),
                _ => None,
            },
        }
    }

    fn blocked(&self, step: &Step, reasons: &[String]) -> Next {
        let reason = reasons.join("; ");
        // The latch is set: whatever keeps the services from going down is for a person.
        if self.plan.action == Action::EmergencyStop {
            return self.needs_operator(reason);
        }
        if !self.run.mutations().any(EffectState::may_have_changed) {
            return Next::Conclude(Verdict::Blocked, reason);
        }
        self.leave(step, &reason)
    }

    fn failed(&self, step: &Step, failure: &Failure) -> Next {
        if self.plan.action == Action::EmergencyStop {
            return self.needs_operator(failure.message.clone());
        }
        if self.run.rollback.is_some() {
            return self.needs_operator(format!("{} failed: {}", step.id, failure.message));
        }
        if let Some(unknown) = self.unknown() {
            return self.needs_operator(format!("{unknown}: {}", failure.message));
        }
        if !self.run.mutations().any(EffectState::may_have_changed) {
            return match failure.left {
                LeftBehind::NoChange => Next::Conclude(Verdict::Failed, format!("{}: {}", step.id, failure.message)),
                LeftBehind::Changed | LeftBehind::Unknown => {
                    self.needs_operator(format!("{} left something behind: {}", step.id, failure.message))
                }
            };
        }
        // What could not be found out is unknown, and unknown never rolls back.
        if failure.unmeasured || step.kind.as_str() == stage_kind::MONITOR {
            return self.needs_operator(format!("{}: {}", step.id, failure.message));
        }
        match failure.left {
            LeftBehind::Unknown => {
                self.needs_operator(format!("{} ended in the unknown: {}", step.id, failure.message))
            }
            LeftBehind::NoChange | LeftBehind::Changed => self.leave(step, &failure.message),
        }
    }

    fn gate(&self, state: &StepState) -> Option<Next> {
        let blocking: Vec<&str> =
            state.rules.iter().filter(|r| r.verdict == RuleVerdict::Block).map(|r| r.evidence.as_str()).collect();
        if !blocking.is_empty() {
            return Some(Next::Conclude(Verdict::Blocked, blocking.join("; ")));
        }
        let missing: Vec<&str> = self
            .plan
            .policy
            .required_rules
            .iter()
            .map(String::as_str)
            .filter(|required| !state.rules.iter().any(|rule| rule.id == *required))
            .collect();
        if !missing.is_empty() {
            let reason = format!("the safety gate did not answer {}", missing.join(", "));
            return Some(Next::Conclude(Verdict::Blocked, reason));
        }
        if self.plan.action == Action::Resume && !self.run.lifted {
            return Some(Next::LiftLatch);
        }
        None
    }

    fn ci(&self, state: &StepState, outcome: &Outcome) -> Option<Next> {
        let green = !state.commands.is_empty() && state.commands.iter().all(|c| c.exit_code == Some(0));
        match outcome {
            Outcome::Skipped(_) => None,
            _ if green => None,
            _ => Some(Next::Conclude(Verdict::Failed, "ci: it passed without a command that ended with 0".to_owned())),
        }
    }

    fn deployed(&self, state: &StepState, outcome: &Outcome) -> Option<Next> {
        let missing: Vec<&ServiceId> = self
            .plan
            .changing()
            .filter(|(service, target)| {
                !self.run.effects.values().any(|effect| {
                    effect.is_done()
                        && matches!(&effect.operation, Operation::Deploy { service: s, release } if *s == service.id && release == *target)
                })
            })
            .map(|(service, _)| &service.id)
            .collect();
        if missing.is_empty() {
            return None;
        }
        let reason = match outcome {
            Outcome::Skipped(reason) => format!("{} was not deployed: {reason}", list(&missing)),
            _ => format!("{} was not deployed, though the stage says {outcome:?}", list(&missing)),
        };
        Some(self.failed(&state.step, &Failure { message: reason, left: LeftBehind::NoChange, unmeasured: false }))
    }

    /// Before the first step of a rollback that nobody decided yet.
    fn before_rollback(&self) -> Option<Next> {
        if self.plan.action != Action::Rollback {
            return None;
        }
        let services: BTreeMap<ServiceId, RollbackTarget> = self
            .plan
            .changing()
            .map(|(service, to)| (service.id.clone(), RollbackTarget { from: service.live.clone(), to: to.clone() }))
            .collect();
        if services.is_empty() {
            return Some(Next::Conclude(Verdict::Blocked, "there is nothing to roll back to".to_owned()));
        }
        let reason =
            self.run.request.reason.clone().unwrap_or_else(|| format!("asked for by {}", self.run.request.actor));
        Some(Next::Rollback(RollbackDecision { automatic: false, services, reason }))
    }

    /// An unhealthy change: return from it where that is allowed and known to be possible.
    pub(super) fn leave(&self, step: &Step, why: &str) -> Next {
        let changed = self.run.changed_services();
        let by_hand = |problem: String| self.needs_operator(format!("{why}; {problem}"));
        // Unknown never rolls back.
        if let Some(unknown) = self.unknown() {
            return by_hand(unknown);
        }
        if !self.run.steps.iter().any(|s| s.step.kind.as_str() == stage_kind::ROLLBACK) || self.run.rollback.is_some() {
            return self.needs_operator(format!("{}: {why}", step.id));
        }
        let elsewhere = self.changed_elsewhere();
        if changed.is_empty() {
            return by_hand(format!("nothing here can return from {}", elsewhere.join(", ")));
        }
        if !self.plan.policy.automatic_rollback {
            return by_hand("automatic rollback is switched off".to_owned());
        }
        let budget = self.plan.policy.rollback_budget as usize;
        if self.environment.recent_rollbacks(self.now) >= budget {
            return by_hand(format!("the budget of {budget} automatic rollback(s) in 24 hours is used up"));
        }
        let mut services = BTreeMap::new();
        for id in changed {
            let Some(planned) = self.plan.service(id) else {
                return by_hand(format!("{id} is not part of the plan"));
            };
            let Some(to) = &planned.way_back else {
                return by_hand(format!("{id} has no last known good release to return to"));
            };
            let reverted = planned.target.as_ref().and_then(|from| self.plan.reverted(from, to));
            if let Some(marked) = reverted.filter(|reverted| !reverted.difference.irreversible.is_empty()) {
                let what = marked.difference.irreversible.line(5);
                return by_hand(format!("roll forward only: a return to {to} cannot take back {what}"));
            }
            services.insert(id.clone(), RollbackTarget { from: self.left_release(id), to: to.clone() });
        }
        Next::Rollback(RollbackDecision { automatic: true, services, reason: why.to_owned() })
    }

    /// The release that this run made, or tried to make, live.
    fn left_release(&self, id: &ServiceId) -> crate::words::Live {
        let release: Option<&Release> = self.plan.service(id).and_then(|service| service.target.as_ref());
        release.map_or_else(Default::default, |release| crate::words::Live::Release(release.clone()))
    }

    fn returned(&self) -> Option<Next> {
        let decision = self.run.rollback.as_ref()?;
        let missing: Vec<&ServiceId> = decision
            .services
            .iter()
            .filter(|(id, target)| {
                !self.run.effects.values().any(|effect| {
                    effect.is_done()
                        && matches!(&effect.operation, Operation::Activate { service, release } if service == *id && release.same_as(&target.to))
                })
            })
            .map(|(id, _)| id)
            .collect();
        (!missing.is_empty()).then(|| self.needs_operator(format!("{} was not rolled back", list(&missing))))
    }

    fn stopped(&self) -> Option<Next> {
        let up: Vec<&ServiceId> = self
            .plan
            .services
            .iter()
            .map(|service| &service.id)
            .filter(|id| {
                !self.run.effects.values().any(|effect| {
                    effect.is_done() && matches!(&effect.operation, Operation::Stop { service } if service == *id)
                })
            })
            .collect();
        (!up.is_empty()).then(|| self.needs_operator(format!("{} is not known to be down", list(&up))))
    }

    /// Every step ended well.
    fn conclusion(&self) -> Next {
        if let Some(unknown) = self.unknown() {
            return self.needs_operator(unknown);
        }
        let late = self.unwatched();
        if !late.is_empty() && self.plan.action != Action::EmergencyStop {
            return self.needs_operator(format!("changed after the last watch: {}", list(&late)));
        }
        let changing: Vec<String> =
            self.plan.changing().map(|(service, target)| format!("{} {target}", service.id)).collect();
        let (verdict, reason) = match (self.plan.action, &self.run.rollback) {
            (_, Some(decision)) => {
                let ways = ways(decision);
                if decision.automatic {
                    (Verdict::RolledBack, format!("rolled back {ways}: {}", decision.reason))
                } else {
                    (Verdict::Succeeded, format!("rolled back {ways}, measured healthy"))
                }
            }
            (Action::UpdateStatus, None) => (Verdict::Succeeded, "measured".to_owned()),
            // Where the latch is set, whoever set it says.
            (Action::EmergencyStop, None) => (Verdict::Succeeded, "every service is down".to_owned()),
            (Action::Resume, None) => (Verdict::Succeeded, "the stop latch is lifted".to_owned()),
            (_, None) if changing.is_empty() => {
                (Verdict::Succeeded, "there was nothing to change; observed only".to_owned())
            }
            (_, None) => {
                (Verdict::Succeeded, format!("{} live and watched to the end of the window", changing.join(", ")))
            }
        };
        Next::Conclude(verdict, reason)
    }
}

/// `v1.1.0 → v1.0.0 (fastapi, flask)`: each way once, with the services that take it.
fn ways(decision: &RollbackDecision) -> String {
    let mut ways: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (id, target) in &decision.services {
        ways.entry(format!("{} → {}", target.from, target.to)).or_default().push(id.as_str());
    }
    ways.into_iter().map(|(way, services)| format!("{way} ({})", services.join(", "))).collect::<Vec<_>>().join(", ")
}

pub(super) fn list(services: &[&ServiceId]) -> String {
    services.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
}
