//! What a stage sees of its run. Owned and cheap to clone; it carries facts, never collaborators.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{EffectError, EngineError, Ledger, Permit, Refusal};
use crate::{
    event::{CommandRun, EffectResult, EventKind, Operation},
    plan::{Plan, Step},
    ports::{Clock, Notice, PublishedIssue, StageError},
    state::{EnvironmentState, RunState},
    words::{Baseline, GateRule, Judgement, Live, OperationalStatus, Reading, Request, RunId, ServiceId},
};

/// The facts of a run, and the one way to change the outside world: [`StageContext::effect`].
#[derive(Debug, Clone)]
pub struct StageContext {
    pub(super) ledger: Arc<Ledger>,
    pub(super) request: Arc<Request>,
    pub(super) plan: Arc<Plan>,
    pub(super) step: Arc<Step>,
    pub(super) cancel: CancellationToken,
}

impl StageContext {
    /// Which run this is.
    pub fn run(&self) -> RunId {
        self.ledger.run()
    }

    /// What was asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What was planned.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The step that this stage is in.
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// The time, by the run's clock.
    pub fn now(&self) -> Timestamp {
        self.ledger.clock().now()
    }

    /// The run's clock, to wait by.
    pub fn clock(&self) -> &dyn Clock {
        self.ledger.clock().as_ref()
    }

    /// Ends when somebody asks the run to end. A stage that waits, waits for this too.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether somebody asked the run to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The run as its events tell it so far.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn run_state(&self) -> Result<RunState, StageError> {
        let (state, _) = self.ledger.state().await?;
        state.ok_or_else(|| StageError::no_change("the run has no first event"))
    }

    /// The environment as its events tell it so far.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn environment_state(&self) -> Result<EnvironmentState, StageError> {
        Ok(self.ledger.state().await?.1)
    }

    /// Whether this run may still change things: an emergency stop or a takeover ends a long watch early.
    ///
    /// # Errors
    /// [`Refusal`] when it may not.
    pub async fn checkpoint(&self) -> Result<(), Refusal> {
        self.ledger.may_go_on().await
    }

    /// Ends when this run may no longer change things, with the reason; never before. Dropping it stops asking.
    pub async fn overtaken(&self) -> Refusal {
        loop {
            self.clock().sleep(self.ledger.pause_between_looks()).await;
            match self.checkpoint().await {
                // A journal that cannot be read for a moment says nothing of who may go on.
                Ok(()) | Err(Refusal::NotDurable(_)) => {}
                Err(refusal) => return refusal,
            }
        }
    }

    /// Answers a gate rule.
    pub async fn rule(&self, rule: GateRule) {
        self.ledger.record(EventKind::RuleJudged { step: self.step.id.clone(), rule }).await;
    }

    /// Says what CI ran.
    pub async fn ci(&self, commands: Vec<CommandRun>) {
        self.ledger.record(EventKind::CiReported { step: self.step.id.clone(), commands }).await;
    }

    /// Says what the latency was before a change.
    pub async fn baseline(&self, services: Vec<Baseline>) {
        self.ledger.record(EventKind::BaselineTaken { step: self.step.id.clone(), services }).await;
    }

    /// Says what was measured of each service. Only a complete and healthy window promotes a release.
    pub async fn judged(&self, services: Vec<Judgement>) {
        self.ledger.record(EventKind::WindowJudged { step: self.step.id.clone(), services }).await;
    }

    /// Says what a deployer found to be live.
    pub async fn found(&self, service: ServiceId, live: Live) {
        self.ledger.record(EventKind::ReleaseFound { service, live }).await;
    }

    /// Says that the status issue shows this run.
    pub async fn published(&self, issue: &PublishedIssue, operational_status: OperationalStatus) {
        let PublishedIssue { number, url, requests, .. } = issue;
        let (issue, url, requests) = (*number, url.clone(), Some(*requests));
        self.ledger.record(EventKind::StatusPublished { issue, url, operational_status, requests }).await;
    }

    /// Says that a chat was told, or why not.
    pub async fn notified(&self, to: String, outcome: String, operational_status: OperationalStatus) {
        self.ledger.record(EventKind::Notified { to, outcome, operational_status }).await;
    }

    /// Shows what the stage is doing; nobody keeps it.
    pub fn progress(&self, message: impl AsRef<str>) {
        let message = self.ledger.redact(message.as_ref());
        self.ledger.notice(&Notice::Progress { step: self.step.id.clone(), message });
    }

    /// Shows a sample; nobody keeps it.
    pub fn sampled(&self, service: &ServiceId, reading: &Reading) {
        let (step, service) = (self.step.id.clone(), service.clone());
        let reading = Reading { evidence: self.ledger.redact(&reading.evidence), ..reading.clone() };
        self.ledger.notice(&Notice::Sampled { step, service, reading });
    }

    /// Does one effect. The intent is durable before `act` is called; how it ended is written down after it.
    ///
    /// `act` is not called when the latch is set, when another run has taken over, when the stage said that it only
    /// looks, or when the intent could not be written. When the returned future is dropped, the effect's end stays
    /// unknown. The same operation asked for again gets a new key, unless its end is unknown: then it keeps its key.
    ///
    /// # Errors
    /// [`EffectError::Refused`] when it did not begin, [`EffectError::Failed`] with what `act` returned,
    /// [`EffectError::NotRecorded`] when it was done and the journal failed after it.
    pub async fn effect<T, E, F>(
        &self,
        operation: Operation,
        act: impl FnOnce(Arc<Permit>) -> F,
    ) -> Result<T, EffectError<E>>
    where
        T: EffectDetail,
        E: std::error::Error + 'static,
        F: Future<Output = Result<T, E>>,
        for<'a> EffectResult: From<&'a E>,
    {
        if self.is_cancelled() && self.step.access == crate::plan::Access::Mutating {
            return Err(EffectError::Refused(Refusal::Cancelled));
        }
        let permit =
            self.ledger.permit(self.step.access, &self.step.id, operation).await.map_err(EffectError::Refused)?;
        let permit = Arc::new(permit);
        let key = permit.key().clone();
        let result = act(permit).await;
        let (outcome, detail) = match &result {
            Ok(done) => (EffectResult::Done, done.detail()),
            Err(error) => (EffectResult::from(error), serde_json::Value::Null),
        };
        let written = self.ledger.commit(EventKind::EffectFinished { key, outcome, detail }).await;
        match (result, written) {
            (Ok(done), Ok(())) => Ok(done),
            (Err(error), _) => Err(EffectError::Failed(error)),
            (Ok(_), Err(error)) => Err(EffectError::NotRecorded(error)),
        }
    }
}

/// What the journal keeps of an effect that was done.
pub trait EffectDetail {
    /// As JSON; null when there is nothing to keep.
    fn detail(&self) -> serde_json::Value;
}

impl EffectDetail for () {
    fn detail(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

impl EffectDetail for crate::ports::Deployed {
    fn detail(&self) -> serde_json::Value {
        self.detail.clone()
    }
}

impl EffectDetail for PublishedIssue {
    fn detail(&self) -> serde_json::Value {
        serde_json::json!({
            "number": self.number, "url": self.url, "created": self.created, "requests": self.requests
        })
    }
}

impl EffectDetail for crate::ports::RollbackCommit {
    fn detail(&self) -> serde_json::Value {
        serde_json::json!({ "branch": self.branch, "commit": self.commit, "not_pushed": self.not_pushed })
    }
}

impl EffectDetail for crate::ports::RecordedDeployment {
    fn detail(&self) -> serde_json::Value {
        serde_json::json!({ "id": self.id, "created": self.created })
    }
}

impl EffectDetail for crate::ports::ProposedRollback {
    fn detail(&self) -> serde_json::Value {
        serde_json::json!({ "number": self.number, "url": self.url, "created": self.created })
    }
}

impl From<EngineError> for StageError {
    fn from(error: EngineError) -> Self {
        Self::unknown(super::with_causes(&error))
    }
}
