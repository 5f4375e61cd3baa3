//! Ports that let a test look, or act, at the moment when the engine calls them.

use async_trait::async_trait;
use futures::future::BoxFuture;
use runbook_core::{
    EffectKey, Live, ServiceId,
    engine::Permit,
    event::{Encoded, Head, Landed, Stored},
    ports::{DeployError, Deployed, Deployer, Journal, JournalError, Order, Rehearsal},
    state::EnvironmentState,
};
use runbook_testkit::{MemoryDeployer, MemoryJournal};

type Look = dyn Fn(&Permit, &str, &ServiceId) + Send + Sync;

/// A deployer that lets a test look at each change before it is made.
pub struct Spy {
    pub deployer: MemoryDeployer,
    pub look: Box<Look>,
}

impl std::fmt::Debug for Spy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spy")
    }
}

#[async_trait]
impl Deployer for Spy {
    async fn live(&self, service: &ServiceId) -> Result<Live, DeployError> {
        self.deployer.live(service).await
    }
    async fn rehearse(&self, order: &Order) -> Result<Rehearsal, DeployError> {
        self.deployer.rehearse(order).await
    }
    async fn deploy(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        (self.look)(permit, "deploy", &order.service);
        self.deployer.deploy(permit, order).await
    }
    async fn activate(&self, permit: &Permit, order: &Order) -> Result<Deployed, DeployError> {
        (self.look)(permit, "activate", &order.service);
        self.deployer.activate(permit, order).await
    }
    async fn stop(&self, permit: &Permit, service: &ServiceId) -> Result<Deployed, DeployError> {
        (self.look)(permit, "stop", service);
        self.deployer.stop(permit, service).await
    }
    async fn state(&self, key: &EffectKey, service: &ServiceId, to: &Live) -> Result<Landed, DeployError> {
        self.deployer.state(key, service, to).await
    }
}

type Meanwhile = dyn Fn(&Encoded) -> BoxFuture<'static, ()> + Send + Sync;

/// A journal that lets a test act just before a batch is appended.
pub struct JournalSpy {
    pub journal: MemoryJournal,
    pub meanwhile: Box<Meanwhile>,
}

impl std::fmt::Debug for JournalSpy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JournalSpy")
    }
}

#[async_trait]
impl Journal for JournalSpy {
    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        self.journal.replay(after).await
    }
    async fn append(&self, batch: &Encoded, expected: Head, state: &EnvironmentState) -> Result<(), JournalError> {
        (self.meanwhile)(batch).await;
        self.journal.append(batch, expected, state).await
    }
    fn place(&self) -> String {
        self.journal.place()
    }
}
