//! What was read before, to ask only whether it changed: `If-None-Match` with the ETag of the answer that is held. An
//! answer "not modified" costs nothing of the hourly budget.
//! Source: <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>.
//!
//! It lives as long as the process. Between runs it would save no request, and would be a second truth of the issue beside
//! GitHub's own.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// So many answers are held; the oldest is forgotten first.
const MOST: usize = 8;
/// A longer body is not held, in bytes.
const LONGEST: usize = 2 * 1024 * 1024;

/// An answer that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) etag: String,
    pub(super) more: bool,
    pub(super) body: Vec<u8>,
}

/// The answers that are held, by the path that they were read from.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<VecDeque<(String, Kept)>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Kept)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read there last.
    pub(super) fn of(&self, path: &str) -> Option<Kept> {
        self.lock().iter().find(|(known, _)| known == path).map(|(_, kept)| kept.clone())
    }

    /// Holds a whole answer in place of the one before.
    pub(super) fn keep(&self, path: &str, kept: Kept) {
        let mut held = self.lock();
        held.retain(|(known, _)| known != path);
        if kept.body.len() <= LONGEST {
            held.push_back((path.to_owned(), kept));
        }
        while held.len() > MOST {
            held.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(etag: &str, length: usize) -> Kept {
        Kept { etag: etag.to_owned(), more: false, body: vec![b'x'; length] }
    }

    #[test]
    fn the_newest_answer_of_a_path_is_held() {
        let seen = Seen::default();
        seen.keep("/a", kept("1", 1));
        seen.keep("/a", kept("2", 2));
        assert_eq!(seen.of("/a"), Some(kept("2", 2)));
        assert_eq!(seen.of("/b"), None);
    }

    #[test]
    fn it_holds_a_few_and_nothing_long() {
        let seen = Seen::default();
        for n in 0..=MOST {
            seen.keep(&format!("/{n}"), kept("e", n));
        }
        assert_eq!((seen.of("/0"), seen.lock().len()), (None, MOST));
        seen.keep("/8", kept("long", LONGEST + 1));
        assert_eq!(seen.of("/8"), None, "what is there now is not what was");
    }
}
