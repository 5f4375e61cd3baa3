//! A world to run engines in: three services that are as healthy as the release that is live of them, and every other
//! port in memory. Each run that ends here is checked: what the journal replays is what the engine returned.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use runbook_core::{
    Action, Actor, ActorKind, EnvironmentId, Health, Live, Origin, Redactor, Release, ReleaseId, Request, RunId,
    ServiceId, Verdict,
    config::{Config, Document},
    engine::{Cancel, Engine, Permit, RunResult, StageContext, Surroundings},
    event::{CommandRun, Encoded, Event, EventKind},
    plan::Access,
    ports::{CiReport, Deployer, Forge, History, Journal, LocalLatch, OwnerState, VersionControl, stage_fn},
    registry::{Lookup, Registry},
    state::{EnvironmentState, RunState},
};
use runbook_testkit::{
    FixedLiveness, MemoryDeployer, MemoryJournal, MemoryLatch, RecordingIssueTracker, RecordingNotifier, RecordingSink,
    ScriptedProbe, VirtualClock,
};
use tokio::sync::oneshot;

use crate::{
    kinds::{ControlProbe, Delay, Healths, LiveProbe, Parts, TestChat, TestCi, TestDeployer, build_with},
    spies::{JournalSpy, Spy},
};

/// The services of [`CONFIG`].
pub const SERVICES: [&str; 3] = ["api", "web", "worker"];

/// Seven samples in each window; two bad ones of four confirm a fault.
pub const CONFIG: &str = include_str!("runbook.toml");

/// Three services, one journal, and everything else that an engine touches.
#[derive(Debug)]
pub struct World {
    pub config: Config,
    pub registry: Registry,
    pub journal: MemoryJournal,
    /// What engines write to, where it is not `journal` itself.
    pub writes_to: Option<Arc<dyn Journal>>,
    pub deployer: MemoryDeployer,
    /// What engines deploy with, where it is not `deployer` itself.
    pub deploys_with: Option<Arc<dyn Deployer>>,
    pub clock: VirtualClock,
    pub latch: MemoryLatch,
    pub tracker: Arc<RecordingIssueTracker>,
    pub forge: Forge,
    pub chat: Arc<RecordingNotifier>,
    pub sink: Arc<RecordingSink>,
    pub ci: Arc<Mutex<CiReport>>,
    pub history: Option<Arc<dyn History>>,
    pub version_control: Option<Arc<dyn VersionControl>>,
    health: Healths,
}

impl World {
    /// Nothing was ever deployed, and everything works.
    pub fn new() -> Self {
        Self::configured(CONFIG)
    }

    /// As [`World::new`], with another configuration.
    pub fn configured(text: &str) -> Self {
        let document = Document::parse(Path::new("runbook.toml"), text).unwrap();
        let environment = document.default_environment().unwrap();
        let mut registry = Registry::default();
        registry
            .probe::<LiveProbe>()
            .probe::<ControlProbe>()
            .deployer::<TestDeployer>()
            .ci::<TestCi>()
            .notifier::<TestChat>();
        let deployer = MemoryDeployer::new();
        SERVICES.iter().for_each(|id| deployer.set_live(&service(id), Live::Stopped));
        Self {
            config: document.config(&environment, &Lookup::new(|_| None)).unwrap(),
            registry,
            journal: MemoryJournal::new(),
            writes_to: None,
            deployer,
            deploys_with: None,
            clock: VirtualClock::auto("2026-01-01T00:00:00Z".parse().unwrap()),
            latch: MemoryLatch::new(),
            tracker: Arc::new(RecordingIssueTracker::new()),
            forge: Forge::none("this world has no forge"),
            chat: Arc::new(RecordingNotifier::new("chat")),
            sink: Arc::new(RecordingSink::new()),
            ci: Arc::new(Mutex::new(CiReport { commands: vec![command(0)] })),
            history: None,
            version_control: None,
            health: Healths::default(),
        }
    }

    /// As [`World::new`], with `v1` live, watched, and known to be good.
    pub async fn with_good_v1() -> Self {
        let world = Self::new();
        let first = world.deploy("v1").await;
        assert_eq!(first.verdict(), Verdict::Succeeded, "{:?}", first.run.verdict);
        world
    }

    /// From now on this release is as healthy as that.
    pub fn release_is(&self, id: &str, health: Health) {
        self.health.set(id, health);
    }

    /// From now on this release answers in about so many milliseconds.
    pub fn latency_is(&self, id: &str, ms: f64) {
        self.health.latency(id, ms);
    }

    /// From now on a service answers after this time.
    pub fn answers_after(&self, id: &str, time: Duration) {
        self.health.delay(service(id), Delay::For(time, self.clock.clone()));
    }

    /// From now on a service's probe never ends.
    pub fn hangs(&self, id: &str) {
        self.health.delay(service(id), Delay::Endless);
    }

    /// From now on a service reads from a script, whatever is live.
    pub fn script(&self, id: &str, healths: impl IntoIterator<Item = Health>) {
        self.health.script(service(id), ScriptedProbe::healths(healths));
    }

    /// From now on `look` sees each change before it is made, with the permit for it.
    pub fn spy(&mut self, look: impl Fn(&Permit, &str, &ServiceId) + Send + Sync + 'static) {
        self.deploys_with = Some(Arc::new(Spy { deployer: self.deployer.clone(), look: Box::new(look) }));
    }

    /// From now on `meanwhile` is done just before a batch is appended.
    pub fn meanwhile(&mut self, meanwhile: impl Fn(&Encoded) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        self.writes_to = Some(Arc::new(JournalSpy { journal: self.journal.clone(), meanwhile: Box::new(meanwhile) }));
    }

    /// Begins a deploy of `v9` and calls `act` in a stage of it, which never ends; so the run is dropped after `act`, as
    /// in a crash. The configuration has to name a stage of the kind `ask`.
    pub async fn in_stage<T>(&mut self, access: Access, act: impl AsyncFnOnce(&Self, StageContext) -> T) -> T {
        let (give, take) = oneshot::channel();
        let give = Mutex::new(Some(give));
        let ask = stage_fn(access, move |cx| {
            give.lock().unwrap().take().expect("it is asked once").send(cx.clone()).expect("somebody waits");
            Box::pin(std::future::pending())
        });
        self.registry.stage_value("ask", ask);
        let (engine, cancel) = (self.engine(), Cancel::default());
        let plan = engine.prepare(&deploy("v9"), &self.config).await.unwrap();
        tokio::select! {
            biased;
            ended = engine.execute(deploy("v9"), plan, &cancel) => panic!("it ended: {ended:?}"),
            done = async { act(self, take.await.unwrap()).await } => done,
        }
    }

    /// An engine of this world, as the process `pid`, who thinks so of the owners of other runs.
    pub fn engine_of(&self, pid: u32, others: OwnerState) -> Engine {
        let deployer = self.deploys_with.clone().unwrap_or_else(|| Arc::new(self.deployer.clone()));
        let parts = Parts {
            deployer,
            live: self.deployer.clone(),
            health: self.health.clone(),
            ci: Arc::clone(&self.ci),
            chat: Arc::clone(&self.chat),
        };
        build_with(parts);
        let surroundings = Surroundings {
            root: "/nonexistent".into(),
            state_dir: "/nonexistent/.runbook".into(),
            variables: Lookup::new(|_| None),
            redactor: Redactor::new([]),
            clock: Arc::new(self.clock.clone()),
            liveness: Arc::new(FixedLiveness::process(pid, others)),
            journal: self.writes_to.clone().unwrap_or_else(|| Arc::new(self.journal.clone())),
            local_latch: Some(Arc::new(self.latch.clone())),
            version_control: self.version_control.clone(),
            issue_tracker: Ok(self.tracker.clone()),
            forge: self.forge.clone(),
            history: self.history.clone(),
            sinks: vec![self.sink.clone()],
            hosted_runner: false,
        };
        Engine::assemble(&self.config, &self.registry, &surroundings).unwrap()
    }

    /// An engine of this world.
    pub fn engine(&self) -> Engine {
        self.engine_of(1, OwnerState::Alive)
    }

    /// Plans and executes, to the end.
    pub async fn run(&self, request: Request) -> RunResult {
        self.run_on(&self.engine(), request, &Cancel::default()).await
    }

    /// As [`World::run`], on a certain engine, with a way to end it.
    pub async fn run_on(&self, engine: &Engine, request: Request, cancel: &Cancel) -> RunResult {
        let plan = engine.prepare(&request, &self.config).await.unwrap();
        let result = engine.execute(request, plan, cancel).await.unwrap();
        if self.writes_to.is_none() {
            self.check(&result).await;
        }
        result
    }

    pub async fn deploy(&self, version: &str) -> RunResult {
        self.run(deploy(version)).await
    }

    /// What is live of each service, as the outside world knows it.
    pub fn live(&self) -> Vec<String> {
        SERVICES.iter().map(|id| self.deployer.live_now(&service(id)).to_string()).collect()
    }

    /// Everything that the journal tells.
    pub fn environment(&self) -> EnvironmentState {
        EnvironmentState::replay(&self.journal.events())
    }

    /// Each service's last known good release.
    pub fn known_good(&self) -> Vec<Option<String>> {
        let environment = self.environment();
        SERVICES.iter().map(|id| environment.last_known_good(&service(id)).map(ToString::to_string)).collect()
    }

    /// The changes that were asked for since the first `skip`: `deploy api v1`.
    pub fn ordered_since(&self, skip: usize) -> Vec<String> {
        let ordered = self.deployer.ordered().into_iter().skip(skip);
        ordered
            .map(|o| {
                let release = o.release.map(|r| format!(" {r}")).unwrap_or_default();
                format!("{} {}{release}", o.operation, o.service)
            })
            .collect()
    }

    /// What was returned is what the stored lines say, up to the run's last event, and the lock is given back.
    async fn check(&self, result: &RunResult) {
        let run = result.run.run;
        let events = self.journal.events();
        let is_end = |event: &Event| event.run == run && matches!(event.kind, EventKind::RunFinished { .. });
        let end = events.iter().position(is_end).expect("a run that ended has a last event");
        let mut replayed = EnvironmentState::replay(&events[..=end]);
        if !matches!(self.latch.read().await, Ok(None)) {
            // A latch of this machine is no event; the engine adds it to what the journal tells.
            replayed.latch = replayed.latch.or_else(|| result.environment.latch.clone());
        }
        assert_eq!(replayed, result.environment);
        assert_eq!(replay(run, &events[..=end]), Some(result.run.clone()));
        assert!(result.environment.lock.as_ref().is_none_or(|lock| lock.run != run), "the run kept its lock");
        assert!(!result.environment.open_runs.contains_key(&run), "the run stayed open");
        let late = events[end + 1..].iter().find(|event| event.run == run);
        assert!(late.is_none(), "{late:?} came after the run's last event");
    }
}

/// One run, folded from its first event on.
pub fn replay(run: RunId, events: &[Event]) -> Option<RunState> {
    let start = events.iter().position(|event| event.run == run)?;
    let mut state = RunState::begin(&events[start])?;
    events[start + 1..].iter().for_each(|event| state.apply(event));
    Some(state)
}

pub fn service(id: &str) -> ServiceId {
    ServiceId::new(id).unwrap()
}

pub fn release(id: &str) -> Release {
    Release { id: ReleaseId::new(id).unwrap(), commit: None }
}

/// A person asks for this, with a reason.
pub fn request(action: Action) -> Request {
    Request {
        action,
        environment: EnvironmentId::new("production").unwrap(),
        component: None,
        version: None,
        force: false,
        actor: Actor { name: "ada".to_owned(), kind: ActorKind::Person },
        reason: Some("a test".to_owned()),
        origin: Origin { trigger: "cli".to_owned(), ..Origin::default() },
    }
}

pub fn deploy(version: &str) -> Request {
    Request { version: Some(version.to_owned()), ..request(Action::Deploy) }
}

/// A command of CI that ended with this code.
pub fn command(exit_code: i32) -> CommandRun {
    CommandRun { argv: vec!["test".to_owned()], exit_code: Some(exit_code), elapsed_ms: 1, tail: Vec::new() }
}

/// The words of the verdict, with their reason.
pub fn reason(result: &RunResult) -> &str {
    result.run.verdict.as_ref().map_or("", |(_, reason)| reason)
}
