//! The stage `deploy`: makes the planned releases live, one service after another, and stops at the first that fails.

use async_trait::async_trait;

use super::{NoSettings, records};
use crate::{
    engine::StageContext,
    event::Operation,
    plan::{Access, stage_kind},
    ports::{Order, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    words::{DeploymentTask, Outcome},
};

/// Makes releases live.
#[derive(Debug)]
pub struct Deploy {
    ports: Ports,
}

impl StageDefinition for Deploy {
    const KIND: &'static str = stage_kind::DEPLOY;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for Deploy {
    fn access(&self) -> Access {
        Access::Mutating
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        if self.ports.deployers.is_empty() {
            return Ok(Outcome::Skipped("no deployer".to_owned()));
        }
        let run = cx.run_state().await?;
        let ways = cx.plan().changing().map(|(service, release)| (&service.id, release)).collect();
        let untold = records::begin(cx, &self.ports, &run, DeploymentTask::Deploy, ways).await;
        let mut deployed = 0;
        for (service, release) in cx.plan().changing() {
            let operation = Operation::Deploy { service: service.id.clone(), release: release.clone() };
            // By a process that was interrupted later.
            if run.has_done(&operation) {
                deployed += 1;
                continue;
            }
            let Some(deployer) = self.ports.deployers.get(&service.id) else {
                return Err(StageError::no_change(format!("{} has no deployer", service.id)));
            };
            let order = Order {
                service: service.id.clone(),
                release: release.clone(),
                environment: cx.request().environment.clone(),
            };
            cx.progress(format!("{}: {} → {release}", service.id, service.live));
            cx.effect(operation, |permit| async move { deployer.deploy(&permit, &order).await }).await?;
            deployed += 1;
        }
        if deployed == 0 {
            return Ok(Outcome::Skipped("everything is live already".to_owned()));
        }
        Ok(untold.map_or(Outcome::Passed, Outcome::Warned))
    }
}
