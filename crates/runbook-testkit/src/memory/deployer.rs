//! A deployer whose services live in memory.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use runbook_core::{
    EffectKey, LeftBehind, Live, Release, ServiceId,
    engine::Permit,
    event::Landed,
    ports::{DeployError, Deployed, Deployer, Order, Rehearsal},
};
use serde_json::json;

/// What goes wrong with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeployFault {
    /// It fails and says so truthfully: nothing was changed, something else than before and than intended is live, or
    /// (`Unknown`) it happened and the answer was lost.
    Fails(LeftBehind),
    /// It never ends, and nothing was changed.
    Hangs,
    /// It never ends, but it happened.
    HangsAfter,
}

/// A change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// The effect's key.
    pub key: EffectKey,
    /// The word of the operation: `deploy`, `activate` or `stop`.
    pub operation: &'static str,
    /// The service.
    pub service: ServiceId,
    /// The release; `None` for a stop.
    pub release: Option<Release>,
}

/// Makes releases live in memory. Clones share one world, as processes that deploy to the same place do.
///
/// A service that nobody mentioned is `Live::Unknown`.
///
/// ```
/// use runbook_core::{Live, ServiceId, ports::Deployer};
/// use runbook_testkit::MemoryDeployer;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let deployer = MemoryDeployer::new();
/// let service = ServiceId::new("api").unwrap();
/// deployer.set_live(&service, Live::Stopped);
/// assert_eq!(deployer.live(&service).await.unwrap(), Live::Stopped);
/// # });
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryDeployer {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    live: BTreeMap<ServiceId, Live>,
    /// The keys of every change that happened.
    done: BTreeSet<EffectKey>,
    ordered: Vec<Ordered>,
    faults: BTreeMap<ServiceId, VecDeque<DeployFault>>,
    impossible: BTreeMap<ServiceId, String>,
    forgetful: bool,
}

impl MemoryDeployer {
    /// A world without services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what is live of a service, as if somebody had deployed by hand.
    pub fn set_live(&self, service: &ServiceId, live: Live) {
        self.lock().live.insert(service.clone(), live);
    }

    /// What is live of a service.
    pub fn live_now(&self, service: &ServiceId) -> Live {
        self.lock().live.get(service).cloned().unwrap_or_default()
    }

    /// Orders a fault for the next change of a service; ordered faults strike one change each, in order.
    pub fn fail_next(&self, service: &ServiceId, fault: DeployFault) {
        self.lock().faults.entry(service.clone()).or_default().push_back(fault);
    }

    /// Makes rehearsals for a service say that it is impossible, for this reason.
    pub fn set_impossible(&self, service: &ServiceId, reason: &str) {
        self.lock().impossible.insert(service.clone(), reason.to_owned());
    }

    /// Forgets which keys happened: after a crash, `state` then tells only what is live, as many real deployers do.
    pub fn set_forgetful(&self, forgetful: bool) {
        self.lock().forgetful = forgetful;
    }

    /// Every change that was asked for, in order, also those that failed and those that were repeated.
    pub fn ordered(&self) -> Vec<Ordered> {
        self.lock().ordered.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn change(
        &self,
        key: &EffectKey,
        operation: &'static str,
        service: &ServiceId,
        to: Live,
    ) -> Result<Deployed, DeployError> {
        let fault = {
            let mut shared = self.lock();
            let (key, service_id, release) = (key.clone(), service.clone(), to.release().cloned());
            shared.ordered.push(Ordered { key: key.clone(), operation, service: service_id, release });
            if shared.done.contains(&key) {
                return Ok(Deployed { detail: json!({ "repeated": true }) });
            }
            let fault = shared.faults.get_mut(service).and_then(VecDeque::pop_front);
            match fault {
                None | Some(DeployFault::HangsAfter | DeployFault::Fails(LeftBehind::Unknown)) => {
                    shared.live.insert(service.clone(), to);
                    shared.done.insert(key);
                }
                Some(DeployFault::Fails(LeftBehind::Changed)) => {
                    shared.live.insert(service.clone(), Live::Unknown);
                }
                Some(DeployFault::Fails(LeftBehind::NoChange) | DeployFault::Hangs) => {}
            }
            fault
        };
        match fault {
            None => Ok(Deployed::default()),
            Some(DeployFault::Fails(left)) => Err(DeployError::new(left, format!("{service}: as the test ordered"))),
            Some(DeployFault::Hangs | DeployFault::HangsAfter) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Deployer for MemoryDeployer {
    async fn live(&self, service: &ServiceId) -> Result<Live, DeployError> {
        Ok(self.live_now(service))
    }

    async fn rehearse(&self, order: &Order) -> Result<Rehearsal, DeployError> {
        Ok(match self.lock().impossible.get(&order.service) {
            Some(reason) => Rehearsal::Impossible(reason.clone()),
            None => Rehearsal::Possible("memory takes every release".to_owned()),
        })
    }

    async fn deploy(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        self.change(permit.key(), "deploy", &order.service, Live::Release(order.release.clone())).await
    }

    async fn activate(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        self.change(permit.key(), "activate", &order.service, Live::Release(order.release.clone())).await
    }

    async fn stop(&self, permit: &Permit, service: &ServiceId) -> Result<Deployed, DeployError> {
        self.change(permit.key(), "stop", service, Live::Stopped).await
    }

    async fn state(&self, key: &EffectKey, service: &ServiceId, intended: &Live) -> Result<Landed, DeployError> {
        let shared = self.lock();
        if shared.done.contains(key) && !shared.forgetful {
            return Ok(Landed::Happened);
        }
        let live = shared.live.get(service).cloned().unwrap_or_default();
        Ok(match (&live, intended) {
            (Live::Release(live), Live::Release(intended)) if live.same_as(intended) => Landed::Happened,
            (Live::Stopped, Live::Stopped) => Landed::Happened,
            (Live::Unknown, _) => Landed::Unknown,
            _ if shared.forgetful => Landed::Unknown,
            _ => Landed::DidNotHappen,
        })
    }
}
