//! The kinds that the harness registers: a probe that reads the health of whatever release is live, and ports in memory
//! under the names by which a configuration asks for them.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use runbook_core::{
    EffectKey, Health, Live, Reading, ServiceId, StatusView,
    engine::Permit,
    event::Landed,
    ports::{
        Ci, CiError, CiOrder, CiReport, Clock, DeployError, Deployed, Deployer, Notifier, NotifyError, Order, Probe,
        ProbeError, Rehearsal,
    },
    registry::{BuildError, CiDefinition, DeployerDefinition, NotifierDefinition, ProbeDefinition, Scope},
};
use runbook_testkit::{MemoryDeployer, RecordingNotifier, ScriptedProbe, VirtualClock};

/// What the definitions here are built with.
#[derive(Debug, Clone)]
pub struct Parts {
    pub deployer: Arc<dyn Deployer>,
    pub live: MemoryDeployer,
    pub health: Healths,
    pub ci: Arc<Mutex<CiReport>>,
    pub chat: Arc<RecordingNotifier>,
}

thread_local! {
    /// A definition has no state of its own; an engine is put together on the thread of its test.
    static PARTS: RefCell<Option<Parts>> = const { RefCell::new(None) };
}

/// Says what the definitions on this thread are built with from now on.
pub fn build_with(parts: Parts) {
    PARTS.set(Some(parts));
}

fn parts() -> Parts {
    PARTS.with_borrow(|parts| parts.clone().expect("engines of these tests are made by `World::engine`"))
}

/// How healthy each release is; healthy, unless something else was said. A script of a service outweighs it.
#[derive(Debug, Clone, Default)]
pub struct Healths {
    releases: Arc<Mutex<BTreeMap<String, Health>>>,
    latencies: Arc<Mutex<BTreeMap<String, f64>>>,
    asked: Arc<Mutex<u64>>,
    scripts: Arc<Mutex<BTreeMap<ServiceId, Arc<ScriptedProbe>>>>,
    delays: Arc<Mutex<BTreeMap<ServiceId, Delay>>>,
}

/// How long a service lets its probe wait.
#[derive(Debug, Clone)]
pub enum Delay {
    /// So long, by this clock.
    For(Duration, VirtualClock),
    /// For ever.
    Endless,
}

impl Healths {
    /// From now on this release is as healthy as that.
    pub fn set(&self, id: &str, health: Health) {
        lock(&self.releases).insert(id.to_owned(), health);
    }

    /// From now on this release answers in about so many milliseconds.
    pub fn latency(&self, id: &str, ms: f64) {
        lock(&self.latencies).insert(id.to_owned(), ms);
    }

    /// A latency of what is live, never twice the same: within a tenth of what was said.
    fn latency_of(&self, live: &Live) -> Option<f64> {
        let release = live.release()?;
        let ms = lock(&self.latencies).get(release.id.as_str()).copied()?;
        let mut asked = lock(&self.asked);
        *asked += 1;
        Some(ms * (1.0 + (*asked * 7 % 100) as f64 / 1000.0))
    }

    /// From now on a service lets its probe wait.
    pub fn delay(&self, service: ServiceId, delay: Delay) {
        lock(&self.delays).insert(service, delay);
    }

    /// From now on a service reads from this script, whatever is live.
    pub fn script(&self, service: ServiceId, script: ScriptedProbe) {
        lock(&self.scripts).insert(service, Arc::new(script));
    }

    fn of(&self, live: &Live) -> Health {
        match live {
            Live::Release(release) => lock(&self.releases).get(release.id.as_str()).copied().unwrap_or(Health::Healthy),
            Live::Stopped => Health::Unhealthy,
            Live::Unknown => Health::Unknown,
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Reads the health of the release that is live.
#[derive(Debug)]
pub struct LiveProbe {
    parts: Parts,
    service: ServiceId,
}

impl ProbeDefinition for LiveProbe {
    const KIND: &'static str = "live";
    type Settings = NoSettings;
    fn build(_: NoSettings, scope: &Scope) -> Result<Self, BuildError> {
        let service = scope.service.as_ref().ok_or_else(|| BuildError::table("a probe belongs to a service"))?;
        Ok(Self { parts: parts(), service: service.facts.id.clone() })
    }
}

#[async_trait]
impl Probe for LiveProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        let delay = lock(&self.parts.health.delays).get(&self.service).cloned();
        match delay {
            Some(Delay::For(time, clock)) => clock.sleep(time).await,
            Some(Delay::Endless) => std::future::pending().await,
            None => {}
        }
        let script = lock(&self.parts.health.scripts).get(&self.service).cloned();
        if let Some(script) = script {
            return script.sample().await;
        }
        match self.parts.health.of(&self.parts.live.live_now(&self.service)) {
            Health::Unknown => Err(ProbeError::new("nobody could measure it")),
            health => {
                let reading = ScriptedProbe::reading(health);
                let latency_ms = self.parts.health.latency_of(&self.parts.live.live_now(&self.service));
                Ok(Reading { latency_ms: latency_ms.or(reading.latency_ms), ..reading })
            }
        }
    }
}

/// A control probe: it reads from the script `control`, and is healthy without one.
#[derive(Debug)]
pub struct ControlProbe(Parts);

impl ProbeDefinition for ControlProbe {
    const KIND: &'static str = "control";
    type Settings = NoSettings;
    fn build(_: NoSettings, scope: &Scope) -> Result<Self, BuildError> {
        assert!(scope.service.is_none(), "a control probe belongs to no service");
        Ok(Self(parts()))
    }
}

#[async_trait]
impl Probe for ControlProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        let script = lock(&self.0.health.scripts).get(&ServiceId::new("control").unwrap()).cloned();
        match script {
            Some(script) => script.sample().await,
            None => Ok(ScriptedProbe::reading(Health::Healthy)),
        }
    }
}

#[derive(Debug)]
pub struct TestDeployer(Arc<dyn Deployer>);

impl DeployerDefinition for TestDeployer {
    const KIND: &'static str = "memory";
    type Settings = NoSettings;
    fn build(_: NoSettings, _: &Scope) -> Result<Self, BuildError> {
        Ok(Self(parts().deployer))
    }
}

#[async_trait]
impl Deployer for TestDeployer {
    async fn live(&self, service: &ServiceId) -> Result<Live, DeployError> {
        self.0.live(service).await
    }
    async fn rehearse(&self, order: &Order) -> Result<Rehearsal, DeployError> {
        self.0.rehearse(order).await
    }
    async fn deploy(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        self.0.deploy(permit, order).await
    }
    async fn activate(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        self.0.activate(permit, order).await
    }
    async fn stop(&self, permit: &Permit, service: &ServiceId) -> Result<Deployed, DeployError> {
        self.0.stop(permit, service).await
    }
    async fn state(&self, key: &EffectKey, service: &ServiceId, to: &Live) -> Result<Landed, DeployError> {
        self.0.state(key, service, to).await
    }
}

#[derive(Debug)]
pub struct TestCi(Arc<Mutex<CiReport>>);

impl CiDefinition for TestCi {
    const KIND: &'static str = "scripted";
    type Settings = NoSettings;
    fn build(_: NoSettings, _: &Scope) -> Result<Self, BuildError> {
        Ok(Self(parts().ci))
    }
}

#[async_trait]
impl Ci for TestCi {
    async fn run(&self, _: &CiOrder) -> Result<CiReport, CiError> {
        Ok(lock(&self.0).clone())
    }
}

#[derive(Debug)]
pub struct TestChat(Arc<RecordingNotifier>);

impl NotifierDefinition for TestChat {
    const KIND: &'static str = "chat";
    type Settings = NoSettings;
    fn build(_: NoSettings, _: &Scope) -> Result<Option<Self>, BuildError> {
        Ok(Some(Self(parts().chat)))
    }
}

#[async_trait]
impl Notifier for TestChat {
    fn name(&self) -> &str {
        self.0.name()
    }
    async fn notify(&self, permit: &Permit, view: &StatusView) -> Result<(), NotifyError> {
        self.0.notify(permit, view).await
    }
}
