//! The stage `baseline`: takes the latency of what is about to be changed, so that it can be compared afterwards.
//!
//! It never stands in the way: a service that is down before a deploy is one more reason to deploy.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;

use super::NoSettings;
use crate::{
    engine::StageContext,
    plan::{Access, PlannedService, stage_kind},
    ports::{Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    words::{Baseline, Health, Live, Outcome},
};

/// Takes baselines.
#[derive(Debug)]
pub struct BaselineStage {
    ports: Ports,
}

impl StageDefinition for BaselineStage {
    const KIND: &'static str = stage_kind::BASELINE;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for BaselineStage {
    fn access(&self) -> Access {
        Access::ReadOnly
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        if cx.plan().watch.baseline_ms == 0 {
            return Ok(Outcome::Skipped("no baseline is asked for".to_owned()));
        }
        let changing: Vec<&PlannedService> = cx
            .plan()
            .changing()
            .map(|(service, _)| service)
            .filter(|service| service.live != Live::Stopped && !self.ports.observer.is_blind(&service.id))
            .filter(|service| !self.ports.runs_on.contains_key(&service.id))
            .collect();
        if changing.is_empty() {
            return Ok(Outcome::Skipped("nothing that is about to be changed can be measured before".to_owned()));
        }
        let taken = join_all(changing.into_iter().map(|service| self.take(cx, service))).await;
        let bad: Vec<&str> = taken
            .iter()
            .filter(|baseline| baseline.failures * 2 > baseline.samples)
            .map(|baseline| baseline.service.as_str())
            .collect();
        let outcome = if bad.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Warned(format!("{} was not healthy before the change", bad.join(", ")))
        };
        cx.baseline(taken).await;
        if let Err(error) = self.ports.observer.flush().await {
            cx.progress(format!("the history was not kept: {error}"));
        }
        Ok(outcome)
    }
}

impl BaselineStage {
    async fn take(&self, cx: &StageContext, service: &PlannedService) -> Baseline {
        let observer = &self.ports.observer;
        let watch = cx.plan().watch;
        let begun = cx.now();
        let window = Duration::from_millis(watch.baseline_ms);
        let mut baseline = Baseline {
            service: service.id.clone(),
            release: service.live.release().cloned(),
            samples: 0,
            failures: 0,
            latencies_us: Vec::new(),
            at: begun,
        };
        while !cx.is_cancelled() {
            let reading = tokio::select! {
                reading = observer.sample(&service.id) => reading,
                () = cx.cancelled() => break,
            };
            baseline.at = cx.now();
            baseline.samples += 1;
            baseline.failures += u32::from(reading.health != Health::Healthy);
            if let Some(ms) = reading.answered_ms() {
                baseline.latencies_us.push((ms * 1e3).round().clamp(0.0, f64::from(u32::MAX)) as u32);
            }
            cx.sampled(&service.id, &reading);
            if let Err(error) = observer.keep(&service.id, baseline.at, &reading).await {
                cx.progress(format!("the history was not kept: {error}"));
            }
            if cx.now().duration_since(begun).unsigned_abs() >= window {
                break;
            }
            tokio::select! {
                () = cx.clock().sleep(Duration::from_millis(watch.baseline_interval_ms.max(1))) => {}
                () = cx.cancelled() => {}
            }
        }
        baseline
    }
}
