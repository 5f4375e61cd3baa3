//! The stage `monitor` (and the step `verify`): watches every service for the planned window, or looks once.
//!
//! After a change it ends early when a changed service is confirmed unhealthy, when the run is fenced or stopped, and
//! when somebody asks it to end; what was not watched to the end is never called complete.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{
    NoSettings,
    judgement::{Conclusion, conclude},
};
use crate::{
    engine::{StageContext, with_causes},
    plan::{Access, PlannedService, Watch, stage_kind},
    ports::{DeployError, Sample, Stage, StageError},
    registry::{BuildError, BuiltProbe, Ports, StageDefinition},
    state::EnvironmentState,
    words::{Health, Judgement, LeftBehind, Live, Outcome, Reading, ServiceId},
};

/// How long a deployer may take to say what is live, at the end of a watch.
const LIVE_DEADLINE: Duration = Duration::from_secs(15);

/// Watches services.
#[derive(Debug)]
pub struct Monitor {
    ports: Ports,
}

impl StageDefinition for Monitor {
    const KIND: &'static str = stage_kind::MONITOR;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

/// The samples of one service, and whether its window ran to the end.
struct Watched {
    conclusion: Conclusion,
    complete: bool,
    at: Timestamp,
}

#[async_trait]
impl Stage for Monitor {
    fn access(&self) -> Access {
        Access::ReadOnly
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let run = cx.run_state().await?;
        let changed: Vec<ServiceId> = run.changed_services().into_iter().cloned().collect();
        let early = CancellationToken::new();
        let watches = cx.plan().services.iter().map(|service| {
            let is_changed = changed.contains(&service.id);
            self.watch(cx, service, is_changed, &early)
        });
        let ended = CancellationToken::new();
        let guard = async {
            if !changed.is_empty() {
                self.guard(cx, &early, &ended).await;
            }
        };
        let all = async {
            let watched = join_all(watches).await;
            ended.cancel();
            watched
        };
        let (watched, ()) = tokio::join!(all, guard);
        let environment = cx.environment_state().await?;
        let mut judgements = Vec::new();
        for (service, watched) in cx.plan().services.iter().zip(watched) {
            judgements.push(self.judge(cx, service, watched, &environment).await);
        }
        let outcome = outcome(&judgements);
        cx.judged(judgements).await;
        Ok(outcome)
    }
}

impl Monitor {
    /// Ends the watch when this run may no longer change anything.
    async fn guard(&self, cx: &StageContext, early: &CancellationToken, ended: &CancellationToken) {
        tokio::select! {
            () = ended.cancelled() => {}
            refusal = cx.overtaken() => {
                cx.progress(format!("the watch ends early: {refusal}"));
                early.cancel();
            }
        }
    }

    async fn watch(
        &self,
        cx: &StageContext,
        service: &PlannedService,
        changed: bool,
        early: &CancellationToken,
    ) -> Watched {
        let watch = cx.plan().watch;
        let probes = self.ports.probes.get(&service.id).map(Vec::as_slice).unwrap_or_default();
        let mut samples: Vec<Reading> = Vec::new();
        if watch.window_ms > 0 && changed {
            self.startup(cx, service, probes, watch, early).await;
        }
        let begun = cx.now();
        let end = after(begun, watch.window_ms);
        let mut at = begun;
        let mut complete = false;
        // Past the end of the window only to confirm what the newest samples hint at.
        let most = after(end, watch.interval_ms.saturating_mul(u64::from(watch.confirm) * 4).max(1_000));
        while !early.is_cancelled() && !cx.is_cancelled() {
            let Some(reading) = self.sample(cx, service, probes, early).await else { break };
            at = cx.now();
            samples.push(reading);
            let conclusion = conclude(&samples, watch.confirm);
            if conclusion.health == Health::Unhealthy && changed {
                cx.progress(format!("{}: confirmed unhealthy: {}", service.id, conclusion.evidence));
                early.cancel();
                break;
            }
            let over = cx.now() >= end;
            // One look is bounded by its samples: a probe that hangs takes long for each.
            let spent =
                if watch.window_ms == 0 { samples.len() >= 3 * watch.confirm as usize } else { cx.now() >= most };
            if over && (!conclusion.unconfirmed || spent) {
                // A machine that slept through most of the window has not watched it.
                let watched_ms = (samples.len() as u64).saturating_mul(watch.interval_ms);
                complete = watch.window_ms > 0 && watched_ms.saturating_mul(2) >= watch.window_ms;
                break;
            }
            tokio::select! {
                () = cx.clock().sleep(Duration::from_millis(pause_ms(watch))) => {}
                () = early.cancelled() => {}
                () = cx.cancelled() => {}
            }
        }
        let mut conclusion = conclude(&samples, watch.confirm);
        // A window that ended early is no window: what was seen of it is told, and proves nothing but a fault.
        if watch.window_ms > 0 && !complete && conclusion.health != Health::Unhealthy {
            let watched = cx.now().duration_since(begun).as_millis();
            conclusion.evidence =
                format!("watched for {watched} of {} ms only; {}", watch.window_ms, conclusion.evidence);
            conclusion.health = Health::Unknown;
        }
        Watched { conclusion, complete, at }
    }

    /// Lets a service come up: until its first healthy sample, or until its time for that is over.
    async fn startup(
        &self,
        cx: &StageContext,
        service: &PlannedService,
        probes: &[BuiltProbe],
        watch: Watch,
        early: &CancellationToken,
    ) {
        let end = after(cx.now(), watch.startup_ms);
        let pause = Duration::from_millis(watch.interval_ms.min(250));
        while cx.now() < end && !early.is_cancelled() && !cx.is_cancelled() {
            match self.sample(cx, service, probes, early).await {
                Some(reading) if reading.health == Health::Healthy => return,
                Some(_) => {}
                None => return,
            }
            tokio::select! {
                () = cx.clock().sleep(pause) => {}
                () = early.cancelled() => {}
                () = cx.cancelled() => {}
            }
        }
    }

    /// One sample of a service: the worst of its probes. `None` when the watch ended meanwhile.
    async fn sample(
        &self,
        cx: &StageContext,
        service: &PlannedService,
        probes: &[BuiltProbe],
        early: &CancellationToken,
    ) -> Option<Reading> {
        let reading = tokio::select! {
            reading = sample(probes) => reading,
            () = early.cancelled() => return None,
            () = cx.cancelled() => return None,
        };
        cx.sampled(&service.id, &reading);
        if let Some(history) = &self.ports.history {
            let sample = Sample {
                environment: cx.request().environment.clone(),
                service: service.id.clone(),
                at: cx.now(),
                reading: reading.clone(),
                maintenance: false,
            };
            if let Err(error) = history.record(&[sample]).await {
                cx.progress(format!("{}: the history was not kept: {error}", service.id));
            }
        }
        Some(reading)
    }

    /// What the samples mean, together with what the deployer says is live: an answer from an address proves little
    /// when the process that should give it is gone.
    async fn judge(
        &self,
        cx: &StageContext,
        service: &PlannedService,
        watched: Watched,
        environment: &EnvironmentState,
    ) -> Judgement {
        let Conclusion { mut health, samples, failures, latency, mut evidence, .. } = watched.conclusion;
        let known = environment.service(&service.id).map(|state| state.live.clone()).unwrap_or_default();
        let mut release = known.release().cloned();
        if let Some(deployer) = self.ports.deployers.get(&service.id) {
            let asked = tokio::time::timeout(LIVE_DEADLINE, deployer.live(&service.id)).await.unwrap_or_else(|_| {
                let limit = LIVE_DEADLINE.as_secs();
                Err(DeployError::new(LeftBehind::NoChange, format!("it did not answer within {limit} s")))
            });
            if let Ok(found) = &asked
                && *found != Live::Unknown
                && *found != known
            {
                cx.found(service.id.clone(), found.clone()).await;
            }
            match (asked, &known) {
                (Ok(Live::Release(live)), Live::Release(expected)) if !live.same_as(expected) => {
                    health = health.worst(Health::Unhealthy);
                    evidence = format!("{live} is live instead of {expected}; {evidence}");
                    release = Some(live);
                }
                (Ok(Live::Release(live)), _) => release = Some(live),
                (Ok(Live::Stopped), Live::Release(expected)) => {
                    health = health.worst(Health::Unhealthy);
                    evidence = format!("{expected} is not running; {evidence}");
                    release = None;
                }
                (Ok(Live::Stopped), _) => release = None,
                (Ok(Live::Unknown), _) => {}
                (Err(error), _) => {
                    health = health.worst(Health::Unknown);
                    evidence = format!("what is live could not be asked: {}; {evidence}", with_causes(&error));
                    release = None;
                }
            }
        }
        Judgement {
            release,
            complete: watched.complete,
            samples,
            failures,
            latency_ms: latency,
            ..Judgement::new(service.id.clone(), health, evidence, watched.at)
        }
    }
}

/// One sample: all probes at once, the worst counts.
pub(crate) async fn sample(probes: &[BuiltProbe]) -> Reading {
    let readings = join_all(probes.iter().map(|built| async {
        built.probe.sample().await.unwrap_or_else(|error| {
            Reading::unknown(format!("{}: {}", built.kind, with_causes(&error)))
        })
    }))
    .await;
    let worst = readings.into_iter().reduce(|a, b| if a.health.worst(b.health) == a.health { a } else { b });
    worst.unwrap_or_else(|| Reading::unknown("no probe is configured"))
}

fn outcome(judgements: &[Judgement]) -> Outcome {
    let bad: Vec<String> = judgements
        .iter()
        .filter(|judgement| judgement.health != Health::Healthy)
        .map(|judgement| format!("{} is {}", judgement.service, judgement.health))
        .collect();
    if bad.is_empty() { Outcome::Passed } else { Outcome::Warned(bad.join(", ")) }
}

/// Between half and the whole of the pause when it confirms outside of a window, so that many do not come at once.
fn pause_ms(watch: Watch) -> u64 {
    use rand::RngExt;
    if watch.window_ms > 0 {
        watch.interval_ms
    } else {
        rand::rng().random_range(watch.interval_ms / 2..=watch.interval_ms)
    }
}

fn after(at: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    at.checked_add(SignedDuration::from_millis(ms)).unwrap_or(Timestamp::MAX)
}
