//! One service's folder on this machine: its lock, its record, its log.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use runbook_core::{EnvironmentId, Redactor, ServiceId};
use tokio::time::Instant;

use super::record::Record;
use crate::{
    command::{Stream, Tail},
    files::{FileLock, is_held, prepare_state_dir, write_atomically},
};

/// A log that is longer is put aside when the service starts.
const LOG_LIMIT: u64 = 10 * 1024 * 1024;
/// How much of the log's end is looked at for the last lines.
const LOG_TAIL: u64 = 64 * 1024;
/// How often the lock is looked at while the service is expected to end.
const POLL: Duration = Duration::from_millis(15);

/// `services/<environment>/<service>/` in the state directory.
///
/// A running service holds an exclusive flock(2) on `alive.lock` through a descriptor that it inherited. The kernel
/// gives it back when the last process that has the descriptor is gone, so the lock is the truth about being alive,
/// whatever the record says and whoever has the process id now.
#[derive(Debug, Clone)]
pub(super) struct Home {
    state_dir: PathBuf,
    folder: PathBuf,
}

impl Home {
    pub(super) fn new(state_dir: &Path, environment: &EnvironmentId, service: &ServiceId) -> Self {
        let folder = state_dir.join("services").join(environment.as_str()).join(service.as_str());
        Self { state_dir: state_dir.to_owned(), folder }
    }

    /// Makes the folder.
    pub(super) fn prepare(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        prepare_state_dir(&self.state_dir)?;
        fs::create_dir_all(&self.folder)?;
        Ok(())
    }

    /// The lock that a running service holds.
    pub(super) fn alive_lock(&self) -> PathBuf {
        self.folder.join("alive.lock")
    }

    /// The lock that whoever changes the service holds.
    pub(super) fn deploy_lock(&self) -> PathBuf {
        self.folder.join("deploy.lock")
    }

    /// The service's standard output and error.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("output.log")
    }

    /// Where the log is, from the state directory on: this goes into a journal that others read.
    pub(super) fn log_for_people(&self) -> String {
        let log = self.log();
        log.strip_prefix(&self.state_dir).unwrap_or(&log).display().to_string()
    }

    fn record_path(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// Whether the service is alive, by the lock.
    pub(super) fn is_alive(&self) -> io::Result<bool> {
        is_held(&self.alive_lock())
    }

    /// Keeps everybody from changing the service while it is looked at; `None` when somebody is changing it now.
    pub(super) fn keep_still(&self) -> io::Result<Option<FileLock>> {
        FileLock::try_shared_if_any(&self.deploy_lock())
    }

    /// Waits until the service is down; `false` when it is still alive after `limit`. `between` is called before each
    /// look.
    pub(super) async fn is_down_within(&self, limit: Duration, mut between: impl FnMut()) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            between();
            if !self.is_alive()? {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What is remembered of the service.
    pub(super) fn record(&self) -> io::Result<Option<Record>> {
        match fs::read(self.record_path()) {
            Ok(bytes) => {
                let record: Record = serde_json::from_slice(&bytes)?;
                if record.schema != Record::SCHEMA {
                    let problem = format!("its schema is {:?}, and not {:?}", record.schema, Record::SCHEMA);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
                }
                Ok(Some(record))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers, durably.
    pub(super) fn remember(&self, record: &Record) -> io::Result<()> {
        write_atomically(&self.record_path(), &serde_json::to_vec_pretty(record)?)
    }

    /// Takes the lock that says that the service is alive, to hand it to the service.
    pub(super) async fn take_alive_lock(&self) -> io::Result<Option<FileLock>> {
        // The service is known to be down; only somebody who asks may hold it, for a moment.
        FileLock::exclusive_within(&self.alive_lock(), Duration::from_secs(2)).await
    }

    /// Opens the log for a service that starts; one that is too long becomes `output.1.log`. Returns its length too.
    pub(super) fn open_log(&self) -> io::Result<(File, u64)> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT) {
            fs::rename(&path, self.folder.join("output.1.log"))?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    /// The last lines of the log after `start`, redacted.
    pub(super) fn log_tail(&self, start: u64, redactor: &Redactor) -> Vec<String> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.log())?;
            let from = file.metadata()?.len().saturating_sub(LOG_TAIL);
            file.seek(SeekFrom::Start(start.max(from)))?;
            let mut bytes = Vec::new();
            file.take(LOG_TAIL).read_to_end(&mut bytes)?;
            if from > start {
                // The first line may begin in the middle of a secret.
                let whole = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |end| end + 1);
                bytes.drain(..whole);
            }
            Ok(bytes)
        };
        let mut tail = Tail::new(redactor);
        // Without a log there are no last lines; the error that they would stand in is told either way.
        tail.push(Stream::Out, &read().unwrap_or_default());
        tail.finish().0
    }
}
