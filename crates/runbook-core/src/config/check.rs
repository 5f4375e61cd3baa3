//! What types cannot say: bounds, names that must exist, and the place in the text that is wrong.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Config, ConfigError, Document,
    error::{Fault, suggestion},
    github,
    tree::Value,
};
use crate::{
    plan::stage_kind,
    watch::{Confirmation, MaintenanceSchedule, check_dependencies, least_time},
};

/// So many checks may be required at most.
const MOST_CHECKS: usize = 100;
/// So many services may be measured by one job of the generated workflow at most.
const MOST_IN_SHARD: u32 = 500;
/// So many labels may name a runner at most.
const MOST_LABELS: usize = 20;
/// The longest that a gate may wait for checks.
const LONGEST_CHECKS_WAIT: Duration = Duration::from_secs(6 * 3600);

impl Document {
    /// What types cannot say.
    pub(super) fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let wrong = |path: &str, message: &str, hint: &str| {
            let span = self.find(path);
            Err(ConfigError::new(&self.source, span, Fault::new(path, message).hint(hint)))
        };
        let monitor = &config.monitor;
        if monitor.interval.0.is_zero() {
            return wrong("monitor.interval", "a pause of 0 would never let go of the service", "for example \"2s\"");
        }
        if monitor.confirm == 0 || monitor.confirm > 100 {
            return wrong("monitor.confirm", "between 1 and 100 bad samples confirm a fault", "for example 3");
        }
        if monitor.confirm_pause.0 < Duration::from_millis(10) {
            return wrong(
                "monitor.confirm_pause",
                "a pause of less than 10ms asks the same moment again",
                "for example \"500ms\"",
            );
        }
        let confirmation = Confirmation { samples: monitor.confirm, of: monitor.confirm_of() };
        let least = least_time(confirmation, monitor.confirm_pause.0);
        if least > monitor.confirm_budget.0 {
            return wrong(
                "monitor.confirm_budget",
                &format!(
                    "to confirm a fault with {} samples takes up to {:.1} s of pauses, so no fault could be confirmed in {}",
                    monitor.confirm,
                    least.as_secs_f64(),
                    monitor.confirm_budget
                ),
                "make it longer, or `confirm` or `confirm_pause` smaller",
            );
        }
        if monitor.confirm_of.is_some_and(|of| of < monitor.confirm || of > 100) {
            return wrong(
                "monitor.confirm_of",
                "fewer samples than have to agree, or more than 100",
                "leave it out, or make it at least `confirm`",
            );
        }
        if monitor.concurrency == 0 || monitor.concurrency > 10_000 {
            return wrong(
                "monitor.concurrency",
                "between 1 and 10000 probes may be under way at once",
                "for example 512",
            );
        }
        if monitor.published_for.0.is_zero() {
            return wrong("monitor.published_for", "a reading that counts for 0 never counts", "for example \"15m\"");
        }
        if monitor.baseline_window().0 > monitor.baseline_interval().0.saturating_mul(1_000) {
            return wrong(
                "monitor.baseline",
                "the baseline would hold more than 1000 samples",
                "make `interval` longer",
            );
        }
        if monitor.window.0 < monitor.interval.0 {
            return wrong(
                "monitor.window",
                "the window is shorter than the pause between two samples",
                "make it longer",
            );
        }
        if monitor.window.0 < monitor.interval.0.saturating_mul(monitor.confirm) {
            return wrong(
                "monitor.window",
                &format!(
                    "the window would hold fewer than {} samples, so no fault could be confirmed in it",
                    monitor.confirm
                ),
                "make it longer, or `interval` shorter",
            );
        }
        if monitor.window.0.as_millis() / monitor.interval.0.as_millis().max(1) > 3_600 {
            return wrong("monitor.interval", "the window would hold more than 3600 samples", "make the pause longer");
        }
        if config.control.require as usize > config.control.probes.len().max(1) || config.control.require == 0 {
            return wrong("control.require", "so many control probes are not configured", "leave it out, or make it 1");
        }
        let depends_on = config.services.iter().map(|s| (s.id.clone(), s.depends_on.clone())).collect();
        if let Err(problem) = check_dependencies(&depends_on) {
            let at = config.services.iter().position(|service| service.id == problem.service).unwrap_or_default();
            return wrong(
                &format!("service[{at}].depends_on"),
                &problem.to_string(),
                "name other services, in no circle",
            );
        }
        let mut called = BTreeMap::new();
        for (at, service) in config.services.iter().enumerate() {
            if let Some(other) = called.insert(service.name.as_str(), &service.id) {
                let message = format!("`{other}` and `{}` are both called {:?}", service.id, service.name);
                return wrong(&format!("service[{at}].name"), &message, "people tell services apart by their names");
            }
        }
        let known = config.services.iter().map(|service| service.id.clone()).collect();
        if let Err(problem) = MaintenanceSchedule::build(&config.maintenance, &known) {
            let path = format!("maintenance[{}].{}", problem.index, problem.key);
            return wrong(&path, &problem.message, "see docs/monitoring.md");
        }
        for (at, service) in config.services.iter().enumerate() {
            for (of, alert) in service.alerts.iter().enumerate() {
                let path = format!("service[{at}].alert[{of}]");
                if let Err(problem) = alert.check() {
                    return wrong(&path, &problem, "see docs/monitoring.md");
                }
                if let Some(over) = alert.over {
                    let raw = Duration::from_secs(config.history.raw.minutes().unsigned_abs().saturating_mul(60));
                    if !config.history.enabled {
                        let message = format!("`{alert}` needs a history, and `[history] enabled = false`");
                        return wrong(&format!("{path}.over"), &message, "leave `over` out, or keep a history");
                    }
                    if over.0 > raw {
                        let message =
                            format!("`{alert}` looks further back than readings are kept: {}", config.history.raw);
                        let hint = "make `over` shorter, or `[history] raw` longer";
                        return wrong(&format!("{path}.over"), &message, hint);
                    }
                }
            }
        }
        if let Some((path, message, hint)) = github::check(config) {
            return wrong(path, message, hint);
        }
        if let Some((path, message, hint)) = of_forge(config).or_else(|| of_runners(config)) {
            return wrong(&path, &message, hint);
        }
        for (at, table) in config.notify.iter().enumerate() {
            if config.notify[..at].iter().any(|other| other.kind == table.kind) {
                let message = format!("there is a notifier `{}` already", table.kind);
                return wrong(&format!("notify[{at}]"), &message, "one of each kind can be told apart");
            }
        }
        let mut steps: Vec<String> =
            ["safety-gate", "ci", "baseline", "deploy", "monitor", "rollback", "verify", "stop", "report"]
                .map(str::to_owned)
                .to_vec();
        for (at, stage) in config.stages.iter().enumerate() {
            let path = format!("stage[{at}]");
            if steps.iter().any(|step| step == stage.id.as_str()) {
                return wrong(&path, &format!("there is a step `{}` already", stage.id), "give it an id of its own");
            }
            if !steps.iter().any(|step| step == stage.after.as_str()) || stage.after.as_str() == stage_kind::REPORT {
                let hint =
                    suggestion(stage.after.as_str(), steps.iter().map(String::as_str).filter(|s| *s != "report"));
                return wrong(
                    &path,
                    &format!("`after = \"{}\"` names no step that it could follow", stage.after),
                    &hint,
                );
            }
            steps.push(stage.id.to_string());
        }
        Ok(())
    }

    /// The place of a key such as `monitor.interval` or `stage[1]`; the file's start when it is not written down.
    fn find(&self, path: &str) -> std::ops::Range<usize> {
        let mut span = 0..0;
        let mut table = Some(&self.root);
        for part in path.split('.') {
            let (name, index) = match part.split_once('[') {
                Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
                None => (part, None),
            };
            let Some(mut node) = table.and_then(|t| t.get(name)) else { break };
            if let (Some(index), Value::Array(items)) = (index, &node.value)
                && let Some(item) = items.get(index)
            {
                node = item;
            }
            span = node.span.clone();
            table = match &node.value {
                Value::Table(table) => Some(table),
                _ => None,
            };
        }
        span
    }
}

/// What is wrong with what is asked of the forge: where, what, and a way on.
fn of_forge(config: &Config) -> Option<(String, String, &'static str)> {
    let policy = &config.policy;
    if policy.required_checks.len() > MOST_CHECKS {
        let message = format!("more than {MOST_CHECKS} required checks");
        return Some(("policy.required_checks".to_owned(), message, "name those that others depend on"));
    }
    for (at, name) in policy.required_checks.iter().enumerate() {
        let path = format!("policy.required_checks[{at}]");
        if name.trim().is_empty() || name.trim() != name {
            return Some((path, "no check has such a name".to_owned(), "for example \"build\" or \"test / unit\""));
        }
        if policy.required_checks[..at].contains(name) {
            return Some((path, format!("{name:?} is required twice"), "leave one out"));
        }
    }
    if policy.checks_wait.0 > LONGEST_CHECKS_WAIT {
        let message = "longer than a job of a forge may take".to_owned();
        return Some(("policy.checks_wait".to_owned(), message, "at most \"6h\""));
    }
    let rollback = &config.rollback;
    if rollback.pull_request && (rollback.push.is_none() || !rollback.branch) {
        let message = "a pull request needs a branch that was pushed".to_owned();
        return Some(("rollback.pull_request".to_owned(), message, "set `push = \"origin\"`, and leave `branch` on"));
    }
    let url = config.deploy.records.environment_url.as_deref()?;
    let rest = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme)).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Credentials in it would be shown to everybody.
    if host.is_empty() || host.contains('@') || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = "no plain address that people can follow".to_owned();
        return Some(("deploy.environment_url".to_owned(), message, "for example \"https://forge.example.com\""));
    }
    None
}

/// What is wrong with where probes run: where, what, and a way on.
fn of_runners(config: &Config) -> Option<(String, String, &'static str)> {
    if config.workflow.shard_size == 0 || config.workflow.shard_size > MOST_IN_SHARD {
        let message = format!("between 1 and {MOST_IN_SHARD} services are measured by one job");
        return Some(("workflow.shard_size".to_owned(), message, "for example 50"));
    }
    for (at, service) in config.services.iter().enumerate() {
        let path = format!("service[{at}].runs_on");
        if service.runs_on.len() > MOST_LABELS {
            return Some((path, format!("more than {MOST_LABELS} labels"), "name those that tell the runner apart"));
        }
        // They stand in lists with commas, and in a workflow.
        let is_label = |label: &String| {
            label.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        if let Some(label) = service.runs_on.iter().find(|label| !is_label(label)) {
            let message = format!("{label:?} is not the label of a runner (letters, digits and -_.)");
            return Some((path, message, "for example [\"self-hosted\", \"lab\"]"));
        }
    }
    None
}
