//! A journal in memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use runbook_core::{
    event::{ChainError, Encoded, Event, Head, Stored, verify},
    ports::{Journal, JournalError},
    state::EnvironmentState,
};

/// What goes wrong with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendFault {
    /// Nothing is appended; the answer is "somebody else was first" with the head as it is.
    Conflict,
    /// Nothing is appended; the journal could not be reached.
    Unreachable,
    /// Everything is appended, and the answer is that the journal could not be reached: the writer cannot know.
    LostAnswer,
    /// Nothing is appended, and there is never an answer.
    Hang,
}

/// A journal that lives as long as its last clone: clones are other processes that look at the same place.
///
/// ```
/// use runbook_core::{event::Head, ports::Journal};
/// use runbook_testkit::{AppendFault, MemoryJournal};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let journal = MemoryJournal::new();
/// journal.fail_next_append(AppendFault::Unreachable);
/// let (events, head) = journal.replay(Head::EMPTY).await.unwrap();
/// assert!(events.is_empty());
/// assert_eq!(head, Head::EMPTY);
/// # });
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: Vec<String>,
    /// The head after each line.
    heads: Vec<Head>,
    faults: VecDeque<AppendFault>,
    unreachable: bool,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Orders a fault for the next append; ordered faults strike one append each, in order.
    pub fn fail_next_append(&self, fault: AppendFault) {
        self.lock().faults.push_back(fault);
    }

    /// Makes every read and write fail as unreachable, or work again.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.lock().unreachable = unreachable;
    }

    /// Every stored line, as a crash would leave them.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// Every event, oldest first. Lines that were damaged on purpose are left out.
    pub fn events(&self) -> Vec<Event> {
        self.lock().lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// A journal of its own with the first `count` events of this one: what a crash at that point leaves behind.
    #[must_use]
    pub fn cut_after(&self, count: usize) -> Self {
        let shared = self.lock();
        let count = count.min(shared.lines.len());
        let (lines, heads) = (shared.lines[..count].to_vec(), shared.heads[..count].to_vec());
        Self { shared: Arc::new(Mutex::new(Shared { lines, heads, ..Shared::default() })) }
    }

    /// Rewrites one stored line, as somebody who tampers with it would; `at` counts from 0.
    ///
    /// # Panics
    /// When there is no such line.
    #[track_caller]
    pub fn damage(&self, at: usize, line: &str) {
        let mut shared = self.lock();
        assert!(at < shared.lines.len(), "the journal has no line {at}");
        line.clone_into(&mut shared.lines[at]);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unreachable(&self, doing: &'static str) -> JournalError {
        JournalError::Unreachable { doing, place: self.place(), source: "as the test ordered".into() }
    }
}

impl Shared {
    fn head(&self) -> Head {
        self.heads.last().copied().unwrap_or(Head::EMPTY)
    }

    fn push(&mut self, batch: &Encoded) {
        for (line, event) in batch.lines.iter().zip(&batch.events) {
            self.lines.push(line.clone());
            self.heads.push(Head { seq: event.seq, digest: runbook_core::Digest::of(line.as_bytes()) });
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        let shared = self.lock();
        if shared.unreachable {
            return Err(self.unreachable("read"));
        }
        let damaged = |source| JournalError::Damaged { place: self.place(), source };
        // A digest of the stored bytes as they are now, so that a damaged line is seen also when it stands before `after`.
        let known = match usize::try_from(after.seq) {
            Ok(0) => after == Head::EMPTY,
            Ok(seq) => {
                let line = shared.lines.get(seq - 1);
                line.is_some_and(|line| runbook_core::Digest::of(line.as_bytes()) == after.digest)
            }
            Err(_) => false,
        };
        if !known {
            return Err(damaged(ChainError::Broken { seq: after.seq }));
        }
        let skip = usize::try_from(after.seq).unwrap_or(usize::MAX);
        verify(shared.lines.iter().skip(skip).map(String::as_str), after).map_err(damaged)
    }

    async fn append(&self, batch: &Encoded, expected: Head, _: &EnvironmentState) -> Result<(), JournalError> {
        let fault = {
            let mut shared = self.lock();
            if shared.unreachable {
                return Err(self.unreachable("append to"));
            }
            let fault = shared.faults.pop_front();
            let actual = shared.head();
            match fault {
                Some(AppendFault::Conflict) => return Err(JournalError::Conflict { actual }),
                None | Some(AppendFault::LostAnswer) if actual != expected => {
                    return Err(JournalError::Conflict { actual });
                }
                None | Some(AppendFault::LostAnswer) => shared.push(batch),
                Some(AppendFault::Unreachable | AppendFault::Hang) => {}
            }
            fault
        };
        match fault {
            None | Some(AppendFault::Conflict) => Ok(()),
            Some(AppendFault::Unreachable | AppendFault::LostAnswer) => Err(self.unreachable("append to")),
            Some(AppendFault::Hang) => std::future::pending().await,
        }
    }

    fn place(&self) -> String {
        "the memory of this test".to_owned()
    }
}
