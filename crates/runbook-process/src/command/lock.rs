//! The lock that a command of the owner's holds while it changes a service, and keeps when its starter is killed.

use std::{
    fs::{self, File},
    io,
    os::{fd::OwnedFd, unix::fs::FileExt},
    path::{Path, PathBuf},
    time::Duration,
};

use runbook_core::{EnvironmentId, ServiceId};
use tokio::time::Instant;

use crate::{
    files::{FileLock, holders, is_held, prepare_state_dir},
    procfs,
};

/// How often a lock that another command holds is tried again.
const POLL: Duration = Duration::from_millis(50);
/// The longest note that is read: a process id and a start time.
const NOTE_BYTES: usize = 64;

/// `commands/<environment>/<service>.lock` in the state directory.
///
/// The command inherits a descriptor of the locked file, so the lock outlives a starter that is killed. A starter that
/// sees the command end unlocks it for everyone: what the command leaves running in the background, such as the
/// service itself, holds it no longer. After the death of a starter nobody does that; so the file notes which process
/// the command is, and a lock whose command is over is not waited for.
#[derive(Debug, Clone)]
pub(crate) struct CommandLock {
    state_dir: PathBuf,
    path: PathBuf,
}

impl CommandLock {
    pub(crate) fn new(state_dir: &Path, environment: &EnvironmentId, service: &ServiceId) -> Self {
        let path = state_dir.join("commands").join(environment.as_str()).join(format!("{service}.lock"));
        Self { state_dir: state_dir.to_owned(), path }
    }

    /// Whether a command is at work.
    pub(crate) fn is_at_work(&self) -> io::Result<bool> {
        match is_held(&self.path) {
            Ok(held) => Ok(held && !self.is_command_over()),
            // Where there is no state directory, no command took a lock in it.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The process ids of whoever is at work, where the system tells: `(pid 17)`.
    pub(crate) fn at_work(&self) -> String {
        let pids: Vec<String> = holders(&self.path).iter().map(|holder| holder.pid.to_string()).collect();
        if pids.is_empty() { String::new() } else { format!(" (pid {})", pids.join(", ")) }
    }

    /// Takes the lock for a command that is about to start; `None` when another was at work for all of `limit`.
    pub(crate) async fn take_within(&self, limit: Duration) -> io::Result<Option<HeldLock>> {
        prepare_state_dir(&self.state_dir).map_err(io::Error::other)?;
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let deadline = Instant::now() + limit;
        loop {
            if let Some(lock) = self.try_take()? {
                return Ok(Some(lock));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn try_take(&self) -> io::Result<Option<HeldLock>> {
        // Those who want to take it do so one at a time: none removes a file that another has just locked.
        let Some(_taking) = FileLock::try_exclusive(&self.path.with_extension("take"))? else { return Ok(None) };
        let mut lock = FileLock::try_exclusive(&self.path)?;
        if lock.is_none() && self.is_command_over() {
            fs::remove_file(&self.path)?;
            lock = FileLock::try_exclusive(&self.path)?;
        }
        // The note of a command before would say that this one is over.
        if let Some(file) = lock.as_ref().and_then(FileLock::file) {
            file.set_len(0)?;
        }
        Ok(lock.map(HeldLock))
    }

    /// Whether the command that is noted is provably over; without a note nothing is proven.
    fn is_command_over(&self) -> bool {
        let Some((pid, start_time)) = self.noted() else { return false };
        match procfs::stat(pid) {
            Ok(stat) => stat.is_over() || stat.start_time != start_time,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn noted(&self) -> Option<(u32, u64)> {
        let mut note = [0; NOTE_BYTES];
        let length = File::open(&self.path).ok()?.read_at(&mut note, 0).ok()?;
        let (pid, start_time) = std::str::from_utf8(&note[..length]).ok()?.trim_end().split_once(' ')?;
        Some((pid.parse().ok()?, start_time.parse().ok()?))
    }
}

/// The lock, held; dropping it unlocks it for the command too, and for whatever that has left running.
#[derive(Debug)]
pub(crate) struct HeldLock(FileLock);

impl HeldLock {
    /// A copy for the command to inherit.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        let file = self.0.file().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(file.try_clone()?.into())
    }

    /// Notes which process the command is. Without the note, the lock alone says that it is at work.
    pub(super) fn note(&self, pid: u32) {
        if let (Some(file), Ok(stat)) = (self.0.file(), procfs::stat(pid))
            && let Err(error) = file.write_all_at(format!("{pid} {}\n", stat.start_time).as_bytes(), 0)
        {
            tracing::warn!(%error, "failed to note which process a command is");
        }
    }
}
