//! The stage `ci`: builds and tests what is about to be deployed.

use async_trait::async_trait;

use super::NoSettings;
use crate::{
    engine::{StageContext, with_causes},
    plan::{Access, stage_kind},
    ports::{CiOrder, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    words::Outcome,
};

/// Runs CI, and says what it ran.
#[derive(Debug)]
pub struct CiStage {
    ports: Ports,
}

impl StageDefinition for CiStage {
    const KIND: &'static str = stage_kind::CI;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for CiStage {
    fn access(&self) -> Access {
        Access::ReadOnly
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let Some(ci) = &self.ports.ci else {
            return Ok(Outcome::Skipped("no [ci] commands are configured".to_owned()));
        };
        if cx.plan().changing().next().is_none() {
            return Ok(Outcome::Skipped("nothing is going to change".to_owned()));
        }
        let order = CiOrder {
            environment: cx.request().environment.clone(),
            release: cx.plan().changing().next().map(|(_, release)| release.clone()),
        };
        let report = tokio::select! {
            report = ci.run(&order) => report,
            () = cx.cancelled() => return Err(StageError::no_change("CI was ended by a signal")),
            refusal = cx.overtaken() => return Err(StageError::no_change(format!("CI was ended: {refusal}"))),
        };
        let report = report.map_err(|error| StageError::no_change(with_causes(&error)))?;
        cx.ci(report.commands.clone()).await;
        let Some(failed) = report.failure() else { return Ok(Outcome::Passed) };
        let code = failed.exit_code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        let mut message = format!("`{}` ended with {code}", failed.argv.join(" "));
        if let Some(last) = failed.tail.last() {
            message.push_str(&format!(": {last}"));
        }
        Err(StageError::no_change(message))
    }
}
