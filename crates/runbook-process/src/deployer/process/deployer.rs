//! The deployer port of services that run as processes of this machine.

use std::{
    fmt, io,
    path::PathBuf,
    process::{Child, ExitStatus},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use runbook_core::{
    EffectKey, EnvironmentId, LeftBehind, Live, Redactor, Release, ServiceId,
    engine::{Permit, with_causes},
    event::Landed,
    ports::{DeployError, Deployed, Deployer, Order, Rehearsal},
    registry::{BuildError, DeployerDefinition, Scope},
};

use super::{LocalProcessSettings, home::Home, port::LocalPort, record::Phase, settings::Launch, stop::KILL_WAIT};
use crate::{checkouts::Checkouts, command::find_program, fence::fenced, files::FileLock};

/// Runs a service as a process of each release's own checkout.
///
/// The service outlives the command that started it: it has a process group of its own, so that Ctrl-C at the terminal
/// does not reach it, its output goes to a file, and the next invocation finds it again by its lock. It stays in the
/// session of its starter, because leaving that is not possible without unsafe code: a service manager that ends
/// whole sessions (or a CI runner that ends what its job started) ends it too.
///
/// It must stay in the foreground and leave the descriptor alone that it inherits: the lock on it is how its being
/// alive is known.
///
/// Each change is made under a lock of the service, so that two invocations never change it at once, and is idempotent
/// by the permit's key. A future that is dropped in the middle leaves what [`Deployer::state`] then finds out.
pub struct LocalProcessDeployer {
    pub(super) launch: Launch,
    pub(super) environment: EnvironmentId,
    pub(super) redactor: Redactor,
    pub(super) checkouts: Checkouts,
    state_dir: PathBuf,
    service: ServiceId,
    port: Option<LocalPort>,
    /// What this process has started and not reaped yet, with how it ended.
    children: Mutex<Vec<Started>>,
}

#[derive(Debug)]
struct Started {
    child: Child,
    ended: Option<ExitStatus>,
}

impl fmt::Debug for LocalProcessDeployer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalProcessDeployer")
            .field("environment", &self.environment)
            .field("service", &self.service)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl DeployerDefinition for LocalProcessDeployer {
    const KIND: &'static str = "process";
    type Settings = LocalProcessSettings;

    fn build(settings: Self::Settings, scope: &Scope) -> Result<Self, BuildError> {
        let service = scope.service.as_ref();
        let service = service.ok_or_else(|| BuildError::table("a process deployer belongs to one service"))?;
        Ok(Self {
            launch: Launch::new(settings, &scope.variables)?,
            environment: scope.environment.clone(),
            redactor: scope.redactor.clone(),
            checkouts: Checkouts::new(&scope.state_dir, scope.version_control.clone()),
            state_dir: scope.state_dir.clone(),
            service: service.facts.id.clone(),
            port: service.url.as_deref().and_then(LocalPort::of_url),
            children: Mutex::default(),
        })
    }
}

impl LocalProcessDeployer {
    fn home(&self, service: &ServiceId) -> Home {
        Home::new(&self.state_dir, &self.environment, service)
    }

    /// Keeps a child, so that it can be reaped. A zombie holds no descriptor, so it never counts as alive.
    pub(super) fn adopt(&self, child: Child) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|started| started.ended.is_none());
        children.push(Started { child, ended: None });
    }

    /// Takes the exit status of whatever has ended.
    pub(super) fn reap(&self) {
        for started in self.children.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            started.ended = started.ended.or_else(|| started.child.try_wait().ok().flatten());
        }
    }

    /// How a child of this process ended, when it did.
    pub(super) fn exit_status(&self, pid: u32) -> Option<ExitStatus> {
        self.reap();
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.iter().find(|started| started.child.id() == pid).and_then(|started| started.ended)
    }

    /// The longest that a change may rightfully take: checkouts are written before it.
    fn change_limit(&self) -> Duration {
        self.launch.stop_timeout + KILL_WAIT + self.launch.start_timeout + self.launch.settle + Duration::from_secs(10)
    }

    /// Waits until nobody else changes the service, and keeps others from it.
    async fn deploy_lock(&self, home: &Home) -> Result<FileLock, DeployError> {
        let failed = |message: String| DeployError::new(LeftBehind::NoChange, message);
        home.prepare().map_err(|error| failed("failed to make the service's folder".to_owned()).caused_by(error))?;
        let limit = self.change_limit();
        let lock = FileLock::exclusive_within(&home.deploy_lock(), limit).await;
        lock.map_err(|error| failed("failed to lock the service".to_owned()).caused_by(error))?
            .ok_or_else(|| failed(format!("another process has been changing the service for {} s", limit.as_secs())))
    }

    /// An error when somebody else's process listens on the service's port.
    async fn occupied(&self, is_alive: bool) -> Option<String> {
        let port = self.port?;
        if is_alive || !port.is_open().await {
            return None;
        }
        let variable = self.service.as_str().to_uppercase().replace('-', "_");
        Some(format!("port {} is occupied by another process; stop it or set {variable}_URL to another port", port.0))
    }

    /// Makes the release live; the caller has prepared it.
    async fn replace(
        &self,
        home: &Home,
        permit: &Permit,
        prepared: &super::start::Prepared,
    ) -> Result<Deployed, DeployError> {
        let no_change = |message: String| DeployError::new(LeftBehind::NoChange, message);
        let unseen =
            |error: io::Error| no_change("failed to see whether the service is alive".to_owned()).caused_by(error);
        let is_alive = home.is_alive().map_err(unseen)?;
        if is_alive
            && let Ok(Some(record)) = home.record()
            && record.key == *permit.key()
            && matches!(record.phase, Phase::Starting | Phase::Running)
        {
            let detail = serde_json::json!({ "pid": record.process.map(|process| process.pid), "was_done": true });
            return Ok(Deployed { detail });
        }
        if let Some(problem) = self.occupied(is_alive).await {
            return Err(no_change(problem));
        }
        permit.recheck().await.map_err(|refusal| no_change(with_causes(&refusal)))?;
        if !is_alive {
            return self.start(home, permit, prepared, LeftBehind::NoChange).await;
        }
        self.bring_down(home, permit).await?;
        if let Some(port) = self.port
            && !tokio::select! {
                is_free = port.is_free_within(self.launch.start_timeout) => is_free,
                // The start that follows is refused, with the reason.
                _ = fenced(permit) => true,
            }
        {
            let seconds = self.launch.start_timeout.as_secs();
            let message = format!("the old release has ended, but port {} was still taken {seconds} s later", port.0);
            return Err(DeployError::new(LeftBehind::Changed, message));
        }
        self.start(home, permit, prepared, LeftBehind::Changed).await
    }
}

#[async_trait]
impl Deployer for LocalProcessDeployer {
    async fn live(&self, service: &ServiceId) -> Result<Live, DeployError> {
        let home = self.home(service);
        let unseen = |error: io::Error| {
            DeployError::new(LeftBehind::NoChange, "failed to see whether the service is alive").caused_by(error)
        };
        self.reap();
        // Nobody changes anything while this is held, so lock and record are of the same moment.
        let Some(_still) = home.keep_still().map_err(unseen)? else { return Ok(Live::Unknown) };
        if !home.is_alive().map_err(unseen)? {
            return Ok(Live::Stopped);
        }
        Ok(match home.record() {
            Ok(Some(record)) if record.phase != Phase::Stopped => Live::Release(record.release),
            // Something is alive, and nobody can say what.
            Ok(_) | Err(_) => Live::Unknown,
        })
    }

    async fn rehearse(&self, order: &Order) -> Result<Rehearsal, DeployError> {
        let commit = match self.checkouts.commit(&order.release).await {
            Ok(commit) => commit,
            Err(error) => return Ok(Rehearsal::Impossible(with_causes(&error))),
        };
        let argv = self.argv(order, &commit)?;
        let program = argv.first().map_or("", String::as_str);
        let checkout = self.checkouts.folder(&commit);
        let is_exported = checkout.is_dir();
        let in_checkout = program.contains('/') && !program.starts_with('/');
        let path = self.launch.surroundings.path();
        if (is_exported || !in_checkout)
            && let Err(problem) = find_program(program, &checkout.join(&self.launch.cwd), path.as_deref())
        {
            return Ok(Rehearsal::Impossible(self.redactor.redact(&problem)));
        }
        let is_alive = self.home(&order.service).is_alive().map_err(|error| {
            DeployError::new(LeftBehind::NoChange, "failed to see whether the service is alive").caused_by(error)
        })?;
        if let Some(problem) = self.occupied(is_alive).await {
            return Ok(Rehearsal::Impossible(problem));
        }
        let checkout = if is_exported { "its checkout is there" } else { "its checkout can be written" };
        let rest = match (is_alive, self.port) {
            (true, _) => ", and it takes the place of what runs now".to_owned(),
            (false, Some(port)) => format!(", and port {} is free", port.0),
            (false, None) => String::new(),
        };
        Ok(Rehearsal::Possible(format!("{} is commit {}, {checkout}{rest}", order.release, commit.short())))
    }

    async fn deploy(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        let home = self.home(&order.service);
        // Before the lock: writing a large checkout must not keep an emergency stop waiting.
        let prepared = self.prepare(order).await?;
        let _changing = self.deploy_lock(&home).await?;
        self.replace(&home, permit, &prepared).await
    }

    async fn stop(&self, permit: &Permit, service: &ServiceId) -> Result<Deployed, DeployError> {
        let home = self.home(service);
        let no_change = |message: String| DeployError::new(LeftBehind::NoChange, message);
        let _changing = self.deploy_lock(&home).await?;
        permit.recheck().await.map_err(|refusal| no_change(with_causes(&refusal)))?;
        let is_alive = home
            .is_alive()
            .map_err(|error| no_change("failed to see whether the service is alive".to_owned()).caused_by(error))?;
        if is_alive {
            self.bring_down(&home, permit).await?;
        }
        Ok(Deployed { detail: serde_json::json!({ "was_running": is_alive }) })
    }

    async fn state(&self, key: &EffectKey, service: &ServiceId, intended: &Live) -> Result<Landed, DeployError> {
        let home = self.home(service);
        let unseen = |error: io::Error| {
            DeployError::new(LeftBehind::NoChange, "failed to see what became of the service").caused_by(error)
        };
        self.reap();
        let Some(_still) = home.keep_still().map_err(unseen)? else { return Ok(Landed::Unknown) };
        let is_alive = home.is_alive().map_err(unseen)?;
        let Ok(record) = home.record() else { return Ok(Landed::Unknown) };
        let record = record.as_ref();
        let was_started = record.is_some_and(|record| record.started_by.as_ref() == Some(key));
        let was_begun = record.is_some_and(|record| record.key == *key);
        let runs = |release: &Release| {
            is_alive && record.is_some_and(|it| it.phase != Phase::Stopped && it.release.same_as(release))
        };
        Ok(match intended {
            Live::Unknown => Landed::Unknown,
            Live::Stopped if is_alive => Landed::DidNotHappen,
            Live::Stopped => Landed::Happened,
            Live::Release(release) if was_started && runs(release) => Landed::Happened,
            // It was started and is gone, or was about to be: neither word would be true.
            Live::Release(_) if was_started => Landed::Unknown,
            // The old release was brought down and nothing took its place. What was live is not live any more, which
            // "it did not happen" would deny; what is live, `live` knows.
            Live::Release(_) if was_begun && !is_alive => Landed::Unknown,
            // What is done is written down first, so nothing was started; what was live still is.
            Live::Release(_) => Landed::DidNotHappen,
        })
    }
}
