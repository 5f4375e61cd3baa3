//! The journal as one file per environment: the port, its lock, and what is kept between two calls.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use runbook_core::{
    EnvironmentId,
    event::{Encoded, Head, Stored},
    ports::{Journal, JournalError},
    state::EnvironmentState,
};

use super::store::{self, Mark, Position};
use crate::files::{FileLock, prepare_state_dir};

/// The longest that another process is waited for. An append takes milliseconds; the kernel gives the lock back when
/// its holder ends, however it ends.
const LOCK_DEADLINE: Duration = Duration::from_secs(10);

/// `journal/<environment>.jsonl` in the state directory: a line per event.
///
/// Appends of several processes are kept apart by flock(2) on a sibling `.lock` file. Before a batch is written, that
/// file notes where it begins; whoever finds the note cuts the batch off again, because it was never acknowledged. So
/// a batch is there whole or not at all after a SIGKILL at any moment.
///
/// An append returns once the events are synced (`fdatasync`): they survive a power cut as far as the disk keeps its
/// word. What a power cut may leave is the beginning of a batch that was never acknowledged, whose last line is torn:
/// the torn line is cut off, the lines before it are whole events and stay.
///
/// File work runs on tokio's blocking threads, since syncing a slow disk must not hold up probes. A dropped future
/// does not stop an append that has begun.
#[derive(Debug, Clone)]
pub struct FileJournal {
    state_dir: PathBuf,
    path: PathBuf,
    lock: PathBuf,
    /// The last place that was read or written, so that a replay reads only what is new.
    known: Arc<Mutex<Position>>,
}

impl FileJournal {
    /// The journal of an environment. Touches nothing; a journal without a file is empty.
    pub fn open(state_dir: impl Into<PathBuf>, environment: &EnvironmentId) -> Self {
        let state_dir = state_dir.into();
        let folder = state_dir.join("journal");
        Self {
            path: folder.join(format!("{environment}.jsonl")),
            lock: folder.join(format!("{environment}.lock")),
            state_dir,
            known: Arc::new(Mutex::new(Position::START)),
        }
    }

    fn unreachable(
        &self,
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> JournalError {
        JournalError::Unreachable { doing, place: self.place(), source: source.into() }
    }

    fn lock_result(&self, lock: io::Result<Option<FileLock>>) -> Result<FileLock, JournalError> {
        lock.map_err(|error| self.unreachable("lock", error))?.ok_or_else(|| {
            let limit = LOCK_DEADLINE.as_secs();
            self.unreachable("lock", format!("another process held its lock for {limit} s; see who has it open"))
        })
    }

    /// Runs file work on a blocking thread, with what is known of the file; the lock is held until it is done.
    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Path, &mut Position) -> Result<T, store::StoreError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (path, known) = (self.path.clone(), Arc::clone(&self.known));
        let done = tokio::task::spawn_blocking(move || {
            // A panic leaves a position that is checked against the file like any other.
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            work(&path, &mut known)
        });
        match done.await {
            Ok(result) => result.map_err(|error| match error {
                store::StoreError::Io(source) => self.unreachable(doing, source),
                store::StoreError::Chain(source) => JournalError::Damaged { place: self.place(), source },
                store::StoreError::Conflict(actual) => JournalError::Conflict { actual },
            }),
            Err(error) => Err(self.unreachable(doing, error)),
        }
    }
}

#[async_trait]
impl Journal for FileJournal {
    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        let lock = match FileLock::shared_within(&self.lock, LOCK_DEADLINE).await {
            // Nobody has ever written here, or the journal was brought here without its lock, to be read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            lock => Some(self.lock_result(lock)?),
        };
        self.blocking("read", move |path, known| {
            let end = Mark::read(lock.as_ref())?;
            let replayed = store::replay(path, known, after, end);
            drop(lock);
            replayed
        })
        .await
    }

    async fn append(&self, batch: &Encoded, expected: Head, _: &EnvironmentState) -> Result<(), JournalError> {
        prepare_state_dir(&self.state_dir).map_err(|error| self.unreachable("append to", error))?;
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| self.unreachable("append to", error))?;
        }
        let lock = self.lock_result(FileLock::exclusive_within(&self.lock, LOCK_DEADLINE).await)?;
        let batch = batch.clone();
        self.blocking("append to", move |path, known| {
            let appended = store::append(path, known, &lock, &batch, expected);
            drop(lock);
            appended
        })
        .await
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}
