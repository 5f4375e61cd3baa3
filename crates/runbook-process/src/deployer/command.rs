//! Deploying by commands of the owner's: their exit codes say what was done, and `live` measures what is.

use std::{fmt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use runbook_core::{
    CommitId, EffectKey, EnvironmentId, LeftBehind, Live, Release, ReleaseId, ServiceId,
    config::Period,
    engine::{Permit, with_causes},
    event::Landed,
    ports::{DeployError, Deployed, Deployer, Order, Rehearsal},
    registry::{BuildError, DeployerDefinition, Scope},
};
use serde::Deserialize;

use crate::{
    checkouts::Checkouts,
    command::{
        Argv, CommandLock, End, EnvironmentTable, HeldLock, Invocation, Placeholder, Ran, Runner, Values, find_program,
        last_words,
    },
    fence::fenced,
};

/// The variable that carries the effect's key, by which a tool can tell a repeat from a new deploy.
const KEY_VARIABLE: &str = "RUNBOOK_EFFECT_KEY";

/// The keys of `deploy = { kind = "command" }`. Every command is an argv; no shell reads it.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandDeployerSettings {
    /// Makes `{version}` (`{commit}`) live. Exit code 0 means done; anything else means that nobody knows, unless
    /// `live` can tell.
    pub deploy: Vec<String>,
    /// Makes a release live again that was live before; without it, `deploy` does.
    #[serde(default, alias = "rollback_command")]
    pub activate: Option<Vec<String>>,
    /// Stops the service, and returns once it is down.
    #[serde(default)]
    pub stop: Option<Vec<String>>,
    /// Prints the live version as its last line; `-` when the service is stopped. It changes nothing.
    #[serde(default)]
    pub live: Option<Vec<String>>,
    /// After a crash, prints `happened`, `did-not-happen` or `unknown` as its last line, for the effect whose key is
    /// in `RUNBOOK_EFFECT_KEY`. Without it, `live` is compared with what was intended.
    #[serde(default)]
    pub state: Option<Vec<String>>,
    /// How long each command may take.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// The folder to run in, relative to `runbook.toml`.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Variables for the commands.
    #[serde(default)]
    pub env: EnvironmentTable,
    /// Names of variables to pass on, beside `PATH`, `HOME`, `LANG`, `LC_ALL`, `TZ`, `TMPDIR` and `USER`.
    #[serde(default)]
    pub pass_env: Vec<String>,
}

fn default_timeout() -> Period {
    Period(Duration::from_secs(10 * 60))
}

/// Deploys by commands.
///
/// A command that failed or took too long may have changed anything: its end is unknown, unless `live` measures it.
/// Without `live`, nobody can say after a crash either what became of a deploy, unless `state` does.
/// A dropped future kills the running command with its process group, and so does an emergency stop.
///
/// When runbook itself is killed, a command lives on. It inherits a lock by which that is known: while it is at work,
/// what is live is unknown, and another change waits for it, up to `timeout`.
pub struct CommandDeployer {
    deploy: Argv,
    activate: Option<Argv>,
    stop: Option<Argv>,
    live: Option<Argv>,
    state: Option<Argv>,
    runner: Runner,
    cwd: PathBuf,
    environment: EnvironmentId,
    checkouts: Checkouts,
    state_dir: PathBuf,
}

impl fmt::Debug for CommandDeployer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandDeployer")
            .field("environment", &self.environment)
            .field("cwd", &self.cwd)
            .field("runner", &self.runner)
            .finish_non_exhaustive()
    }
}

impl DeployerDefinition for CommandDeployer {
    const KIND: &'static str = "command";
    type Settings = CommandDeployerSettings;

    fn build(settings: Self::Settings, scope: &Scope) -> Result<Self, BuildError> {
        let service_only = [Placeholder::Component, Placeholder::Environment];
        let optional = |key: &str, argv: &Option<Vec<String>>, known: &[Placeholder]| {
            argv.as_ref().map(|argv| Argv::parse(key, argv, known)).transpose()
        };
        Ok(Self {
            deploy: Argv::parse("deploy", &settings.deploy, &Placeholder::ALL)?,
            activate: optional("activate", &settings.activate, &Placeholder::ALL)?,
            stop: optional("stop", &settings.stop, &service_only)?,
            live: optional("live", &settings.live, &service_only)?,
            state: optional("state", &settings.state, &service_only)?,
            runner: Runner::new(scope, settings.timeout, &settings.env, &settings.pass_env)?,
            cwd: scope.root.join(settings.cwd.unwrap_or_default()),
            environment: scope.environment.clone(),
            checkouts: Checkouts::new(&scope.state_dir, scope.version_control.clone()),
            state_dir: scope.state_dir.clone(),
        })
    }
}

impl CommandDeployer {
    fn values(&self, service: &ServiceId) -> Values {
        Values {
            component: Some(service.to_string()),
            environment: Some(self.environment.to_string()),
            ..Values::default()
        }
    }

    /// The release's values; its commit is looked up only when a command names it.
    async fn release_values(&self, command: &Argv, order: &Order) -> Result<Values, DeployError> {
        let mut commit = order.release.commit.clone();
        if commit.is_none() && command.uses(Placeholder::Commit) {
            let found =
                self.checkouts.commit(&order.release).await.map_err(|error| {
                    DeployError::new(LeftBehind::NoChange, "failed to find {commit}").caused_by(error)
                })?;
            commit = Some(found);
        }
        let version = Some(order.release.id.to_string());
        Ok(Values { version, commit: commit.map(|commit| commit.to_string()), ..self.values(&order.service) })
    }

    /// Runs a command that changes nothing when `lock` is `None`.
    async fn run(
        &self,
        command: &Argv,
        values: &Values,
        key: Option<&EffectKey>,
        lock: Option<HeldLock>,
    ) -> Result<Ran, DeployError> {
        let not_begun = |message: String| DeployError::new(LeftBehind::NoChange, message);
        let argv = command.expand(values).map_err(|missing| not_begun(missing.to_string()))?;
        let program = self.runner.redactor.redact(argv.first().map_or("", String::as_str));
        let mut invocation = Invocation { lock, ..self.runner.invocation(argv, &self.cwd) };
        invocation.environment.extend(key.map(|key| (KEY_VARIABLE.to_owned(), key.to_string())));
        invocation.run().await.map_err(|error| not_begun(format!("failed to start {program:?}")).caused_by(error))
    }

    /// What `live` says; unknown without it.
    async fn measure(&self, service: &ServiceId) -> Result<Live, DeployError> {
        let Some(command) = &self.live else { return Ok(Live::Unknown) };
        let ran = self.run(command, &self.values(service), None, None).await?;
        if !ran.succeeded() {
            let message = format!("the `live` command {}: {}", how_it_ended(&ran), last_words(&ran.tail));
            return Err(DeployError::new(LeftBehind::NoChange, message));
        }
        match ran.answer.as_deref().map(str::trim) {
            None => Ok(Live::Unknown),
            Some("-") => Ok(Live::Stopped),
            Some(version) => self.release(version).await.map(Live::Release),
        }
    }

    async fn release(&self, version: &str) -> Result<Release, DeployError> {
        let id = ReleaseId::new(version).map_err(|error| {
            let message = "the `live` command printed something else than a version";
            DeployError::new(LeftBehind::NoChange, message).caused_by(error)
        })?;
        let named = Release { commit: CommitId::new(version).ok(), id };
        // What is live may be of another repository, or older than a shallow clone: its name alone is an answer too.
        match self.checkouts.commit(&named).await {
            Ok(commit) => Ok(Release { commit: Some(commit), ..named }),
            Err(_) => Ok(named),
        }
    }

    /// Runs a command that changes something, and finds out what is left when it fails.
    async fn change(
        &self,
        permit: &Permit,
        command: &Argv,
        values: &Values,
        service: &ServiceId,
        intended: &Live,
    ) -> Result<Deployed, DeployError> {
        let lock = self.lock(service, intended).await?;
        let before = self.measure(service).await.unwrap_or_default();
        // Measuring took time, and an emergency stop may have come meanwhile.
        permit.recheck().await.map_err(|refusal| DeployError::new(LeftBehind::NoChange, with_causes(&refusal)))?;
        let ran = tokio::select! {
            ran = self.run(command, values, Some(permit.key()), lock) => ran?,
            // An emergency stop waits for the lock. Dropping the run kills the command with its group.
            refusal = fenced(permit) => {
                let after = self.measure(service).await.unwrap_or_default();
                let (left, found) = left_behind(&before, &after, intended);
                let message = format!("the command was killed, because {}; {found}", with_causes(&refusal));
                return Err(DeployError::new(left, message));
            }
        };
        let elapsed_ms = u64::try_from(ran.elapsed.as_millis()).unwrap_or(u64::MAX);
        if ran.succeeded() {
            return Ok(Deployed { detail: serde_json::json!({ "exit_code": 0, "elapsed_ms": elapsed_ms }) });
        }
        let after = self.measure(service).await.unwrap_or_default();
        let (left, found) = left_behind(&before, &after, intended);
        let message = format!("the command {}; {found}; its last words: {}", how_it_ended(&ran), last_words(&ran.tail));
        Err(DeployError::new(left, message))
    }

    fn command_lock(&self, service: &ServiceId) -> CommandLock {
        CommandLock::new(&self.state_dir, &self.environment, service)
    }

    /// Waits until no command of an earlier run changes the service. A stop goes on without a lock where none can be
    /// made: whoever stops must not need a state directory.
    async fn lock(&self, service: &ServiceId, intended: &Live) -> Result<Option<HeldLock>, DeployError> {
        let failed = |message: String| DeployError::new(LeftBehind::NoChange, message);
        let lock = self.command_lock(service);
        match lock.take_within(self.runner.timeout).await {
            Ok(Some(held)) => Ok(Some(held)),
            Ok(None) => {
                Err(failed(format!("a deploy command of an interrupted run is still at work{}", lock.at_work())))
            }
            Err(error) if *intended == Live::Stopped => {
                tracing::warn!(%error, "stopping without a lock");
                Ok(None)
            }
            Err(error) => Err(failed("failed to lock the service for a command".to_owned()).caused_by(error)),
        }
    }

    fn is_at_work(&self, service: &ServiceId) -> Result<bool, DeployError> {
        self.command_lock(service).is_at_work().map_err(|error| {
            let message = "failed to see whether a deploy command is still at work";
            DeployError::new(LeftBehind::NoChange, message).caused_by(error)
        })
    }

    fn stop_command(&self) -> Result<&Argv, DeployError> {
        self.stop.as_ref().ok_or_else(|| {
            let message =
                "this service has no `stop` command, so it cannot be stopped from here; give its deployer one";
            DeployError::new(LeftBehind::NoChange, message)
        })
    }
}

fn how_it_ended(ran: &Ran) -> String {
    match ran.end {
        End::Exited(Some(code)) => format!("ended with exit code {code}"),
        End::Exited(None) => "was ended by a signal".to_owned(),
        End::TimedOut => format!("did not end within {} s and was stopped", ran.elapsed.as_secs()),
    }
}

/// What a failed command leaves behind, by what was live before and what is live after it.
fn left_behind(before: &Live, after: &Live, intended: &Live) -> (LeftBehind, String) {
    match after {
        Live::Unknown => (LeftBehind::Unknown, "nobody could measure what is live now".to_owned()),
        after if same(after, intended) => (LeftBehind::Changed, format!("{after} is live all the same")),
        after if same(after, before) => (LeftBehind::NoChange, format!("{after} is still live")),
        after => (LeftBehind::Changed, format!("{after} is live now")),
    }
}

fn same(a: &Live, b: &Live) -> bool {
    match (a, b) {
        (Live::Release(a), Live::Release(b)) => a.same_as(b),
        (Live::Stopped, Live::Stopped) => true,
        _ => false,
    }
}

#[async_trait]
impl Deployer for CommandDeployer {
    async fn live(&self, service: &ServiceId) -> Result<Live, DeployError> {
        if self.is_at_work(service)? {
            return Ok(Live::Unknown);
        }
        self.measure(service).await
    }

    async fn rehearse(&self, order: &Order) -> Result<Rehearsal, DeployError> {
        let commit = match self.checkouts.repository() {
            Err(_) => None,
            Ok(_) => match self.checkouts.commit(&order.release).await {
                Ok(commit) => Some(commit),
                Err(error) => return Ok(Rehearsal::Impossible(with_causes(&error))),
            },
        };
        let path = self.runner.surroundings.path();
        // Asked about the way there and about the way back; nobody says which, so both commands are looked at.
        for command in [Some(&self.deploy), self.activate.as_ref()].into_iter().flatten() {
            let argv = match command.expand(&self.release_values(command, order).await?) {
                Ok(argv) => argv,
                Err(missing) => return Ok(Rehearsal::Impossible(missing.to_string())),
            };
            let program = argv.first().map_or("", String::as_str);
            if let Err(problem) = find_program(program, &self.cwd, path.as_deref()) {
                return Ok(Rehearsal::Impossible(self.runner.redactor.redact(&problem)));
            }
        }
        Ok(match commit {
            Some(commit) => {
                let commit = commit.short();
                Rehearsal::Possible(format!("the command is there, and {} is commit {commit}", order.release))
            }
            None => Rehearsal::Untested("the command is there; only running it tells whether it works".to_owned()),
        })
    }

    async fn deploy(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        let values = self.release_values(&self.deploy, order).await?;
        let intended = Live::Release(order.release.clone());
        self.change(permit, &self.deploy, &values, &order.service, &intended).await
    }

    async fn activate(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        let command = self.activate.as_ref().unwrap_or(&self.deploy);
        let values = self.release_values(command, order).await?;
        let intended = Live::Release(order.release.clone());
        self.change(permit, command, &values, &order.service, &intended).await
    }

    async fn stop(&self, permit: &Permit, service: &ServiceId) -> Result<Deployed, DeployError> {
        let command = self.stop_command()?;
        let stopped = self.change(permit, command, &self.values(service), service, &Live::Stopped).await?;
        match self.measure(service).await {
            Ok(Live::Release(release)) => {
                let message =
                    format!("the `stop` command succeeded, but {release} is live; nobody knows whether it will stop");
                Err(DeployError::new(LeftBehind::Unknown, message))
            }
            Ok(Live::Stopped | Live::Unknown) | Err(_) => Ok(stopped),
        }
    }

    async fn state(&self, key: &EffectKey, service: &ServiceId, intended: &Live) -> Result<Landed, DeployError> {
        if self.is_at_work(service)? {
            return Ok(Landed::Unknown);
        }
        let Some(command) = &self.state else {
            return Ok(if same(&self.measure(service).await?, intended) { Landed::Happened } else { Landed::Unknown });
        };
        let ran = self.run(command, &self.values(service), Some(key), None).await?;
        Ok(match ran.answer.as_deref().map(str::trim).filter(|_| ran.succeeded()) {
            Some("happened") => Landed::Happened,
            Some("did-not-happen") => Landed::DidNotHappen,
            _ => Landed::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    fn live(version: &str) -> Live {
        Live::Release(Release { id: version.parse().unwrap(), commit: None })
    }

    #[test]
    fn what_is_left_is_what_was_measured() {
        let left = |before: &Live, after: &Live| left_behind(before, after, &live("v2")).0;
        assert_eq!(left(&live("v1"), &Live::Unknown), LeftBehind::Unknown);
        assert_eq!(left(&Live::Unknown, &Live::Unknown), LeftBehind::Unknown, "unknown twice is not the same twice");
        assert_eq!(left(&live("v1"), &live("v1")), LeftBehind::NoChange);
        assert_eq!(left(&live("v1"), &live("v2")), LeftBehind::Changed);
        assert_eq!(left(&live("v2"), &live("v2")), LeftBehind::Changed);
        assert_eq!(left(&live("v1"), &Live::Stopped), LeftBehind::Changed);
        assert_eq!(left(&Live::Stopped, &Live::Stopped), LeftBehind::NoChange);
    }
}
