//! From a request to a plan. Pure: everything it looks at is an argument.

use std::{collections::BTreeMap, time::Duration};

use super::{Access, Plan, PlanPolicy, PlannedService, Step, Watch, When, stage_kind};
use crate::{
    config::{Config, Period, ServiceConfig},
    state::{EnvironmentState, ServiceState},
    words::{Action, IdError, KindId, Live, Release, Request, Reverted, ServiceId, StepId},
};

/// The measured world that a plan is made in.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Everything the journal tells.
    pub environment: EnvironmentState,
    /// Whether the stop latch is set, in the journal or on this machine.
    pub latched: bool,
    /// What the deployers found to be live. A service without an entry has no deployer.
    pub live: BTreeMap<ServiceId, Live>,
    /// The release that the request's version, or the triggering commit, was resolved to.
    pub target: Option<Release>,
    /// What the ways back take back, once those are known.
    pub reverted: Vec<Reverted>,
    /// What each custom stage may do.
    pub custom: BTreeMap<StepId, Access>,
}

/// A request that no plan can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No such service.
    #[error("there is no service {component:?}; configured: {}", known.join(", "))]
    UnknownComponent {
        /// As it was asked for.
        component: String,
        /// The services there are.
        known: Vec<String>,
    },
    /// The action does not take what was given.
    #[error("{0}")]
    Usage(String),
    /// A step has an impossible name.
    #[error(transparent)]
    Step(#[from] IdError),
}

/// Makes a plan.
///
/// # Errors
/// [`PlanError`] when the request names what does not exist. What exists but must not happen now is no error: the
/// safety gate says so, with its reasons.
pub fn plan(request: &Request, config: &Config, world: &World) -> Result<Plan, PlanError> {
    let covered = covered(request, config)?;
    let mut notes = Vec::new();
    let deploys = matches!(request.action, Action::Deploy | Action::UpdateComponent);
    let held_back = deploys && request.origin.trigger == "push" && !config.deploy.on_push;
    if held_back {
        notes.push("a push deploys only with `[deploy] on_push = true`, so this run only observes".to_owned());
    }
    let mut services: Vec<PlannedService> =
        covered.iter().map(|service| planned(service, request, world, &mut notes)).collect();
    if request.action == Action::Rollback && request.version.is_none() {
        notes.extend(chosen(&services, &world.environment));
    }
    if held_back {
        services.iter_mut().for_each(|service| service.target = None);
    }
    if deploys && world.live.is_empty() {
        notes.push("no deployer is configured, so this run only observes".to_owned());
    }
    Ok(Plan {
        schema: Plan::SCHEMA.to_owned(),
        action: request.action,
        environment: request.environment.clone(),
        component: request.component.clone(),
        config_digest: config.digest,
        services,
        steps: steps(request.action, config, world)?,
        watch: watch(request.action, config),
        policy: PlanPolicy {
            automatic_rollback: config.rollback.automatic,
            rollback_budget: config.rollback.budget,
            required_rules: required_rules(request.action, config),
        },
        latched: world.latched,
        reverted: world.reverted.clone(),
        notes,
    })
}

/// Every service is watched, also when one is changed; that one has to exist.
fn covered<'a>(request: &Request, config: &'a Config) -> Result<Vec<&'a ServiceConfig>, PlanError> {
    if let Some(component) = &request.component
        && !config.services.iter().any(|service| service.id == *component)
    {
        return Err(PlanError::UnknownComponent {
            component: component.to_string(),
            known: config.services.iter().map(|service| service.id.to_string()).collect(),
        });
    }
    Ok(config.services.iter().collect())
}

fn planned(service: &ServiceConfig, request: &Request, world: &World, notes: &mut Vec<String>) -> PlannedService {
    let has_deployer = world.live.contains_key(&service.id);
    let is_meant = request.component.as_ref().is_none_or(|component| *component == service.id);
    // What a deployer cannot tell, the journal may know.
    let measured = world.live.get(&service.id).filter(|live| **live != Live::Unknown).cloned();
    let known_live = world.environment.service(&service.id).map(|state| state.live.clone());
    let live = measured.or(known_live).unwrap_or_default();
    let known_good = world.environment.last_known_good(&service.id).cloned();
    let proven = world.environment.service(&service.id).and_then(ServiceState::newest_proven);
    let target = match request.action {
        Action::Deploy | Action::UpdateComponent => world.target.clone(),
        Action::Rollback => world.target.clone().or_else(|| proven.map(|proven| proven.release.clone())),
        Action::UpdateStatus | Action::EmergencyStop | Action::Resume => None,
    };
    let target = target.filter(|_| has_deployer && is_meant).filter(|target| {
        let same = live.release().is_some_and(|release| release.same_as(target));
        if same {
            let further = match (request.action, world.environment.way_back(&service.id, target)) {
                (Action::Rollback, Some(before)) => {
                    format!("; to return further, name a release: `runbook rollback {before}`")
                }
                _ => String::new(),
            };
            notes.push(format!("{target} is live already as {}{further}", service.id));
        }
        !same
    });
    // The way back is the last known good release, but never the one that is about to be left: then the one before.
    let way_back = match &target {
        Some(target) => world.environment.way_back(&service.id, target).cloned(),
        None => known_good,
    };
    PlannedService {
        id: service.id.clone(),
        name: service.name.clone(),
        critical: service.critical,
        live,
        quarantined: target.as_ref().is_some_and(|target| {
            world.environment.service(&service.id).is_some_and(|state| state.quarantine.contains_key(&target.id))
        }),
        target,
        way_back,
    }
}

/// Why a rollback without a version returns to what it returns to: a line for each release.
fn chosen(services: &[PlannedService], environment: &EnvironmentState) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for service in services.iter().filter(|service| service.target.is_some()) {
        let Some(state) = environment.service(&service.id) else { continue };
        let Some(proven) = state.newest_proven() else { continue };
        let mut why = format!(
            "{} is the last known good release: the newest whose whole window was healthy, at {} in run {}",
            proven.release, proven.at, proven.run
        );
        let later = state.proven.iter().rev().take_while(|later| *later != proven);
        let failed = later.filter_map(|later| Some((later, state.quarantine.get(&later.release.id)?)));
        why.extend(failed.map(|(later, reason)| format!("; {} was too, and failed since: {reason}", later.release)));
        match lines.iter_mut().find(|(line, _)| *line == why) {
            Some((_, services)) => services.push(service.id.as_str()),
            None => lines.push((why, vec![service.id.as_str()])),
        }
    }
    lines.into_iter().map(|(why, services)| format!("{}: {why}", services.join(", "))).collect()
}

fn watch(action: Action, config: &Config) -> Watch {
    let monitor = &config.monitor;
    let is_window = matches!(action, Action::Deploy | Action::UpdateComponent | Action::Rollback);
    Watch {
        window_ms: if is_window { monitor.window.as_millis() } else { 0 },
        interval_ms: if is_window { monitor.interval.as_millis() } else { monitor.confirm_pause.as_millis() },
        startup_ms: if is_window { monitor.startup.as_millis() } else { 0 },
        confirm: monitor.confirm,
        confirm_of: monitor.confirm_of(),
        budget_ms: monitor.confirm_budget.as_millis(),
        baseline_ms: if is_window { monitor.baseline_window().as_millis() } else { 0 },
        baseline_interval_ms: if is_window { monitor.baseline_interval().as_millis() } else { 0 },
    }
}

/// The gate rules that must have been answered before anything else happens.
fn required_rules(action: Action, config: &Config) -> Vec<String> {
    let rules: &[&str] = match action {
        Action::UpdateStatus => &["configuration"],
        Action::Deploy | Action::UpdateComponent => &[
            "configuration",
            "journal",
            "stop-latch",
            "lock",
            "version",
            "worktree",
            "live-release",
            "way-there",
            "way-back",
            "irreversible",
        ],
        Action::Rollback => {
            &["configuration", "journal", "stop-latch", "lock", "live-release", "rollback-target", "irreversible"]
        }
        Action::EmergencyStop => &[],
        Action::Resume => &["journal", "person"],
    };
    let checks = checked(action, config).then_some("checks");
    rules.iter().copied().chain(checks).map(str::to_owned).collect()
}

/// Whether the gate asks the forge for the checks of what is to be deployed. The way back never waits for them.
fn checked(action: Action, config: &Config) -> bool {
    matches!(action, Action::Deploy | Action::UpdateComponent) && !config.policy.required_checks.is_empty()
}

fn steps(action: Action, config: &Config, world: &World) -> Result<Vec<Step>, PlanError> {
    use stage_kind::{BASELINE, CI, DEPLOY, MONITOR, REPORT, ROLLBACK, SAFETY_GATE, STOP};
    let short = Period::secs(120);
    let long = config.policy.stage_timeout;
    let monitor = &config.monitor;
    let watching = Period(monitor.window.0 + monitor.startup.0 + monitor.confirm_budget.0 + short.0);
    let baseline = Period(monitor.baseline_window().0 + short.0);
    let looks = (Access::ReadOnly, 3);
    let changes = (Access::Mutating, 1);
    let step = |id: &str, kind: &str, (access, attempts): (Access, u32), when: When, timeout: Period| {
        Ok::<_, IdError>(Step {
            id: StepId::new(id)?,
            kind: KindId::new(kind)?,
            access,
            when,
            timeout_ms: timeout.as_millis(),
            attempts,
        })
    };
    let wait = if checked(action, config) { config.policy.checks_wait.0 } else { Duration::ZERO };
    let gate = step(SAFETY_GATE, SAFETY_GATE, looks, When::InOrder, Period(short.0 + wait))?;
    let report = step(REPORT, REPORT, (Access::Reporting, 1), When::Finally, short)?;
    let rollback = step(ROLLBACK, ROLLBACK, changes, When::OnRollback, long)?;
    // A watch is not tried again: its samples are its attempts.
    let verify = step("verify", MONITOR, (Access::ReadOnly, 1), When::OnRollback, watching)?;
    let monitor = step(MONITOR, MONITOR, (Access::ReadOnly, 1), When::InOrder, watching)?;
    let mut steps = match action {
        Action::UpdateStatus => vec![gate, monitor, report],
        Action::Deploy | Action::UpdateComponent => vec![
            gate,
            step(CI, CI, (Access::ReadOnly, 1), When::InOrder, long)?,
            step(BASELINE, BASELINE, (Access::ReadOnly, 1), When::InOrder, baseline)?,
            step(DEPLOY, DEPLOY, changes, When::InOrder, long)?,
            monitor,
            rollback,
            verify,
            report,
        ],
        Action::Rollback => vec![gate, rollback, verify, report],
        Action::EmergencyStop => vec![step(STOP, STOP, changes, When::InOrder, long)?, report],
        Action::Resume => vec![gate, report],
    };
    for custom in &config.stages {
        let Some(at) = steps.iter().position(|step| step.id == custom.after) else { continue };
        let access = world.custom.get(&custom.id).copied().unwrap_or(Access::ReadOnly);
        // What only looks, or lifts the latch, changes nothing else; and it waits for no lock.
        if access == Access::Mutating && matches!(action, Action::UpdateStatus | Action::Resume) {
            continue;
        }
        // Other stages with the same `after` keep the order of the file.
        let mut place = at + 1;
        while steps.get(place).is_some_and(|s| config.stages.iter().any(|c| c.id == s.id && c.after == custom.after)) {
            place += 1;
        }
        let attempts = if access == Access::ReadOnly { 3 } else { 1 };
        steps.insert(
            place,
            Step {
                id: custom.id.clone(),
                kind: custom.kind.kind.clone(),
                access,
                when: steps[at].when,
                timeout_ms: custom.timeout.unwrap_or(long).as_millis(),
                attempts,
            },
        );
    }
    Ok(steps)
}
