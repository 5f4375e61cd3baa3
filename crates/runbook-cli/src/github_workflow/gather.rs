//! The facts that the workflow depends on: from the configuration in each environment, and from the folder it lies in.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use runbook_core::{
    EnvironmentId,
    config::{Config, ConfigError, Document, JournalHome, WorkflowInstall as Install, WorkflowLayout as Layout},
    registry::Lookup,
};
use runbook_render::{RenderError, WorkflowFacts, WorkflowInstall, WorkflowLayout, WorkflowMinutes, WorkflowUses};

use super::has_xtask;
use crate::{fault::Fault, project::shown};

/// The longest that a job of a runner may take that GitHub lends, in minutes.
/// Source: <https://docs.github.com/actions/reference/limits>.
const LONGEST_LENT: u64 = 360;
/// The same on a runner of one's own: five days.
const LONGEST_OWN: u64 = 5 * 24 * 60;
/// What a job takes before `runbook` starts, and for what it writes at the end, in minutes.
const AROUND: u64 = 10;

/// The facts, and what the owner should know.
pub(super) fn facts(
    file: &Path,
    root: &Path,
    document: &Document,
    asked: Option<WorkflowLayout>,
) -> Result<(WorkflowFacts, Vec<String>), Fault> {
    let configs = configs(document)?;
    let Some(first) = configs.iter().find(|config| config.default_environment).or(configs.first()) else {
        return Err(Fault::internal("a configuration without any environment"));
    };
    let settings = &first.workflow;
    if let Some(other) = configs.iter().find(|config| config.status_issue.workflow != first.status_issue.workflow) {
        let message = format!(
            "`[status_issue] workflow` is {:?} in {} and {:?} in {}, but one workflow serves all environments",
            first.status_issue.workflow, first.environment, other.status_issue.workflow, other.environment
        );
        return Err(refused(file, message, "name it once, outside of the environments"));
    }
    let is_lent = is_lent(&settings.runs_on);
    if let Some(why) = without_token(&configs, is_lent) {
        return Err(refused(file, why, "add `token_env = \"GITHUB_TOKEN\"` to `[journal]`"));
    }
    let in_jobs = why_not_jobs(&configs, &settings.runs_on);
    let wanted = asked.or(settings.layout.map(|layout| match layout {
        Layout::Jobs => WorkflowLayout::Jobs,
        Layout::Single => WorkflowLayout::Single,
    }));
    let layout = match (wanted, &in_jobs) {
        (Some(WorkflowLayout::Jobs), Some((why, hint))) => {
            return Err(refused(file, format!("the layout `jobs` is not possible: {why}"), hint));
        }
        (Some(layout), _) => layout,
        (None, Some(_)) => WorkflowLayout::Single,
        (None, None) => WorkflowLayout::Jobs,
    };
    let mut notes = Vec::new();
    if is_lent && configs.iter().any(|config| config.journal.home != JournalHome::Remote) {
        notes.push(
            "the journal ends with its job on a runner that GitHub lends, and with it the last known good release, the \
             lock and the latch; set `[journal] home = \"remote\"` and `token_env = \"GITHUB_TOKEN\"`"
                .to_owned(),
        );
    }
    if let Some(branch) = default_branch(root).filter(|branch| *branch != settings.branch) {
        notes.push(format!(
            "the default branch of origin is `{branch}`, but `[workflow] branch` says `{}`, where no push would start \
             anything",
            settings.branch
        ));
    }
    if layout == WorkflowLayout::Single
        && let Some(service) = configs.iter().flat_map(|config| &config.services).find(|s| !s.runs_on.is_empty())
    {
        notes.push(format!(
            "`{}` is measured on {} only, and the layout `single` has no job there: let that runner, or a host inside, run \
             `runbook check --publish --runs-on {}` on a schedule of its own",
            service.id,
            service.runs_on.join(", "),
            service.runs_on.join(",")
        ));
    }
    let (variables, secrets) = variables(document, &configs, is_lent);
    let any = |holds: fn(&Config) -> bool| configs.iter().any(holds);
    let install = match settings.install {
        Some(Install::Checkout) => WorkflowInstall::Checkout,
        Some(Install::Preinstalled) => WorkflowInstall::Preinstalled,
        None if has_xtask(root) => WorkflowInstall::Checkout,
        Some(Install::Release) | None => WorkflowInstall::Release(env!("CARGO_PKG_VERSION").to_owned()),
    };
    let facts = WorkflowFacts {
        layout,
        file: first.status_issue.workflow.clone(),
        config: config_in(root, file),
        project: first.project.name.clone(),
        repository: first.project.repository.clone(),
        branch: settings.branch.clone(),
        environments: configs.iter().map(|config| config.environment.clone()).collect(),
        default_environment: document.default_environment(),
        services: first.services.iter().map(|service| service.id.clone()).collect(),
        stages: first.stages.iter().map(|stage| (stage.id.clone(), stage.after.clone())).collect(),
        after: settings.after.clone(),
        runs_on: settings.runs_on.clone(),
        shards: shards(&configs, settings.shard_size),
        probes_on: probes_on(&configs),
        minutes: minutes(&configs, &install, is_lent),
        install,
        variables,
        secrets,
        uses: WorkflowUses {
            status_issue: any(|config| config.status_issue.enabled),
            remote_journal: any(|config| config.journal.home == JournalHome::Remote),
            checks: any(|config| !config.policy.required_checks.is_empty()),
            deployments: any(|config| has_deployer(config) && config.deploy.records.enabled != Some(false)),
            pushes_branch: any(|config| {
                has_deployer(config) && config.rollback.branch && config.rollback.push.is_some()
            }),
            pull_request: any(|config| has_deployer(config) && config.rollback.pull_request),
        },
        queue: settings.queue.unwrap_or_else(|| !any(|config| config.github.api_url.is_some())),
    };
    Ok((facts, notes))
}

/// What the renderer refused: a fact of the configuration, or a defect.
pub(super) fn wrong(file: &Path, error: &RenderError) -> Fault {
    match error {
        RenderError::Workflow(wrong) => refused(file, format!("{wrong} (at {})", wrong.key), "mend it there"),
        error => Fault::internal(runbook_core::engine::with_causes(error)),
    }
}

fn refused(file: &Path, message: String, hint: &str) -> Fault {
    Fault::from(ConfigError::file(shown(file), message, Some(hint.to_owned())))
}

/// The configuration of each environment, without any variable of this process: what is generated must not depend on who
/// generates it. A variable that must be set is taken to be `1`, which is a number and a text.
fn configs(document: &Document) -> Result<Vec<Config>, Fault> {
    let required = document.named_variables().required;
    let taken = required.clone();
    let variables = Lookup::new(move |name| taken.contains(name).then(|| "1".to_owned()));
    let environments: Vec<EnvironmentId> = match document.environments() {
        [] => document.default_environment().into_iter().collect(),
        environments => environments.to_vec(),
    };
    let config = |environment| {
        document.config(environment, &variables).map_err(|mut error| {
            if !required.is_empty() && error.hint.is_none() {
                let names = required.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                error.hint = Some(format!("{names} were taken to be `1`; give a default where that does not fit"));
            }
            Fault::from(error)
        })
    };
    environments.iter().map(config).collect()
}

/// Whether GitHub lends the runner with these labels.
fn is_lent(labels: &[String]) -> bool {
    labels.iter().all(|label| ["ubuntu-", "windows-", "macos-"].iter().any(|begin| label.starts_with(begin)))
}

/// Whether these labels name one runner of one's own, rather than any.
fn is_named(labels: &[String]) -> bool {
    let general = ["self-hosted", "linux", "windows", "macos", "x64", "arm", "arm64"];
    labels.iter().any(|label| label.eq_ignore_ascii_case("self-hosted"))
        && labels.iter().any(|label| !general.iter().any(|word| label.eq_ignore_ascii_case(word)))
}

/// Why a journal at the remote could not be written from a checkout that keeps no credentials.
fn without_token(configs: &[Config], is_lent: bool) -> Option<String> {
    let config = configs
        .iter()
        .find(|config| is_lent && config.journal.home == JournalHome::Remote && config.journal.token_env.is_none())?;
    Some(format!(
        "the journal of {} is at the remote, but no variable holds a token for it, and the checkout of a job keeps none",
        config.environment
    ))
}

/// Why the run cannot be spread over jobs, and what mends it.
fn why_not_jobs(configs: &[Config], runs_on: &[String]) -> Option<(String, &'static str)> {
    if let Some(config) = configs.iter().find(|config| config.journal.home != JournalHome::Remote) {
        let why = format!(
            "each job is another machine, and they go on with one run through the journal, which is not at the remote in \
             {}",
            config.environment
        );
        return Some((
            why,
            "set `[journal] home = \"remote\"` and `token_env = \"GITHUB_TOKEN\"`, or use `--layout single`",
        ));
    }
    let by_process = |config: &&Config| {
        let own = config.services.iter().filter_map(|service| service.deploy.as_ref());
        own.chain(&config.deploy.deployer).any(|deployer| deployer.kind.as_str() == "process")
    };
    if let Some(config) = configs.iter().find(by_process)
        && !is_named(runs_on)
    {
        let why = format!(
            "what the deployer `process` starts in {} ends with its job, or runs on another machine than the next job",
            config.environment
        );
        return Some((why, "name a runner of your own, such as `[workflow] runs_on = [\"self-hosted\", \"forge\"]`"));
    }
    None
}

fn has_deployer(config: &Config) -> bool {
    config.deploy.deployer.is_some() || config.services.iter().any(|service| service.deploy.is_some())
}

/// The variables that jobs get, those that are no secrets first.
fn variables(document: &Document, configs: &[Config], is_lent: bool) -> (BTreeSet<String>, BTreeSet<String>) {
    let named = document.named_variables();
    let mut secrets: BTreeSet<String> = configs.iter().flat_map(|config| config.secret_names.clone()).collect();
    for notify in configs.iter().flat_map(|config| &config.notify) {
        // What these are by default.
        match notify.kind.as_str() {
            "slack" => secrets.insert("SLACK_WEBHOOK_URL".to_owned()),
            "discord" => secrets.insert("DISCORD_WEBHOOK_URL".to_owned()),
            _ => false,
        };
    }
    let app_ids = configs.iter().filter_map(|config| config.github.app_id_env.clone());
    let mut plain: BTreeSet<String> = named.filled.into_iter().chain(named.passed).chain(app_ids).collect();
    if !is_lent {
        plain.insert("RUNBOOK_STATE_DIR".to_owned());
    }
    let told: Vec<String> = plain.iter().filter(|name| is_told_secret(name)).cloned().collect();
    secrets.extend(told);
    plain.retain(|name| !secrets.contains(name) && !is_of_runner(name));
    secrets.retain(|name| name == "GITHUB_TOKEN" || !is_of_runner(name));
    (plain, secrets)
}

/// As for [redaction](crate::world): a name that says that it is a secret.
fn is_told_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "SECRET", "PASSWORD", "WEBHOOK", "PRIVATE_KEY", "API_KEY"].iter().any(|word| name.contains(word))
}

/// What the runner sets itself; GitHub allows none of its own names for variables and secrets of a repository.
fn is_of_runner(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["GITHUB_", "RUNNER_", "ACTIONS_"].iter().any(|begin| name.starts_with(begin))
        || ["CI", "HOME", "PATH", "USER", "LANG", "TZ", "TMPDIR"].contains(&name.as_str())
}

/// The configuration, seen from the repository's root, where it is not the one that is found there by itself.
fn config_in(root: &Path, file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root).unwrap_or(file);
    let parts: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    Some(parts.join("/")).filter(|path| path != "runbook.toml")
}

/// The default branch of the remote, as far as this clone was told of it.
fn default_branch(root: &Path) -> Option<String> {
    let head = fs::read_to_string(root.join(".git/refs/remotes/origin/HEAD")).ok()?;
    Some(head.trim().strip_prefix("ref: refs/remotes/origin/")?.to_owned())
}

/// Over how many jobs the probes are spread, in the environment with the most of them; 0 where there are not many.
fn shards(configs: &[Config], shard_size: u32) -> u32 {
    let here = |config: &Config| config.services.iter().filter(|service| service.runs_on.is_empty()).count();
    let most = u32::try_from(configs.iter().map(here).max().unwrap_or(0)).unwrap_or(u32::MAX);
    if most > shard_size { most.div_ceil(shard_size.max(1)) } else { 0 }
}

/// The labels of each runner that alone reaches some services, in the order of the file. The order of labels, and upper
/// and lower case, make no other runner.
fn probes_on(configs: &[Config]) -> Vec<Vec<String>> {
    let mut known = BTreeSet::new();
    let each = configs.iter().flat_map(|config| &config.services).map(|service| &service.runs_on);
    each.filter(|labels| !labels.is_empty())
        .filter(|labels| known.insert(labels.iter().map(|label| label.to_ascii_lowercase()).collect::<BTreeSet<_>>()))
        .cloned()
        .collect()
}

/// How long each job may take: what the plan allows its stages, in the environment that allows the most.
fn minutes(configs: &[Config], install: &WorkflowInstall, is_lent: bool) -> WorkflowMinutes {
    let most = |period: fn(&Config) -> Duration| {
        configs.iter().map(|config| period(config).as_secs().div_ceil(60)).max().unwrap_or(0)
    };
    let around = AROUND
        + match install {
            WorkflowInstall::Checkout | WorkflowInstall::Release(_) => 20,
            WorkflowInstall::Preinstalled => 0,
        };
    let stage = most(|config| config.policy.stage_timeout.0);
    let custom = most(|config| {
        let limit = |timeout: Option<runbook_core::config::Period>| timeout.unwrap_or(config.policy.stage_timeout).0;
        config.stages.iter().map(|stage| limit(stage.timeout)).sum()
    });
    let watch = 2 + most(|config| config.monitor.window.0.saturating_add(config.monitor.startup.0));
    let look = 5 + most(|config| config.monitor.confirm_budget.0);
    let baseline = 2 + most(|config| config.monitor.baseline_window().0);
    let checks = most(|config| match config.policy.required_checks.is_empty() {
        true => Duration::ZERO,
        false => config.policy.checks_wait.0,
    });
    let longest = if is_lent { LONGEST_LENT } else { LONGEST_OWN };
    let job = |minutes: u64| u32::try_from((around + minutes).min(longest)).unwrap_or(u32::MAX);
    WorkflowMinutes {
        gate: job(checks + custom),
        ci: job(stage + custom),
        deploy: job(baseline + stage + custom),
        probes: job(look),
        monitor: job(watch + custom),
        rollback: job(stage + watch + custom),
        report: job(0),
        stop: job(stage),
        single: job(checks + baseline + 3 * stage + 2 * watch + custom),
    }
}
