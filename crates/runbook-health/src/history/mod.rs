//! The history of readings in one SQLite file, which several processes may write at once: [`SqliteHistory`].
//!
//! It implements [`History`](runbook_core::ports::History). It is a projection: what is lost of it comes back from the
//! journal as far as the journal knows, and what nobody kept is unobserved, never up. It decides nothing and draws
//! nothing.
//!
//! # What is kept
//!
//! | table | a row | for how long, see [`Retention`] |
//! | --- | --- | --- |
//! | `sample` | one reading | `raw` |
//! | `rollup` of width 1, 60, 1440 | what the samples of one minute, hour, day (UTC) add up to | `minutes`, `hours`, `days` |
//! | `look` | what the journal says of one service after one run | `days` |
//! | `learned` | how far the journal of an environment was taken in | for good |
//!
//! # What a minute is
//!
//! - A minute with a sample in maintenance is a minute of maintenance, whatever else was measured in it.
//! - Any other minute with a measurement (healthy, degraded or unhealthy) is observed, and up by the share of those
//!   measurements that are healthy or degraded. A certificate warning is degraded, so it is up.
//! - Every other minute is unobserved.
//! - A look counts in the minute of its last sample, as one measurement: its conclusion. It counts only where no sample of
//!   that minute is or was kept; and not as a measurement when it concluded unknown or rests on no sample.
//! - A look does not say what its failures were. They count as what was concluded of them: unhealthy or degraded; and as
//!   unknown where it concluded healthy or unknown.
//!
//! Adding up changes none of these figures, so a series is the same before and after it. What is dropped by age is
//! unobserved from then on.
//!
//! # Latency
//!
//! Latencies are kept as the bins of a [DDSketch](https://arxiv.org/abs/1908.10693), which can be added up over any
//! stretch of time: a quantile is the nearest rank among the samples, with a relative error of at most 1 %; the fastest and
//! the slowest sample are exact, so that the quantiles of one sample are that sample. Of a look only p50 and p95 are
//! known: half of its samples count as p50, the others as p95. So alone it answers these two exactly and no p99 above its
//! p95; beside others it is an approximation.
//!
//! # Questions finer than what is kept
//!
//! Hours cannot answer minutes, and days cannot answer hours: what is kept only in rows that are wider than a bucket, or
//! that reach past the end of the question, is unobserved in the answer, in its total too. Nothing is spread over time by
//! guessing. Within the retention of a level every multiple of its width is answered in full.

mod bins;
mod compact;
mod fault;
mod file;
mod learn;
mod minutes;
mod record;
mod retention;
mod samples;
mod schema;
mod series;
mod sqlite;
mod tally;

pub use retention::{Keep, Retention};
pub use sqlite::SqliteHistory;
