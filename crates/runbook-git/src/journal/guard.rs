//! What keeps the processes of this machine apart while they append, and what makes an append last.
//!
//! The kernel holds the lock (flock(2)), so that it ends with its holder, however that ends. What a killed process may
//! leave is git's own lock file beside a ref; it is cleared away by whoever holds the lock here.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use git2::{ErrorCode, Oid, Repository};

use super::store::StoreError;

/// The longest that another process of this machine is waited for; an append takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);
/// Git holds the lock of a ref for the writing of a few bytes. One that is older than this was left behind.
const STALE: Duration = Duration::from_secs(2);

/// Leave to move the refs of one environment's journal; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Guard {
    _file: File,
}

impl Guard {
    /// Takes it, waiting for whoever has it.
    pub(super) fn take(repository: &Repository, name: &str) -> Result<Self, StoreError> {
        let folder = repository.commondir().join("runbook");
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.lock", name.replace('/', "-")));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                    let limit = PATIENCE.as_secs();
                    let why = format!("another process has been appending for {limit} s");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why).into());
                }
                Err(TryLockError::WouldBlock) => pause(),
            }
        }
    }

    /// Moves a ref from `old` to `new`, when it still is there.
    pub(super) fn set(
        &self,
        repository: &Repository,
        name: &str,
        new: Oid,
        old: Option<Oid>,
    ) -> Result<(), StoreError> {
        let begun = Instant::now();
        loop {
            let moved = match old {
                Some(old) => repository.reference_matching(name, new, true, old, "runbook"),
                None => repository.reference(name, new, false, "runbook"),
            };
            let error = match moved {
                Ok(_) => break,
                Err(error) => error,
            };
            match error.code() {
                // Somebody who does not ask for the guard, such as a fetch by hand.
                ErrorCode::Modified | ErrorCode::Exists => return Err(StoreError::Moved),
                ErrorCode::Locked if begun.elapsed() <= PATIENCE => {
                    clear_stale(&repository.commondir().join(format!("{name}.lock")))?;
                    pause();
                }
                _ => return Err(error.into()),
            }
        }
        let path = repository.commondir().join(name);
        let folder = path.parent().map(File::open).transpose()?;
        sync([File::open(&path)?].into_iter().chain(folder).collect())
    }
}

/// Syncs objects that were just written, so that a power cut cannot take them; one that is in a pack lies there already.
pub(super) fn sync_objects(repository: &Repository, objects: &[Oid]) -> Result<(), StoreError> {
    let all = repository.commondir().join("objects");
    let (mut files, mut folders) = (Vec::new(), vec![all.clone()]);
    for object in objects {
        let digits = object.to_string();
        let folder = all.join(&digits[..2]);
        match File::open(folder.join(&digits[2..])) {
            Ok(file) => files.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        }
        folders.push(folder);
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        files.push(File::open(folder)?);
    }
    sync(files)
}

/// Syncs a few files and folders, all at once: the file system makes one transaction of what is asked for together.
fn sync(files: Vec<File>) -> Result<(), StoreError> {
    thread::scope(|scope| {
        let running: Vec<_> = files.iter().map(|file| scope.spawn(|| file.sync_all())).collect();
        let lost = || io::Error::other("a thread that syncs broke off");
        running.into_iter().try_for_each(|ended| Ok(ended.join().map_err(|_| lost())??))
    })
}

/// Removes a lock file that no living git holds.
fn clear_stale(path: &Path) -> Result<(), StoreError> {
    let age = match fs::metadata(path) {
        Ok(metadata) => age(&metadata),
        Err(_) => return Ok(()),
    };
    if age > STALE {
        tracing::warn!(path = %path.display(), "removed a lock file that a killed process had left");
        fs::remove_file(path)?;
    }
    Ok(())
}

#[allow(
    clippy::disallowed_methods,
    reason = "the age of a file is told by the machine's clock, whatever the run's says"
)]
fn age(metadata: &fs::Metadata) -> Duration {
    let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    SystemTime::now().duration_since(written).unwrap_or_default()
}

#[allow(clippy::disallowed_methods, reason = "this runs on a thread for blocking work, under a deadline")]
fn pause() {
    thread::sleep(PAUSE);
}
