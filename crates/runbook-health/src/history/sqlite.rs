//! The port on top of the file: each call within a deadline, each failure in words.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use runbook_core::{
    EnvironmentId, Series, ServiceId,
    event::Head,
    ports::{History, HistoryError, Look, Sample, SeriesQuery},
};
use tokio::time::Instant;

use super::{
    compact::{STEP, Step},
    fault::Fault,
    file::HistoryFile,
    learn,
    minutes::minute_of,
    record::{self, ROWS},
    retention::Retention,
    samples, series,
};

/// How long adding up goes on before it leaves the rest to the next call.
const COMPACTING: Duration = Duration::from_secs(4);

/// The history in `history.sqlite` of the state directory.
///
/// Nothing is opened before the first call, and a call that only reads makes no file. Every call has a deadline of 5
/// seconds (of a long journal each 2,000 looks); a dropped one is rolled back or was done. Several values and several processes may use one file at a time.
///
/// - A sample or a look is kept to the nanosecond, its latencies to the microsecond, the end of its certificate to the
///   second. Evidence is kept of unhealthy samples only: 200 characters, without control characters.
/// - A sample of a minute that was added up already is left out: it could not be told whether it was counted.
/// - A file that is damaged is moved to `history.sqlite.corrupt-<time>`. The call that met it says so as an error, once;
///   the next one begins a new file.
/// - A file that a newer runbook wrote is left as it is.
/// - A process that is killed leaves the file whole, with all that it was told is kept. A power cut may take the newest
///   calls with it, never the file.
///
/// # What a minute is
///
/// - A minute with a sample in maintenance is a minute of maintenance, whatever else was measured in it.
/// - Any other minute with a measurement (healthy, degraded or unhealthy) is observed, and up by the share of those
///   measurements that are healthy or degraded. A certificate warning is degraded, so it is up.
/// - Every other minute is unobserved.
/// - A look counts in the minute of its last sample, as one measurement: its conclusion. It counts only where no sample of
///   that minute is or was kept; and not as a measurement when it concluded unknown or rests on no sample.
/// - A look does not say what its failures were. They count as what was concluded of them: unhealthy or degraded; and as
///   unknown where it concluded healthy or unknown.
///
/// Adding up changes none of these figures, so a series is the same before and after it. What is dropped by age is
/// unobserved from then on.
///
/// # Latency
///
/// Latencies are kept as the bins of a [DDSketch](https://arxiv.org/abs/1908.10693), which can be added up over any
/// stretch of time: a quantile is the nearest rank among the samples, with a relative error of at most 1 %; the fastest and
/// the slowest sample are exact, so that the quantiles of one sample are that sample. Of a look only p50 and p95 are
/// known: half of its samples count as p50, the others as p95. So alone it answers these two within that error, and no p99
/// above its p95; beside others it is an approximation.
///
/// # Questions finer than what is kept
///
/// Hours cannot answer minutes, and days cannot answer hours: what is kept only in rows that are wider than a bucket, or
/// that reach past the end of the question, is unobserved in the answer, in its total too. Nothing is spread over time by
/// guessing. Within the retention of a level every multiple of its width is answered in full.
///
/// # Example
///
/// ```
/// use jiff::Timestamp;
/// use runbook_core::ports::{History, SeriesQuery};
/// use runbook_health::{Retention, SqliteHistory};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let state = tempfile::tempdir()?;
/// let history = SqliteHistory::open(state.path(), Retention::default());
/// let from: Timestamp = "2026-05-01T00:00:00Z".parse()?;
/// let query = SeriesQuery {
///     environment: "staging".parse()?,
///     service: "api".parse()?,
///     from,
///     to: "2026-05-02T00:00:00Z".parse()?,
///     width_minutes: 60,
/// };
/// let series = history.series(&query).await?;
/// assert_eq!((series.buckets.len(), series.total.coverage()), (24, 0.0), "nobody looked, and it says so");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteHistory {
    file: HistoryFile,
    retention: Retention,
}

impl SqliteHistory {
    /// A history in this directory. It is opened by the first call that needs it, and made by the first that writes.
    pub fn open(state_dir: &Path, retention: Retention) -> Self {
        Self { file: HistoryFile::new(state_dir.join("history.sqlite")), retention }
    }

    /// Waits until what is under way has ended and closes the file; a later call opens it again. Without it nothing is
    /// lost either.
    pub async fn close(&self) {
        self.file.close().await;
    }
}

#[async_trait]
impl History for SqliteHistory {
    async fn record(&self, samples: &[Sample]) -> Result<(), HistoryError> {
        if samples.is_empty() {
            return Ok(());
        }
        let work = async { record::record(&self.file.writable().await?, samples).await };
        self.file.call("written", work).await
    }

    async fn learn(&self, environment: &EnvironmentId, looks: &[Look], head: &Head) -> Result<(), HistoryError> {
        // A long journal takes many transactions. The head goes with the last: until then the next call begins again, and
        // what is there already counts once.
        let mut chunks = looks.chunks(ROWS).peekable();
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let last = chunks.peek().is_none();
            let work =
                async { learn::learn(&self.file.writable().await?, environment, chunk, last.then_some(head)).await };
            self.file.call("written", work).await?;
            if last {
                return Ok(());
            }
        }
    }

    async fn learned(&self, environment: &EnvironmentId) -> Result<Option<Head>, HistoryError> {
        let work = async {
            match self.file.readable().await? {
                Some(pool) => learn::learned(&pool, environment).await,
                None => Ok(None),
            }
        };
        self.file.call("read", work).await
    }

    async fn samples(
        &self,
        environment: &EnvironmentId,
        service: &ServiceId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Sample>, HistoryError> {
        let work = async {
            match self.file.readable().await? {
                Some(pool) => samples::samples(&pool, environment, service, since, limit).await,
                None => Ok(Vec::new()),
            }
        };
        self.file.call("read", work).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Series, HistoryError> {
        let work = async { series::series(self.file.readable().await?.as_ref(), query).await };
        self.file.call("read", work).await
    }

    /// As the port says. What does not fit into 4 seconds is left to the next call; no figure depends on it.
    async fn compact(&self, now: Timestamp) -> Result<(), HistoryError> {
        let ends = self.retention.ends(minute_of(now));
        let until = Instant::now() + COMPACTING;
        let work = async {
            let Some(pool) = self.file.readable().await? else { return Ok::<_, Fault>(()) };
            for step in Step::ALL {
                while step.take(&pool, ends, STEP).await? {
                    if Instant::now() >= until {
                        return Ok(());
                    }
                }
            }
            Ok(())
        };
        self.file.call("added up", work).await
    }
}
