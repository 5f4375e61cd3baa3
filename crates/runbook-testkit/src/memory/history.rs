//! A history in memory: every sample for good, every figure computed anew from them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use runbook_core::{
    Bucket, EnvironmentId, Health, Latency, Quantiles, RunId, Series, ServiceId,
    event::Head,
    ports::{History, HistoryError, Look, Sample, SeriesQuery},
};

const MINUTE: i128 = 60_000_000_000;

type Place = (EnvironmentId, ServiceId);

/// A history that lives as long as its last clone: clones are other processes that look at the same place. It keeps
/// everything for good, evidence too, and its quantiles are exact (nearest rank).
///
/// ```
/// use jiff::Timestamp;
/// use runbook_core::{Health, Reading, ports::{History, Sample}};
/// use runbook_testkit::MemoryHistory;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let history = MemoryHistory::new();
/// let sample = Sample {
///     environment: "staging".parse().unwrap(),
///     service: "api".parse().unwrap(),
///     at: Timestamp::UNIX_EPOCH,
///     reading: Reading::new(Health::Healthy, "GET / → 200"),
///     maintenance: false,
/// };
/// history.record(std::slice::from_ref(&sample)).await.unwrap();
/// assert_eq!(history.recorded(), [sample.clone()]);
///
/// history.fail(Some("the disk is full"));
/// assert!(history.record(&[sample]).await.is_err());
/// # });
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryHistory {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    samples: BTreeMap<Place, BTreeMap<Timestamp, Sample>>,
    looks: BTreeMap<Place, BTreeMap<(Timestamp, RunId), Look>>,
    learned: BTreeMap<EnvironmentId, Head>,
    failure: Option<String>,
}

impl MemoryHistory {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every call fail with these words, or work again.
    pub fn fail(&self, message: Option<&str>) {
        self.lock().failure = message.map(str::to_owned);
    }

    /// Every sample, by environment, service and time.
    pub fn recorded(&self) -> Vec<Sample> {
        self.lock().samples.values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Every look that was learned, by environment, service and time.
    pub fn looks(&self) -> Vec<Look> {
        self.lock().looks.values().flat_map(BTreeMap::values).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn working(&self) -> Result<MutexGuard<'_, Shared>, HistoryError> {
        let shared = self.lock();
        match &shared.failure {
            Some(message) => Err(HistoryError::new(message.clone())),
            None => Ok(shared),
        }
    }
}

#[async_trait]
impl History for MemoryHistory {
    async fn record(&self, samples: &[Sample]) -> Result<(), HistoryError> {
        let mut shared = self.working()?;
        for sample in samples {
            let place = (sample.environment.clone(), sample.service.clone());
            shared.samples.entry(place).or_default().entry(sample.at).or_insert_with(|| sample.clone());
        }
        Ok(())
    }

    async fn learn(&self, environment: &EnvironmentId, looks: &[Look], head: &Head) -> Result<(), HistoryError> {
        let mut shared = self.working()?;
        for look in looks {
            let place = (environment.clone(), look.judgement.service.clone());
            let looks = shared.looks.entry(place).or_default();
            if let Entry::Vacant(place) = looks.entry((look.judgement.at, look.run)) {
                place.insert(look.clone());
            }
        }
        shared.learned.insert(environment.clone(), *head);
        Ok(())
    }

    async fn learned(&self, environment: &EnvironmentId) -> Result<Option<Head>, HistoryError> {
        Ok(self.working()?.learned.get(environment).copied())
    }

    async fn samples(
        &self,
        environment: &EnvironmentId,
        service: &ServiceId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Sample>, HistoryError> {
        let shared = self.working()?;
        let Some(samples) = shared.samples.get(&(environment.clone(), service.clone())) else { return Ok(Vec::new()) };
        let newest = samples.range(since..).rev().take(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut samples: Vec<Sample> = newest.map(|(_, sample)| sample.clone()).collect();
        samples.reverse();
        Ok(samples)
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Series, HistoryError> {
        let (from, to, width) = frame(query)?;
        let place = (query.environment.clone(), query.service.clone());
        let mut minutes: BTreeMap<i128, Minute> = BTreeMap::new();
        let shared = self.working()?;
        for (at, sample) in shared.samples.get(&place).into_iter().flatten() {
            minutes.entry(minute_of(*at)).or_default().sample(sample);
        }
        for ((at, _), look) in shared.looks.get(&place).into_iter().flatten() {
            let minute = minutes.entry(minute_of(*at)).or_default();
            if !minute.has_samples {
                minute.look(look);
            }
        }
        let bucket = |start: i128, end: i128| {
            let asked = u32::try_from(end - start).unwrap_or(u32::MAX);
            let start_at = Timestamp::from_nanosecond(start * MINUTE);
            let start_at = start_at.map_err(|_| HistoryError::new("a series begins too early"))?;
            Ok(summed(Bucket::empty(start_at, asked), minutes.range(start..end).map(|(_, minute)| minute)))
        };
        let mut buckets = Vec::new();
        let mut start = from;
        while start < to {
            buckets.push(bucket(start, to.min(start + width))?);
            start += width;
        }
        let total = bucket(from, to)?;
        let service = query.service.clone();
        Ok(Series { service, from: total.start, to: query.to, width_minutes: query.width_minutes, buckets, total })
    }

    async fn compact(&self, _: Timestamp) -> Result<(), HistoryError> {
        self.working().map(drop)
    }
}

fn minute_of(at: Timestamp) -> i128 {
    at.as_nanosecond().div_euclid(MINUTE)
}

/// From which minute, to which, and how many a bucket has.
fn frame(query: &SeriesQuery) -> Result<(i128, i128, i128), HistoryError> {
    let width = i128::from(query.width_minutes);
    if width != 1 && (width == 0 || width % 60 != 0) {
        return Err(HistoryError::new(format!("a bucket of {width} minutes is neither a minute nor whole hours")));
    }
    if query.to <= query.from {
        return Err(HistoryError::new("a series must end after its beginning"));
    }
    let from = minute_of(query.from).div_euclid(width) * width;
    let to = (query.to.as_nanosecond() + MINUTE - 1).div_euclid(MINUTE);
    if (to - from) / width > 100_000 {
        return Err(HistoryError::new("a series of more than 100,000 buckets"));
    }
    Ok((from, to, width))
}

/// What is known of one minute.
#[derive(Debug, Default)]
struct Minute {
    has_samples: bool,
    maintenance: bool,
    measured: u32,
    good: u32,
    samples: u64,
    unhealthy: u64,
    degraded: u64,
    unknown: u64,
    /// Each latency with how many samples had it.
    latencies: Vec<(f64, u64)>,
}

impl Minute {
    fn sample(&mut self, sample: &Sample) {
        self.has_samples = true;
        self.maintenance |= sample.maintenance;
        self.measure(sample.reading.health);
        self.count(sample.reading.health, 1);
        self.samples += 1;
        self.latencies.extend(sample.reading.latency_ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map(|ms| (ms, 1)));
    }

    /// A look is one measurement. What its failures were it does not say: they count as what was concluded of them.
    fn look(&mut self, look: &Look) {
        let judgement = &look.judgement;
        self.maintenance |= judgement.maintenance.is_some();
        if judgement.samples > 0 {
            self.measure(judgement.by_samples());
        }
        let failures = u64::from(judgement.failures.min(judgement.samples));
        let health = judgement.by_samples();
        self.count(if health == Health::Healthy { Health::Unknown } else { health }, failures);
        self.samples += u64::from(judgement.samples);
        if let Some(Latency { p50, p95, samples }) = judgement.latency_ms {
            let lower = u64::from(samples.div_ceil(2));
            self.latencies.extend([(p50, lower), (p95, u64::from(samples) - lower)]);
        }
    }

    fn measure(&mut self, health: Health) {
        self.measured += u32::from(health != Health::Unknown);
        self.good += u32::from(matches!(health, Health::Healthy | Health::Degraded));
    }

    fn count(&mut self, health: Health, samples: u64) {
        match health {
            Health::Healthy => {}
            Health::Degraded => self.degraded += samples,
            Health::Unhealthy => self.unhealthy += samples,
            Health::Unknown => self.unknown += samples,
        }
    }
}

fn summed<'a>(mut bucket: Bucket, minutes: impl Iterator<Item = &'a Minute>) -> Bucket {
    let mut latencies = Vec::new();
    for minute in minutes {
        if minute.maintenance {
            bucket.maintenance += 1;
        } else if minute.measured > 0 {
            bucket.observed += 1;
            bucket.up += f64::from(minute.good) / f64::from(minute.measured);
        }
        bucket.samples += minute.samples;
        bucket.unhealthy += minute.unhealthy;
        bucket.degraded += minute.degraded;
        bucket.unknown += minute.unknown;
        latencies.extend(&minute.latencies);
    }
    bucket.latency_ms = quantiles(latencies);
    bucket
}

fn quantiles(mut latencies: Vec<(f64, u64)>) -> Option<Quantiles> {
    latencies.sort_by(|one, other| one.0.total_cmp(&other.0));
    let samples: u64 = latencies.iter().map(|(_, count)| count).sum();
    let at = |percent: u64| {
        let rank = (samples * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = latencies.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        found.map(|(ms, _)| *ms)
    };
    Some(Quantiles { p50: at(50)?, p95: at(95)?, p99: at(99)?, samples })
}
