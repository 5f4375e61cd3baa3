//! The stage `safety-gate`: the reasons for and against a run, each with its evidence. What cannot be classified blocks.

use async_trait::async_trait;

use super::{NoSettings, checks};
use crate::{
    config::Irreversible,
    engine::{StageContext, with_causes},
    plan::{Access, PlannedService, stage_kind},
    ports::{Deployer, Order, OwnerState, Rehearsal, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    state::EnvironmentState,
    words::{Action, ActorKind, GateRule, Live, Outcome, Release, RuleVerdict},
};

/// How a person does it all the same.
const FORCE: &str = "`runbook rollback VERSION --force --reason …` does it all the same";

/// Checks that the environment is safe to change.
#[derive(Debug)]
pub struct SafetyGate {
    ports: Ports,
}

impl StageDefinition for SafetyGate {
    const KIND: &'static str = stage_kind::SAFETY_GATE;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for SafetyGate {
    fn access(&self) -> Access {
        Access::ReadOnly
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let environment = cx.environment_state().await?;
        let mut rules = vec![self.configuration(cx)];
        match cx.plan().action {
            Action::UpdateStatus | Action::EmergencyStop => {}
            Action::Resume => rules.extend([journal(&environment), person(cx, &environment)]),
            Action::Rollback => {
                rules.extend([journal(&environment), stop_latch(cx, &environment), self.lock(cx, &environment).await]);
                rules.push(self.live_release(cx, &environment).await);
                rules.push(self.rollback_target(cx, &environment).await);
                rules.push(self.irreversible(cx));
            }
            Action::Deploy | Action::UpdateComponent => {
                rules.extend([journal(&environment), stop_latch(cx, &environment), self.lock(cx, &environment).await]);
                rules.extend([self.version(cx), self.worktree().await]);
                rules.push(self.live_release(cx, &environment).await);
                rules.push(self.way_there(cx).await);
                rules.push(self.way_back(cx).await);
                rules.push(self.irreversible(cx));
                rules.push(quarantine(cx, &environment));
                rules.push(budget(cx, &environment));
                if !self.ports.policy.required_checks.is_empty() {
                    // Nobody waits for the checks of what is blocked anyway.
                    let may_wait = rules.iter().all(|rule| rule.verdict != RuleVerdict::Block);
                    rules.push(checks::rule(cx, &self.ports, may_wait).await);
                }
            }
        }
        let outcome = outcome(&rules);
        for rule in rules {
            cx.rule(rule).await;
        }
        Ok(outcome)
    }
}

fn outcome(rules: &[GateRule]) -> Outcome {
    let evidence = |verdict| -> Vec<String> {
        rules.iter().filter(|rule| rule.verdict == verdict).map(|rule| rule.evidence.clone()).collect()
    };
    let blocking = evidence(RuleVerdict::Block);
    if !blocking.is_empty() {
        return Outcome::Blocked(blocking);
    }
    let warnings = evidence(RuleVerdict::Warn);
    if warnings.is_empty() { Outcome::Passed } else { Outcome::Warned(warnings.join("; ")) }
}

fn journal(environment: &EnvironmentState) -> GateRule {
    match environment.unknown_events {
        0 => GateRule::pass("journal", "every event of the journal is understood"),
        n => GateRule::block(
            "journal",
            format!("the journal holds {n} event(s) of a newer version; update runbook before anything is changed"),
        ),
    }
}

fn stop_latch(cx: &StageContext, environment: &EnvironmentState) -> GateRule {
    // It may have been set since the plan was made.
    if cx.plan().latched || environment.latch.is_some() {
        let hint = "a person lifts it with `runbook resume --reason …`";
        return GateRule::block("stop-latch", format!("the stop latch is set; {hint}"));
    }
    GateRule::pass("stop-latch", "the stop latch is not set")
}

fn person(cx: &StageContext, environment: &EnvironmentState) -> GateRule {
    let request = cx.request();
    if request.actor.kind != ActorKind::Person {
        return GateRule::block("person", format!("only a person may resume, and {} is not one", request.actor));
    }
    if request.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return GateRule::block("person", "to resume needs a reason: `--reason …`");
    }
    if environment.latch.is_none() && !cx.plan().latched {
        return GateRule::warn("person", "the stop latch was not set");
    }
    GateRule::pass("person", format!("{} resumes", request.actor))
}

fn quarantine(cx: &StageContext, environment: &EnvironmentState) -> GateRule {
    let failed: Vec<String> = cx
        .plan()
        .changing()
        .filter_map(|(service, target)| {
            let why = environment.service(&service.id)?.quarantine.get(&target.id)?;
            Some(format!("{target} of {} failed before: {why}", service.id))
        })
        .collect();
    if failed.is_empty() {
        return GateRule::pass("quarantine", "no release of this plan failed before");
    }
    GateRule::warn("quarantine", failed.join("; "))
}

fn budget(cx: &StageContext, environment: &EnvironmentState) -> GateRule {
    let budget = cx.plan().policy.rollback_budget as usize;
    let used = environment.recent_rollbacks(cx.now());
    let evidence = format!("{used} of {budget} automatic rollback(s) in 24 hours used");
    if used >= budget {
        GateRule::warn("rollback-budget", evidence)
    } else {
        GateRule::pass("rollback-budget", evidence)
    }
}

impl SafetyGate {
    fn configuration(&self, cx: &StageContext) -> GateRule {
        let services = cx.plan().services.len();
        let blind: Vec<&str> = cx
            .plan()
            .services
            .iter()
            .filter(|service| self.ports.observer.is_blind(&service.id))
            .map(|service| service.id.as_str())
            .collect();
        if services == 0 {
            return GateRule::warn("configuration", "no service is configured, so nothing can be measured");
        }
        if !blind.is_empty() {
            return GateRule::warn(
                "configuration",
                format!("{} has no probe, so its health is unknown", blind.join(", ")),
            );
        }
        GateRule::pass("configuration", format!("{services} service(s), each with a probe"))
    }

    async fn lock(&self, cx: &StageContext, environment: &EnvironmentState) -> GateRule {
        let Some(lock) = environment.lock.as_ref().filter(|lock| lock.run != cx.run()) else {
            return GateRule::pass("lock", "the lock is free");
        };
        if lock.sticky {
            return GateRule::block("lock", format!("{}; `runbook unlock --reason …` takes it away", lock.held()));
        }
        if environment.open_runs.get(&lock.run).is_some_and(|open| open.left) {
            let hint =
                format!("`runbook stage STEP --run {}` goes on with it, `runbook recover {0}` ends it", lock.run);
            return GateRule::block("lock", format!("{}: the run waits for its next stage; {hint}", lock.held()));
        }
        let owner = match self.ports.liveness.owner_state(&lock.owner).await {
            OwnerState::Alive => format!("{} is at work", lock.owner),
            OwnerState::Unknown => format!(
                "nobody here can tell whether {} is over; look there, and then `runbook recover {} --owner-is-over` \
                 finishes the run",
                lock.owner, lock.run
            ),
            OwnerState::Over => format!("{} ended just now; ask again", lock.owner),
        };
        GateRule::block("lock", format!("{}: {owner}", lock.held()))
    }

    fn version(&self, cx: &StageContext) -> GateRule {
        if self.ports.deployers.is_empty() {
            return GateRule::warn("version", "no deployer is configured: this run only observes");
        }
        match cx.plan().changing().next() {
            Some((_, target)) => {
                let evidence = match &target.commit {
                    Some(commit) => format!("{target} is commit {}", commit.short()),
                    None => format!("{target}, as the deployer knows it"),
                };
                GateRule::pass("version", evidence)
            }
            None if cx.plan().notes.is_empty() => GateRule::block(
                "version",
                "no version was named, and there is no commit to take: `runbook deploy VERSION`",
            ),
            None => GateRule::pass("version", cx.plan().notes.join("; ")),
        }
    }

    async fn worktree(&self) -> GateRule {
        let Some(repository) = &self.ports.version_control else {
            return GateRule::warn("worktree", "this is not a git repository, so nothing says what would be deployed");
        };
        match repository.checkout().await {
            Ok(checkout) if checkout.dirty.is_empty() => GateRule::pass("worktree", "no uncommitted changes"),
            Ok(checkout) => {
                let evidence = format!(
                    "uncommitted changes: {}; commit or stash them, or set `policy.require_clean = false`",
                    checkout.dirty.join(", ")
                );
                if self.ports.policy.require_clean {
                    GateRule::block("worktree", evidence)
                } else {
                    GateRule::warn("worktree", evidence)
                }
            }
            Err(error) => GateRule::block("worktree", with_causes(&error)),
        }
    }

    /// Asks each deployer what is live, and keeps what is news.
    async fn live_release(&self, cx: &StageContext, environment: &EnvironmentState) -> GateRule {
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        let mut failed = Vec::new();
        for service in &cx.plan().services {
            let Some(deployer) = self.ports.deployers.get(&service.id) else { continue };
            match deployer.live(&service.id).await {
                Ok(live) => {
                    let known = environment.service(&service.id).map(|state| &state.live);
                    match &live {
                        Live::Unknown => unknown.push(format!("{}: what is live is unknown", service.id)),
                        live => found.push(format!("{} {live}", service.id)),
                    }
                    if live != Live::Unknown && service.live != Live::Unknown && live != service.live {
                        failed.push(format!(
                            "{} was {} when this was planned and is {live} now; ask again",
                            service.id, service.live
                        ));
                    }
                    if live != Live::Unknown && known != Some(&live) {
                        cx.found(service.id.clone(), live).await;
                    }
                }
                Err(error) => failed.push(format!("{}: {}", service.id, with_causes(&error))),
            }
        }
        if !failed.is_empty() {
            return GateRule::block("live-release", format!("what is live is not settled: {}", failed.join("; ")));
        }
        if !unknown.is_empty() {
            return GateRule::warn("live-release", unknown.join("; "));
        }
        let evidence = if found.is_empty() { "no deployer to ask".to_owned() } else { found.join(", ") };
        GateRule::pass("live-release", evidence)
    }

    async fn way_there(&self, cx: &StageContext) -> GateRule {
        let orders = cx.plan().changing();
        self.rehearse(cx, "way-there", orders, "nothing is going to change").await
    }

    /// The way back is tried before it is needed.
    async fn way_back(&self, cx: &StageContext) -> GateRule {
        let orders: Vec<_> = cx.plan().changing().map(|(service, _)| (service, service.way_back.as_ref())).collect();
        let without: Vec<&str> = orders.iter().filter(|(_, back)| back.is_none()).map(|(s, _)| s.id.as_str()).collect();
        if !without.is_empty() {
            let why = "no other release had a whole healthy window";
            return GateRule::warn("way-back", format!("no way back yet for {}: {why}", without.join(", ")));
        }
        let orders = orders.into_iter().filter_map(|(service, back)| Some((service, back?)));
        self.rehearse(cx, "way-back", orders, "nothing to return from").await
    }

    async fn rollback_target(&self, cx: &StageContext, environment: &EnvironmentState) -> GateRule {
        let id = "rollback-target";
        if self.ports.deployers.is_empty() {
            return GateRule::block(id, "no deployer is configured, so nothing here can roll back");
        }
        let orders: Vec<(&PlannedService, &Release)> = cx.plan().changing().collect();
        if orders.is_empty() {
            let evidence = if cx.plan().notes.is_empty() {
                "there is no last known good release yet: no release had a whole healthy window; name one: \
                 `runbook rollback VERSION`"
                    .to_owned()
            } else {
                format!("there is nothing to roll back: {}", cx.plan().notes.join("; "))
            };
            return GateRule::block(id, evidence);
        }
        let failed: Vec<String> = orders
            .iter()
            .filter(|(service, target)| {
                environment.service(&service.id).is_some_and(|state| state.quarantine.contains_key(&target.id))
            })
            .map(|(service, target)| format!("{target} of {} failed before and is quarantined", service.id))
            .collect();
        if !failed.is_empty() && !cx.request().is_forced() {
            return GateRule::block(id, format!("{}; {FORCE}", failed.join("; ")));
        }
        let rule = self.rehearse(cx, id, orders.into_iter(), "nothing to return from").await;
        match failed.is_empty() || rule.verdict == RuleVerdict::Block {
            true => rule,
            false => GateRule::warn(id, format!("{}; forced: {}", failed.join("; "), rule.evidence)),
        }
    }

    /// Whether the way back takes back what cannot be taken back: it is known before anything is changed.
    fn irreversible(&self, cx: &StageContext) -> GateRule {
        let id = "irreversible";
        let plan = cx.plan();
        let (mut marked, mut unknown, mut clear) = (Vec::new(), Vec::new(), Vec::new());
        for reverted in &plan.reverted {
            let way = format!("{} → {}", reverted.from, reverted.to);
            let irreversible = &reverted.difference.irreversible;
            match &reverted.unknown {
                Some(why) => unknown.push(format!("{way}: {why}")),
                None if irreversible.is_empty() => clear.push(format!("{way}: {}, none marked", reverted.size())),
                None => marked.push(format!("{way} cannot take back {}", irreversible.line(5))),
            }
        }
        let rolls_back = plan.action == Action::Rollback;
        let forced = rolls_back && cx.request().is_forced();
        if !marked.is_empty() {
            let evidence = marked.join("; ");
            return match (rolls_back, self.ports.policy.irreversible) {
                (true, _) if forced => GateRule::warn(id, format!("forced: {evidence}")),
                (true, _) => GateRule::block(id, format!("{evidence}; {FORCE}")),
                (false, Irreversible::RollForward) => GateRule::warn(id, format!("roll forward only: {evidence}")),
                (false, Irreversible::Block) => GateRule::block(
                    id,
                    format!("{evidence}; `[policy] irreversible = \"roll-forward\"` deploys it without a way back"),
                ),
            };
        }
        if !unknown.is_empty() {
            let evidence = format!("nobody can tell what a return takes back: {}", unknown.join("; "));
            // With nothing marked by path only a commit's trailer could speak against it.
            return match self.ports.rollback.irreversible.is_empty() || forced {
                true => GateRule::warn(id, evidence),
                false => GateRule::block(id, evidence),
            };
        }
        GateRule::pass(
            id,
            if clear.is_empty() { "there is no way back to look at".to_owned() } else { clear.join("; ") },
        )
    }

    async fn rehearse<'a>(
        &self,
        cx: &StageContext,
        id: &str,
        orders: impl Iterator<Item = (&'a PlannedService, &'a Release)>,
        nothing: &str,
    ) -> GateRule {
        let mut good = Vec::new();
        let mut untested = Vec::new();
        let mut bad = Vec::new();
        for (service, release) in orders {
            let Some(deployer) = self.ports.deployers.get(&service.id) else { continue };
            let order = Order {
                service: service.id.clone(),
                release: release.clone(),
                environment: cx.request().environment.clone(),
            };
            match rehearsed(deployer.as_ref(), &order).await {
                Rehearsal::Possible(words) => good.push(format!("{} {release}: {words}", service.id)),
                Rehearsal::Untested(words) => untested.push(format!("{} {release}: {words}", service.id)),
                Rehearsal::Impossible(words) => bad.push(format!("{} {release}: {words}", service.id)),
            }
        }
        if !bad.is_empty() {
            return GateRule::block(id, bad.join("; "));
        }
        if !untested.is_empty() {
            return GateRule::warn(id, untested.join("; "));
        }
        GateRule::pass(id, if good.is_empty() { nothing.to_owned() } else { good.join("; ") })
    }
}

async fn rehearsed(deployer: &dyn Deployer, order: &Order) -> Rehearsal {
    match deployer.rehearse(order).await {
        Ok(rehearsal) => rehearsal,
        Err(error) => Rehearsal::Impossible(with_causes(&error)),
    }
}
