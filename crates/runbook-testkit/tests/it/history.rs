//! The history in memory keeps the contract, and the suite finds histories that do not.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use runbook_core::{
    EnvironmentId, Health, Series, ServiceId,
    event::Head,
    ports::{History, HistoryError, Look, Sample, SeriesQuery},
};
use runbook_testkit::{MemoryHistory, conformance};

#[tokio::test]
async fn the_history_in_memory_conforms() {
    let history = MemoryHistory::new();
    conformance::history(async || history.clone()).await;
}

#[tokio::test]
async fn the_history_in_memory_fails_on_order() {
    let history = MemoryHistory::new();
    let environment: EnvironmentId = "staging".parse().unwrap();
    history.fail(Some("the disk is full"));
    for error in [
        history.record(&[]).await.unwrap_err(),
        history.learned(&environment).await.unwrap_err(),
        history.learn(&environment, &[], &Head::EMPTY).await.unwrap_err(),
        history.compact(Timestamp::UNIX_EPOCH).await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "the disk is full");
    }
    history.fail(None);
    assert_eq!(history.learned(&environment).await.unwrap(), None, "what failed must not have happened");
    assert!(history.recorded().is_empty() && history.looks().is_empty());
}

/// One way to break the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    UnknownIsDown,
    MaintenanceIsDown,
    DegradedIsDown,
    CountsTwice,
    LooksOnTop,
    AnswersAnything,
    RoundsNothing,
    ForgetsWhenAddingUp,
    ForgetsTheHead,
    OldestFirstWins,
}

/// A history with a flaw.
#[derive(Debug, Clone)]
struct Flawed {
    inner: MemoryHistory,
    flaw: Flaw,
    count: Arc<AtomicI64>,
    compacted: Arc<AtomicBool>,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Self { inner: MemoryHistory::new(), flaw, count: Arc::default(), compacted: Arc::default() }
    }
}

#[async_trait]
impl History for Flawed {
    async fn record(&self, samples: &[Sample]) -> Result<(), HistoryError> {
        let mut samples = samples.to_vec();
        for sample in &mut samples {
            match (self.flaw, sample.reading.health) {
                (Flaw::UnknownIsDown, Health::Unknown) => sample.reading.health = Health::Unhealthy,
                (Flaw::DegradedIsDown, Health::Degraded) if !sample.maintenance => {
                    sample.reading.health = Health::Unhealthy;
                }
                (Flaw::MaintenanceIsDown, Health::Unhealthy) => sample.maintenance = false,
                // The first of its kind is kept as it is.
                (Flaw::CountsTwice, _) if self.inner.recorded().iter().any(|known| known.at == sample.at) => {
                    let nanos = self.count.fetch_add(1, Ordering::SeqCst) + 1;
                    sample.at = sample.at.checked_add(SignedDuration::from_nanos(nanos)).unwrap();
                }
                _ => {}
            }
        }
        self.inner.record(&samples).await
    }

    async fn learn(&self, environment: &EnvironmentId, looks: &[Look], head: &Head) -> Result<(), HistoryError> {
        let mut looks = looks.to_vec();
        if self.flaw == Flaw::LooksOnTop {
            for look in &mut looks {
                look.judgement.at = look.judgement.at.checked_sub(SignedDuration::from_mins(1)).unwrap();
            }
        }
        self.inner.learn(environment, &looks, head).await
    }

    async fn learned(&self, environment: &EnvironmentId) -> Result<Option<Head>, HistoryError> {
        let head = self.inner.learned(environment).await?;
        Ok(head.filter(|_| self.flaw != Flaw::ForgetsTheHead))
    }

    async fn samples(
        &self,
        environment: &EnvironmentId,
        service: &ServiceId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Sample>, HistoryError> {
        if self.flaw == Flaw::OldestFirstWins {
            let mut all = self.inner.samples(environment, service, since, u32::MAX).await?;
            all.truncate(usize::try_from(limit).unwrap());
            return Ok(all);
        }
        self.inner.samples(environment, service, since, limit).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Series, HistoryError> {
        if self.flaw == Flaw::ForgetsWhenAddingUp && self.compacted.load(Ordering::SeqCst) {
            return MemoryHistory::new().series(query).await;
        }
        let mut query = query.clone();
        if self.flaw == Flaw::AnswersAnything {
            query.width_minutes = if query.width_minutes == 90 { 60 } else { query.width_minutes };
        }
        let mut series = self.inner.series(&query).await?;
        if self.flaw == Flaw::RoundsNothing {
            series.from = query.from;
        }
        Ok(series)
    }

    async fn compact(&self, now: Timestamp) -> Result<(), HistoryError> {
        self.compacted.store(true, Ordering::SeqCst);
        self.inner.compact(now).await
    }
}

/// What the suite says about a broken implementation.
async fn complaint(suite: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(suite).catch_unwind().await.expect_err("a broken promise must be found");
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap()
}

#[tokio::test]
async fn broken_promises_are_found() {
    for (flaw, promise) in [
        (Flaw::UnknownIsDown, "the share of what was measured"),
        (Flaw::MaintenanceIsDown, "neither observed nor up"),
        (Flaw::DegradedIsDown, "a degraded minute is up"),
        (Flaw::CountsTwice, "the same sample twice must count once"),
        (Flaw::LooksOnTop, "each look is one measurement of its minute"),
        (Flaw::AnswersAnything, "by 90 minutes must be refused"),
        (Flaw::RoundsNothing, "from when it is"),
        (Flaw::ForgetsWhenAddingUp, "must not change a day"),
        (Flaw::ForgetsTheHead, "how far the journal was taken in"),
        (Flaw::OldestFirstWins, "must keep the newest"),
    ] {
        let history = Flawed::new(flaw);
        let said = complaint(conformance::history(async || history.clone())).await;
        assert!(said.contains(promise), "{flaw:?}: {said}");
    }
    // A second handle that looks somewhere else: nothing is there for others.
    let said = complaint(conformance::history(async || MemoryHistory::new())).await;
    assert!(said.contains("another process must see"), "{said}");
}
