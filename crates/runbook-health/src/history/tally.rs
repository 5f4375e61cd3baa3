//! What the samples of a stretch of time add up to: what roll-ups are made of and what buckets are read from.

use jiff::Timestamp;
use runbook_core::Bucket;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{bins::Bins, fault::Fault};

/// The figures of a [`Bucket`], still to be added to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) observed: i64,
    pub(super) up: f64,
    pub(super) maintenance: i64,
    pub(super) samples: i64,
    pub(super) unhealthy: i64,
    pub(super) degraded: i64,
    pub(super) unknown: i64,
    pub(super) bins: Bins,
}

impl Tally {
    /// Adds the columns of a row that are named as the fields are, with `bins`, `least` and `most`.
    pub(super) fn add_row(&mut self, row: &SqliteRow) -> Result<(), Fault> {
        self.observed += row.try_get::<i64, _>("observed")?;
        self.up += row.try_get::<f64, _>("up")?;
        self.maintenance += row.try_get::<i64, _>("maintenance")?;
        self.samples += row.try_get::<i64, _>("samples")?;
        self.unhealthy += row.try_get::<i64, _>("unhealthy")?;
        self.degraded += row.try_get::<i64, _>("degraded")?;
        self.unknown += row.try_get::<i64, _>("unknown")?;
        if let Some(text) = row.try_get::<Option<&str>, _>("bins")? {
            let bound = |column: &str| -> Result<u32, Fault> {
                u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| Fault::Unreadable("a latency"))
            };
            let (least, most) = (bound("least")?, bound("most")?);
            self.bins.add_text(text, least, most).ok_or(Fault::Unreadable("latencies"))?;
        }
        Ok(())
    }

    /// Adds another one.
    pub(super) fn add(&mut self, other: &Self) {
        self.observed += other.observed;
        self.up += other.up;
        self.maintenance += other.maintenance;
        self.samples += other.samples;
        self.unhealthy += other.unhealthy;
        self.degraded += other.degraded;
        self.unknown += other.unknown;
        self.bins.add_all(&other.bins);
    }

    /// As the words say it.
    pub(super) fn bucket(&self, start: Timestamp, minutes: u32) -> Bucket {
        let few = |count: i64| u32::try_from(count).unwrap_or_default();
        let many = |count: i64| u64::try_from(count).unwrap_or_default();
        Bucket {
            observed: few(self.observed),
            up: self.up,
            maintenance: few(self.maintenance),
            samples: many(self.samples),
            unhealthy: many(self.unhealthy),
            degraded: many(self.degraded),
            unknown: many(self.unknown),
            latency_ms: self.bins.quantiles(),
            ..Bucket::empty(start, minutes)
        }
    }
}
