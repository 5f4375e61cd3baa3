//! The journal's bytes: reading what is new, mending what a crash left, appending. The caller holds the lock.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use runbook_core::event::{ChainError, Encoded, Head, Stored, verify};

use crate::files::{FileLock, sync_folder};

/// A place between two events: how many bytes lie before it, and the head there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    offset: u64,
    head: Head,
}

impl Position {
    pub(super) const START: Self = Self { offset: 0, head: Head::EMPTY };
}

#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("the head is another one")]
    Conflict(Head),
}

/// The note in the lock file: where a batch begins that is being written. No note: nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    /// The note that the holder of the lock finds; its writer is gone then, because it would hold the lock.
    pub(super) fn read(lock: Option<&FileLock>) -> io::Result<Option<Self>> {
        let Some(file) = lock.and_then(FileLock::file) else { return Ok(None) };
        let mut note = [0; 8];
        match file.read_exact_at(&mut note, 0) {
            Ok(()) => Ok(Some(Self(u64::from_le_bytes(note)))),
            // Shorter: the note itself was not finished, so nothing was written after it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(self, lock: &FileLock) -> io::Result<()> {
        lock.file().map_or(Ok(()), |file| file.write_all_at(&self.0.to_le_bytes(), 0))
    }

    /// Synced, so that no power cut brings back a note about a batch that was acknowledged.
    fn clear(lock: &FileLock) -> io::Result<()> {
        lock.file().map_or(Ok(()), |file| file.set_len(0).and_then(|()| file.sync_data()))
    }
}

/// The events after `after`, up to the note, and the head that they lead to.
pub(super) fn replay(
    path: &Path,
    known: &mut Position,
    after: Head,
    end: Option<Mark>,
) -> Result<(Vec<Stored>, Head), StoreError> {
    let file = match File::open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if known.head != after {
        *known = Position::START;
    }
    let mut events = read_from(file.as_ref(), known, end)?;
    if events.start == after {
        return Ok((events.stored, events.head));
    }
    // From the very beginning: `after` must be a place on the way.
    let place = events.stored.iter().position(|stored| stored.event.seq == after.seq + 1);
    let met = match place.map(|place| &events.stored[place].event) {
        Some(next) => next.prev == after.digest,
        None => events.head == after,
    };
    if !met {
        return Err(ChainError::Broken { seq: after.seq }.into());
    }
    let rest = place.map_or_else(Vec::new, |place| events.stored.split_off(place));
    Ok((rest, events.head))
}

/// Appends a batch when the head still is `expected`.
pub(super) fn append(
    path: &Path,
    known: &mut Position,
    lock: &FileLock,
    batch: &Encoded,
    expected: Head,
) -> Result<(), StoreError> {
    let is_new = !path.try_exists()?;
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if let (true, Some(folder)) = (is_new, path.parent()) {
        sync_folder(folder)?;
    }
    if let Some(Mark(begin)) = Mark::read(Some(lock))? {
        if file.metadata()?.len() > begin {
            tracing::warn!(path = %path.display(), "cut off a batch of events that was never finished");
            truncate(&file, begin)?;
        }
        Mark::clear(lock)?;
    }
    read_from(Some(&file), known, None)?;
    if known.head != expected {
        return Err(StoreError::Conflict(known.head));
    }
    // What stands behind the last line feed is a line that a power cut has torn; nobody was told that it is there.
    if file.metadata()?.len() > known.offset {
        truncate(&file, known.offset)?;
    }
    let mut bytes = Vec::new();
    for line in &batch.lines {
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }
    Mark(known.offset).write(lock)?;
    file.seek(SeekFrom::Start(known.offset))?;
    let written = file.write_all(&bytes).and_then(|()| file.sync_data());
    if written.is_err() {
        // A full disk, most likely. Should this fail too, the note stays, and the next writer cuts the batch off.
        truncate(&file, known.offset)?;
    }
    Mark::clear(lock)?;
    written?;
    *known = Position { offset: known.offset + bytes.len() as u64, head: batch.head };
    Ok(())
}

fn truncate(file: &File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.sync_data()
}

/// What was read, and from which head on.
struct Events {
    start: Head,
    stored: Vec<Stored>,
    head: Head,
}

/// Reads and checks whole lines from the known place on, and moves it behind them.
fn read_from(file: Option<&File>, known: &mut Position, end: Option<Mark>) -> Result<Events, StoreError> {
    let length = file.map_or(Ok(0), |file| file.metadata().map(|metadata| metadata.len()))?;
    let length = end.map_or(length, |Mark(begin)| length.min(begin));
    if length < known.offset {
        // Somebody replaced the file; what it holds now is read from its beginning.
        *known = Position::START;
    }
    let mut bytes = Vec::new();
    if let Some(mut file) = file {
        file.seek(SeekFrom::Start(known.offset))?;
        file.take(length - known.offset).read_to_end(&mut bytes)?;
    }
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let text = std::str::from_utf8(&bytes[..whole]).map_err(|error| {
        let lines = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() as u64;
        let source = serde::de::Error::custom("it is not UTF-8");
        ChainError::Unreadable { seq: known.head.seq + lines + 1, source }
    })?;
    let start = known.head;
    let (stored, head) = verify(text.lines(), start)?;
    *known = Position { offset: known.offset + whole as u64, head };
    Ok(Events { start, stored, head })
}
