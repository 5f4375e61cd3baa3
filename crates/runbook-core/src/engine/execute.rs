//! Carries a plan out: asks `decide` what comes next, does it, writes it down, asks again.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;
use rand::RngExt;
use tokio_util::sync::CancellationToken;

use super::{
    Cancel, EngineError, Ledger, LedgerPorts, Next, StageContext, decide,
    exclusion::Move,
    handover::{Turn, turn},
    ledger::STOP_DEADLINE,
    with_causes,
};
use crate::{
    event::{EventKind, RunStarted},
    plan::{Access, Plan, Step},
    ports::{Notice, Stage, StageError},
    registry::Ports,
    report::Report,
    state::{EffectState, EnvironmentState, Latch, RunState},
    words::{Action, Failure, KindId, LeftBehind, Outcome, Request, RunId, StepId, StepResult, Verdict},
};

/// A run that ended or was left, with everything that its events tell.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The run.
    pub run: RunState,
    /// The environment after it.
    pub environment: EnvironmentState,
    /// Its report.
    pub report: Report,
}

impl RunResult {
    /// The verdict; of a run that was left before it has one, that nobody knows yet.
    pub fn verdict(&self) -> Verdict {
        self.run.verdict.as_ref().map_or(Verdict::NeedsOperator, |(verdict, _)| *verdict)
    }
}

/// Executes plans with the stages and ports of one environment.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) stages: BTreeMap<StepId, Arc<dyn Stage>>,
    pub(super) built_in: BTreeMap<KindId, Arc<dyn Stage>>,
    pub(super) ports: Ports,
    pub(super) ledger: LedgerPorts,
}

impl Engine {
    /// Executes a plan. The report is written whatever happens: when the journal fails on the way, nothing more is
    /// changed, and what is known is told from memory.
    ///
    /// # Errors
    /// When the run could not begin, or when another process took it up before it ended.
    pub async fn execute(&self, request: Request, plan: Plan, cancel: &Cancel) -> Result<RunResult, EngineError> {
        let ledger = self.begin(&request, &plan).await?;
        self.carry_out(&ledger, request, plan, None, cancel).await
    }

    /// As [`execute`](Self::execute), but leaves the run once a step has had its turn: another process goes on with it by
    /// [`stage`](Self::stage). An emergency stop is never left.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_until(
        &self,
        request: Request,
        plan: Plan,
        step: &StepId,
        cancel: &Cancel,
    ) -> Result<RunResult, EngineError> {
        let ledger = self.begin(&request, &plan).await?;
        let last = Some(step).filter(|_| request.action != Action::EmergencyStop);
        self.carry_out(&ledger, request, plan, last, cancel).await
    }

    /// Goes on with a run from wherever it stands, to its end, or until `last` has had its turn.
    pub(super) async fn carry_out(
        &self,
        ledger: &Arc<Ledger>,
        request: Request,
        plan: Plan,
        last: Option<&StepId>,
        cancel: &Cancel,
    ) -> Result<RunResult, EngineError> {
        let (request, plan) = (Arc::new(request), Arc::new(plan));
        match self.drive(ledger, &request, &plan, last, cancel).await {
            Ok(result) => Ok(result),
            // The run goes on, elsewhere; there it is told.
            Err(error @ (EngineError::TakenUp(_) | EngineError::NotYet { .. })) => Err(error),
            Err(error) => {
                ledger.detach(with_causes(&error)).await;
                self.give_up(ledger, &with_causes(&error)).await?;
                // Nobody can be handed what is in this memory alone.
                self.drive(ledger, &request, &plan, None, cancel).await
            }
        }
    }

    /// The verdict of a run whose journal failed: what it intended may have happened.
    async fn give_up(&self, ledger: &Ledger, why: &str) -> Result<(), EngineError> {
        let (run, _) = self.state(ledger).await?;
        if run.verdict.is_some() {
            return Ok(());
        }
        let (verdict, reason) = match run.mutations().any(EffectState::may_have_changed) {
            true => (Verdict::NeedsOperator, format!("the journal failed after something was changed: {why}")),
            false => (
                Verdict::Failed,
                format!(
                    "the journal failed before anything was changed: {why}; the run stays open, `runbook recover` goes on with it"
                ),
            ),
        };
        ledger.commit(EventKind::VerdictReached { verdict, reason }).await
    }

    async fn drive(
        &self,
        ledger: &Arc<Ledger>,
        request: &Arc<Request>,
        plan: &Arc<Plan>,
        last: Option<&StepId>,
        cancel: &Cancel,
    ) -> Result<RunResult, EngineError> {
        if plan.action != Action::EmergencyStop && ledger.why_detached().await.is_none() {
            self.close_abandoned(ledger).await?;
        }
        let mut signalled = self.state(ledger).await?.0.cancelled.is_some();
        loop {
            if let Some(signal) = cancel.signal().filter(|_| !signalled) {
                signalled = true;
                ledger.commit(EventKind::CancelRequested { signal }).await?;
            }
            let (run, environment) = self.state(ledger).await?;
            match decide(plan, &run, &environment, self.now()) {
                Next::SetLatch => self.set_latch(ledger, request).await?,
                Next::LiftLatch => self.lift_latch(ledger, request).await?,
                Next::Rollback(decision) => ledger.commit(EventKind::RollbackDecided(decision)).await?,
                Next::Skip(step, reason) => {
                    let result = StepResult::Ended(Outcome::Skipped(reason));
                    ledger.record(EventKind::StepFinished { step, result, elapsed_ms: 0 }).await;
                }
                Next::Run(id) => match turn(plan, last, &id) {
                    Turn::Mine => {
                        if let Some(step) = plan.step(&id) {
                            self.run_step(ledger, request, plan, step, cancel).await?;
                        }
                    }
                    Turn::Later => return self.leave(ledger, id).await,
                    Turn::Missing => self.missing(ledger, plan, &run, last, id).await?,
                },
                Next::Conclude(verdict, reason) => {
                    let (verdict, reason) = unless_alone(ledger, verdict, reason).await;
                    ledger.commit(EventKind::VerdictReached { verdict, reason }).await?;
                }
                Next::Finish(verdict, reason) => return self.finish(ledger, verdict, reason).await,
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.ledger.clock.now()
    }

    pub(super) async fn state(&self, ledger: &Ledger) -> Result<(RunState, EnvironmentState), EngineError> {
        match ledger.state().await? {
            (Some(run), environment) => Ok((run, environment)),
            (None, _) => Err(EngineError::Stuck {
                place: self.ledger.journal.place(),
                problem: "lost the run's first event".to_owned(),
            }),
        }
    }

    async fn begin(&self, request: &Request, plan: &Plan) -> Result<Arc<Ledger>, EngineError> {
        let run = RunId::new();
        let started = EventKind::RunStarted(Box::new(RunStarted {
            request: request.clone(),
            plan: plan.clone(),
            owner: self.ports.liveness.me(),
        }));
        let begin = async {
            let ledger = Ledger::open(self.ledger.clone(), run).await?;
            ledger.begin(started.clone()).await?;
            Ok(ledger)
        };
        if plan.action != Action::EmergencyStop {
            return begin.await;
        }
        // The one exception to write-ahead: a stop goes on without a journal.
        let why = match tokio::time::timeout(STOP_DEADLINE, begin).await {
            Ok(Ok(ledger)) => return Ok(ledger),
            Ok(Err(error @ EngineError::Repeated(_))) => return Err(error),
            Ok(Err(error)) => with_causes(&error),
            Err(_) => format!("the journal did not answer within {} s", STOP_DEADLINE.as_secs()),
        };
        let ledger = Ledger::detached(self.ledger.clone(), run, why);
        ledger.begin(started).await?;
        Ok(ledger)
    }

    async fn set_latch(&self, ledger: &Arc<Ledger>, request: &Request) -> Result<(), EngineError> {
        let reason = request.reason.clone().unwrap_or_else(|| "emergency stop".to_owned());
        let actor = request.actor.clone();
        let kind = EventKind::StopLatched { actor: actor.clone(), reason: reason.clone() };
        let shared = tokio::time::timeout(STOP_DEADLINE, ledger.ask(Move::Stop, vec![kind.clone()])).await;
        let why = match (ledger.why_detached().await, shared) {
            (None, Ok(Ok(_))) => return Ok(()),
            (Some(why), _) => why,
            (None, Ok(Err(error))) => with_causes(&error),
            (None, Err(_)) => format!("the journal did not answer within {} s", STOP_DEADLINE.as_secs()),
        };
        // Not shared: keep it on this machine, and stop the services all the same.
        ledger.detach(why).await;
        if let Some(local) = &self.ledger.local_latch {
            let latch = Latch { actor, reason, since: self.now() };
            if let Err(error) = local.set(&latch).await {
                ledger
                    .detach(format!("{}; and {}", ledger.why_detached().await.unwrap_or_default(), with_causes(&error)))
                    .await;
            }
        }
        if !self.state(ledger).await?.0.latched {
            ledger.commit(kind).await?;
        }
        Ok(())
    }

    async fn lift_latch(&self, ledger: &Ledger, request: &Request) -> Result<(), EngineError> {
        // This machine's first: when it stays, the shared one stays too, and the run says so.
        if let Some(local) = &self.ledger.local_latch
            && let Err(error) = local.clear().await
        {
            let reason = with_causes(&error);
            return ledger.commit(EventKind::VerdictReached { verdict: Verdict::Failed, reason }).await;
        }
        let reason = request.reason.clone().unwrap_or_default();
        let kind = EventKind::StopLifted { actor: request.actor.clone(), reason };
        // A person lifts the stop that was there when they asked, not one that was set since.
        let asked = self.state(ledger).await?.0.started_at;
        match ledger.ask(Move::Lift { asked }, vec![kind]).await? {
            Ok(()) => Ok(()),
            Err(reason) => ledger.commit(EventKind::VerdictReached { verdict: Verdict::Blocked, reason }).await,
        }
    }

    async fn run_step(
        &self,
        ledger: &Arc<Ledger>,
        request: &Arc<Request>,
        plan: &Arc<Plan>,
        step: &Step,
        cancel: &Cancel,
    ) -> Result<(), EngineError> {
        let started = self.now();
        let result = match self.take_lock(ledger, request, step).await? {
            Err(held) => StepResult::Ended(Outcome::Blocked(vec![held])),
            Ok(()) => self.attempts(ledger, request, plan, step, cancel).await?,
        };
        let elapsed_ms = u64::try_from(self.now().duration_since(started).as_millis()).unwrap_or(0);
        ledger.commit(EventKind::StepFinished { step: step.id.clone(), result, elapsed_ms }).await
    }

    /// Takes the lock before the first step that changes services. An emergency stop needs none.
    async fn take_lock(
        &self,
        ledger: &Ledger,
        request: &Request,
        step: &Step,
    ) -> Result<Result<(), String>, EngineError> {
        if step.access != Access::Mutating || request.action == Action::EmergencyStop {
            return Ok(Ok(()));
        }
        ledger.acquire_lock(self.ports.liveness.me(), request.actor.clone(), request.action).await
    }

    async fn attempts(
        &self,
        ledger: &Arc<Ledger>,
        request: &Arc<Request>,
        plan: &Arc<Plan>,
        step: &Step,
        cancel: &Cancel,
    ) -> Result<StepResult, EngineError> {
        let stage = self
            .stages
            .get(&step.id)
            .or_else(|| self.built_in.get(&step.kind))
            .ok_or_else(|| EngineError::NoStage { step: step.id.to_string(), kind: step.kind.to_string() })?;
        let context = StageContext {
            ledger: Arc::clone(ledger),
            request: Arc::clone(request),
            plan: Arc::clone(plan),
            step: Arc::new(step.clone()),
            // The report is written also when somebody asked the run to end.
            cancel: if step.access == Access::Reporting { CancellationToken::new() } else { cancel.token() },
        };
        let mut attempt = 1;
        loop {
            ledger.commit(EventKind::StepStarted { step: step.id.clone(), attempt }).await?;
            let error = match self.attempt(stage.as_ref(), &context, cancel).await {
                Ok(outcome) => return Ok(StepResult::Ended(outcome)),
                Err(error) => error,
            };
            let (run, _) = self.state(ledger).await?;
            let left = evidence_of(&run, step).max(error.left);
            let again = step.access == Access::ReadOnly
                && error.retryable
                && left == LeftBehind::NoChange
                && attempt < step.attempts
                && cancel.signal().is_none();
            if !again {
                return Ok(StepResult::Failed(Failure { message: error.message, left, unmeasured: error.unmeasured }));
            }
            attempt += 1;
            let delay_ms = backoff_ms(attempt);
            let reason = error.message;
            ledger.notice(&Notice::Retrying { step: step.id.clone(), attempt, delay_ms, reason });
            self.ledger.clock.sleep(Duration::from_millis(delay_ms)).await;
        }
    }

    async fn attempt(&self, stage: &dyn Stage, context: &StageContext, cancel: &Cancel) -> Result<Outcome, StageError> {
        let limit = Duration::from_millis(context.step.timeout_ms);
        let work = AssertUnwindSafe(stage.run(context)).catch_unwind();
        tokio::select! {
            biased;
            result = work => match result {
                Ok(result) => result,
                Err(panic) => Err(StageError::unknown(format!("the stage panicked: {}", panic_words(&*panic)))),
            },
            // By the machine's clock also under a virtual one: it guards against a stage that hangs for real.
            () = tokio::time::sleep(limit) => {
                Err(StageError::unmeasured(format!("it did not end within {} s", limit.as_secs())))
            }
            () = cancel.ended(context.step.access) => {
                Err(StageError::unmeasured("it was asked to end and did not do so in time".to_owned()))
            }
        }
    }

    async fn finish(&self, ledger: &Ledger, verdict: Verdict, reason: String) -> Result<RunResult, EngineError> {
        let (verdict, reason) = unless_alone(ledger, verdict, reason).await;
        let (mut run, environment) = self.state(ledger).await?;
        run.verdict = Some((verdict, reason.clone()));
        let (operational_status, status_reasons) =
            crate::status::current_status(&run, &environment, &self.ports.status, self.now());
        if environment.lock.as_ref().is_some_and(|lock| lock.run == run.run) {
            ledger.record(EventKind::LockReleased {}).await;
        }
        ledger.commit(EventKind::RunFinished { verdict, reason, operational_status, status_reasons }).await?;
        let (run, environment) = self.state(ledger).await?;
        let report = Report::of(&run, &environment, &self.ports.status);
        Ok(RunResult { run, environment, report })
    }
}

/// What a stop says when every other run sees its latch.
const LATCH_IS_SET: &str = ", and the stop latch is set";

/// A verdict that is durable nowhere but here is one that somebody has to know of, beginning with the report.
async fn unless_alone(ledger: &Ledger, verdict: Verdict, reason: String) -> (Verdict, String) {
    let stops = ledger.stops().await;
    match ledger.why_detached().await {
        Some(why) if !reason.contains(&why) => {
            let what = match (stops, ledger.latch_is_shared().await) {
                (true, false) if ledger.latch_is_kept_here().await => "latch not shared, this machine alone keeps it",
                (true, false) => "latch not shared, and nothing keeps a run from beginning",
                _ => "how the run went on is not in the journal",
            };
            (Verdict::NeedsOperator, format!("{reason}; {what}: {why}"))
        }
        None if stops && verdict == Verdict::Succeeded && !reason.contains(LATCH_IS_SET) => {
            (verdict, format!("{reason}{LATCH_IS_SET}"))
        }
        _ => (verdict, reason),
    }
}

/// What the effects of a step show, whatever its stage claims.
fn evidence_of(run: &RunState, step: &Step) -> LeftBehind {
    let effects = run.effects.values().filter(|effect| effect.step == step.id && !effect.operation.tells());
    effects.fold(LeftBehind::NoChange, |left, effect| {
        left.max(match () {
            () if effect.is_unknown() => LeftBehind::Unknown,
            () if effect.may_have_changed() => LeftBehind::Changed,
            () => LeftBehind::NoChange,
        })
    })
}

/// Doubles with each attempt, up to 30 s; between half and the whole of it, so that many do not come at once.
fn backoff_ms(attempt: u32) -> u64 {
    let full = 250_u64.saturating_mul(1 << attempt.min(10)).min(30_000);
    rand::rng().random_range(full / 2..=full)
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words")
}
