//! `kind = "disk-space"`: how much room the file system of a path has left, as `df` counts it.
//!
//! What could not be measured is an error, and so unknown: a path that is missing, a file system that counts nothing, one
//! that does not answer. Whether a reading is believed, repeated or acted upon is not decided here.

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use runbook_core::{
    Health, Reading,
    config::Period,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Scope},
};
use rustix::fs::StatVfs;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::Semaphore;

/// What a file system can run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// Room for data.
    #[default]
    Bytes,
    /// Room for files and folders.
    Inodes,
}

/// The keys of a `disk-space` probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskSpaceSettings {
    /// A file or folder of the file system, relative to `runbook.toml`.
    pub path: PathBuf,
    /// What is counted; by default bytes.
    #[serde(default)]
    pub of: Counted,
    /// With fewer percent free than this it is unhealthy.
    #[serde(default = "five_percent")]
    pub at_least: f64,
    /// With fewer percent free than this it is degraded; by default there is no such mark.
    pub degrade_below: Option<f64>,
    /// How long the file system may take to answer.
    #[serde(default = "five_seconds")]
    pub timeout: Period,
}

fn five_percent() -> f64 {
    5.0
}

fn five_seconds() -> Period {
    Period::secs(5)
}

/// Asks a file system how much room it has left, once. Kind `disk-space`; see [`DiskSpaceSettings`] for its keys.
///
/// A system call cannot be taken back. So a probe has one turn, which the call itself holds: a file system that hangs,
/// such as one on a server that is gone, keeps one thread and no more, however often it is asked and however many samples
/// are dropped.
#[derive(Debug)]
pub struct DiskSpace {
    /// As it was written, for evidence.
    shown: String,
    path: PathBuf,
    of: Counted,
    at_least: f64,
    degrade_below: Option<f64>,
    timeout: Duration,
    out_of_reach: Option<String>,
    turn: Arc<Semaphore>,
}

impl ProbeDefinition for DiskSpace {
    const KIND: &'static str = "disk-space";
    type Settings = DiskSpaceSettings;

    fn build(settings: DiskSpaceSettings, scope: &Scope) -> Result<Self, BuildError> {
        let DiskSpaceSettings { path, of, at_least, degrade_below, timeout } = settings;
        if path.as_os_str().is_empty() {
            return Err(BuildError::key("path", "it must name a file or a folder"));
        }
        if !is_share(at_least) {
            return Err(BuildError::key("at_least", "expected a percentage above 0 and up to 100"));
        }
        if degrade_below.is_some_and(|below| !is_share(below) || below <= at_least) {
            return Err(BuildError::key("degrade_below", "expected a percentage above `at_least` and up to 100"));
        }
        if timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        Ok(Self {
            shown: path.display().to_string(),
            path: scope.root.join(path),
            of,
            at_least,
            degrade_below,
            timeout: timeout.0,
            // Then this disk is not the service's either.
            out_of_reach: scope.service.as_ref().and_then(|service| service.out_of_reach.clone()),
            turn: Arc::new(Semaphore::new(1)),
        })
    }
}

/// `nan`, which TOML knows, is none.
fn is_share(percent: f64) -> bool {
    percent > 0.0 && percent <= 100.0
}

#[async_trait]
impl Probe for DiskSpace {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        if let Some(why) = &self.out_of_reach {
            return Err(ProbeError::new(why.clone()));
        }
        match tokio::time::timeout(self.timeout, self.look()).await {
            Ok(room) => self.judge(room?),
            Err(_) => Err(ProbeError::new(format!("{} did not answer within {:?}", self.shown, self.timeout))),
        }
    }

    fn limit(&self) -> Duration {
        // A moment more, so that the probe itself can say what did not answer.
        self.timeout + Duration::from_secs(1)
    }
}

impl DiskSpace {
    async fn look(&self) -> Result<Room, ProbeError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|error| self.failed(error))?;
        let (path, of) = (self.path.clone(), self.of);
        let looked = tokio::task::spawn_blocking(move || {
            let found = rustix::fs::statvfs(&path).map(|found| Room::of(&found, of));
            drop(turn);
            found
        });
        looked.await.map_err(|error| self.failed(error))?.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: impl Error + Send + Sync + 'static) -> ProbeError {
        ProbeError { message: format!("failed to look at {}", self.shown), source: Some(Box::new(error)) }
    }

    fn judge(&self, room: Room) -> Result<Reading, ProbeError> {
        let Some(percent) = room.percent_free() else {
            let counts = room.counts();
            return Err(ProbeError::new(format!("the file system of {} does not count its {counts}", self.shown)));
        };
        let (health, mark) = if percent < self.at_least {
            (Health::Unhealthy, format!("; expected at least {} %", self.at_least))
        } else if let Some(below) = self.degrade_below.filter(|below| percent < *below) {
            (Health::Degraded, format!("; degraded below {below} %"))
        } else {
            (Health::Healthy, String::new())
        };
        // No latency: how fast this was says nothing of how fast the service is.
        Ok(Reading::new(health, format!("{}: {percent:.2} % of {} free{mark}", self.shown, room.counts())))
    }
}

/// How much room there is, in whatever is counted.
#[derive(Debug, Clone, Copy)]
struct Room {
    of: Counted,
    free: u64,
    /// Free and used; what only the superuser may use is neither.
    all: u64,
}

impl Room {
    fn of(found: &StatVfs, of: Counted) -> Self {
        let (free, all, with_reserved) = match of {
            Counted::Bytes => (found.f_bavail, found.f_blocks, found.f_bfree),
            Counted::Inodes => (found.f_favail, found.f_files, found.f_ffree),
        };
        Self { of, free, all: all.saturating_sub(with_reserved).saturating_add(free) }
    }

    /// `None`: it counts nothing, and nothing is not "0 % free".
    fn percent_free(self) -> Option<f64> {
        (self.all > 0).then(|| self.free as f64 * 100.0 / self.all as f64)
    }

    fn counts(self) -> &'static str {
        match self.of {
            Counted::Bytes => "bytes",
            Counted::Inodes => "inodes",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn probe() -> DiskSpace {
        DiskSpace {
            shown: "data".to_owned(),
            path: "data".into(),
            of: Counted::Bytes,
            at_least: 5.0,
            degrade_below: Some(15.0),
            timeout: Duration::from_millis(50),
            out_of_reach: None,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    #[test]
    fn figures_are_judged_by_both_marks() {
        for (free, health, says) in [
            (400, Health::Healthy, "data: 40.00 % of bytes free"),
            (150, Health::Healthy, "data: 15.00 % of bytes free"),
            (149, Health::Degraded, "data: 14.90 % of bytes free; degraded below 15 %"),
            (50, Health::Degraded, "data: 5.00 % of bytes free; degraded below 15 %"),
            (49, Health::Unhealthy, "data: 4.90 % of bytes free; expected at least 5 %"),
            (0, Health::Unhealthy, "data: 0.00 % of bytes free; expected at least 5 %"),
        ] {
            let reading = probe().judge(Room { of: Counted::Bytes, free, all: 1_000 }).unwrap();
            assert_eq!((reading.health, reading.evidence.as_str()), (health, says));
        }
    }

    #[test]
    fn a_file_system_that_counts_nothing_is_unknown() {
        let error = probe().judge(Room { of: Counted::Inodes, free: 0, all: 0 }).unwrap_err();
        assert_eq!(error.message, "the file system of data does not count its inodes");
    }

    /// As with a call that hangs: it has the turn, and nobody waits for ever.
    #[tokio::test]
    async fn a_file_system_that_does_not_answer_is_unknown() {
        let probe = probe();
        let turn = Arc::clone(&probe.turn).acquire_owned().await.unwrap();
        assert_eq!(probe.sample().await.unwrap_err().message, "data did not answer within 50ms");
        drop(turn);
        assert_eq!(probe.sample().await.unwrap_err().message, "failed to look at data", "it is missing");
    }
}
