//! Locks between processes: flock(2) on an open file. The kernel holds them, so they end with their last holder and
//! cannot be forgotten on disk.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use tokio::time::Instant;

/// How often a lock that somebody else holds is tried again.
const POLL: Duration = Duration::from_millis(15);

/// A held lock; dropping it unlocks. It also excludes other holders in this same process.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: Option<File>,
}

impl FileLock {
    /// Takes the lock for writing, unless somebody holds it. Makes the file where it is missing.
    pub(crate) fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Self::take(file, FlockOperation::NonBlockingLockExclusive)
    }

    /// Takes the lock for reading, unless a writer holds it. A missing file is an error of that kind.
    pub(crate) fn try_shared(path: &Path) -> io::Result<Option<Self>> {
        Self::take(File::open(path)?, FlockOperation::NonBlockingLockShared)
    }

    /// The same, but a missing file is locked by nobody, and stays missing.
    pub(crate) fn try_shared_if_any(path: &Path) -> io::Result<Option<Self>> {
        match Self::try_shared(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Self { file: None })),
            lock => lock,
        }
    }

    /// Takes the lock for writing, waiting up to `limit`; `None` when somebody held it all the time.
    pub(crate) async fn exclusive_within(path: &Path, limit: Duration) -> io::Result<Option<Self>> {
        Self::within(limit, || Self::try_exclusive(path)).await
    }

    /// Takes the lock for reading, waiting up to `limit`; `None` when a writer held it all the time.
    pub(crate) async fn shared_within(path: &Path, limit: Duration) -> io::Result<Option<Self>> {
        Self::within(limit, || Self::try_shared(path)).await
    }

    async fn within(limit: Duration, take: impl Fn() -> io::Result<Option<Self>>) -> io::Result<Option<Self>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(lock) = take()? {
                return Ok(Some(lock));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn take(file: File, operation: FlockOperation) -> io::Result<Option<Self>> {
        match flock(&file, operation) {
            Ok(()) => Ok(Some(Self { file: Some(file) })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The locked file, for a short note in it.
    pub(crate) fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    /// Gives the lock away as a descriptor: it is held until the last copy of the descriptor is closed.
    pub(crate) fn into_descriptor(mut self) -> Option<OwnedFd> {
        self.file.take().map(OwnedFd::from)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Said and not left to close(2): a child between its fork and its exec still holds a copy of the descriptor.
        if let Some(file) = &self.file {
            let _ = flock(file, FlockOperation::Unlock);
        }
    }
}

/// Whether somebody holds the lock for writing. Asking takes it for reading for a moment, so that those who ask never
/// take one another for a holder. A missing file is held by nobody.
pub(crate) fn is_held(path: &Path) -> io::Result<bool> {
    Ok(FileLock::try_shared_if_any(path)?.is_none())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[tokio::test]
    async fn a_lock_excludes_and_ends_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        assert!(!is_held(&path).unwrap(), "a missing file is held by nobody");
        let lock = FileLock::try_exclusive(&path).unwrap().unwrap();
        assert!(is_held(&path).unwrap());
        assert!(FileLock::exclusive_within(&path, Duration::from_millis(40)).await.unwrap().is_none());
        drop(lock);
        assert!(!is_held(&path).unwrap());
        assert!(FileLock::exclusive_within(&path, Duration::ZERO).await.unwrap().is_some());
    }

    #[test]
    fn those_who_ask_do_not_take_one_another_for_a_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        drop(FileLock::try_exclusive(&path).unwrap());
        let asking = FileLock::try_shared(&path).unwrap().unwrap();
        assert!(!is_held(&path).unwrap());
        drop(asking);
    }
}
