//! The stage `stop` of an emergency stop: every service in parallel, each known to be down in the end.

use async_trait::async_trait;
use futures::future::join_all;

use super::NoSettings;
use crate::{
    engine::StageContext,
    event::Operation,
    plan::{Access, stage_kind},
    ports::{DeployError, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    words::{LeftBehind, Live, Outcome, ServiceId},
};

/// Stops everything.
#[derive(Debug)]
pub struct Stop {
    ports: Ports,
}

impl StageDefinition for Stop {
    const KIND: &'static str = stage_kind::STOP;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for Stop {
    fn access(&self) -> Access {
        Access::Mutating
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let run = cx.run_state().await?;
        // A process that was interrupted may have stopped some.
        let up = cx.plan().services.iter().map(|service| &service.id);
        let up = up.filter(|id| !run.has_done(&Operation::Stop { service: (*id).clone() }));
        let stops = up.map(|service| self.stop(cx, service));
        let failures: Vec<String> = join_all(stops).await.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() { Ok(Outcome::Passed) } else { Err(StageError::unknown(failures.join("; "))) }
    }
}

impl Stop {
    async fn stop(&self, cx: &StageContext, service: &ServiceId) -> Result<(), String> {
        let Some(deployer) = self.ports.deployers.get(service) else {
            return Err(format!("{service} has no deployer, so nothing here can stop it"));
        };
        let operation = Operation::Stop { service: service.clone() };
        let stopped = cx
            .effect(operation, |permit| async move {
                let done = deployer.stop(&permit, service).await?;
                // "Stopped" is a measurement, not an exit code.
                match deployer.live(service).await? {
                    Live::Stopped => Ok(done),
                    other => Err(DeployError::new(
                        LeftBehind::Unknown,
                        format!("it was told to stop, and then {other} was found to be live"),
                    )),
                }
            })
            .await;
        match stopped {
            Ok(_) => {
                cx.progress(format!("{service}: down"));
                Ok(())
            }
            Err(error) => Err(format!("{service}: {}", StageError::from(error).message)),
        }
    }
}
