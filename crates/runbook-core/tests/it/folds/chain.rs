//! What stands in a journal once drafts were written to it, and what ledgers keep beside it.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::{
    Digest, RunId,
    event::{Draft, Encoded, Event, EventKind, Head, encode, verify},
    state::{EnvironmentState, RunState},
};

use super::strategies::SECRET;
use crate::harness::replay;

/// What takes the secret out, as a redactor does.
pub fn redact(text: &str) -> String {
    text.replace(SECRET, "***")
}

/// A journal of whole batches, and the bytes that keep it.
#[derive(Debug, Clone)]
pub struct Chain {
    pub batches: Vec<Encoded>,
    /// The head before the first event, and the one after each.
    pub heads: Vec<Head>,
    /// A line for each event, each with its line feed.
    pub text: String,
}

impl Chain {
    /// Writes drafts in batches of these sizes, which begin again when there are more.
    pub fn write(drafts: &[Draft], sizes: &[usize]) -> Self {
        let mut chain = Self { batches: Vec::new(), heads: vec![Head::EMPTY], text: String::new() };
        let (mut rest, mut sizes) = (drafts, sizes.iter().cycle());
        while !rest.is_empty() {
            let size = sizes.next().map_or(1, |size| (*size).clamp(1, rest.len()));
            let (batch, later) = rest.split_at(size);
            chain.append(batch);
            rest = later;
        }
        chain
    }

    fn append(&mut self, drafts: &[Draft]) {
        let encoded = encode(drafts, self.head(), &redact).unwrap();
        for line in &encoded.lines {
            assert!(!line.contains(['\n', '\r']), "an event is one line: {line:?}");
            self.text.push_str(line);
            self.text.push('\n');
            let seq = self.head().seq + 1;
            self.heads.push(Head { seq, digest: Digest::of(line.as_bytes()) });
        }
        assert_eq!(self.head(), encoded.head, "a batch knows the head that it leads to");
        self.batches.push(encoded);
    }

    /// The head after the newest event.
    pub fn head(&self) -> Head {
        self.heads.last().copied().unwrap_or(Head::EMPTY)
    }

    pub fn lines(&self) -> Vec<&str> {
        self.text.lines().collect()
    }

    /// The events after this head, from the stored bytes.
    pub fn read(&self, after: Head) -> Vec<Event> {
        let lines = self.text.lines().skip(usize::try_from(after.seq).unwrap());
        let (stored, head) = verify(lines, after).unwrap();
        assert_eq!(head, self.head(), "whoever reads to the end is at the end");
        stored.into_iter().map(|stored| stored.event).collect()
    }
}

/// Both folds, of the environment and of each run that began, kept event by event as ledgers keep them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    pub environment: EnvironmentState,
    pub runs: BTreeMap<RunId, RunState>,
}

impl Kept {
    pub fn apply(&mut self, event: &Event) {
        self.environment.apply(event);
        self.runs.values_mut().for_each(|state| state.apply(event));
        if let Some(state) = RunState::begin(event) {
            self.runs.entry(event.run).or_insert(state);
        }
    }

    /// The same, each fold for itself and all at once.
    pub fn replay(events: &[Event]) -> Self {
        let speakers: BTreeSet<RunId> = events.iter().map(|event| event.run).collect();
        let runs = speakers.into_iter().filter_map(|run| Some((run, Self::told(run, events)?))).collect();
        Self { environment: EnvironmentState::replay(events), runs }
    }

    /// One run; what it said before it began does not count.
    pub fn told(run: RunId, events: &[Event]) -> Option<RunState> {
        let begins = |event: &Event| event.run == run && matches!(event.kind, EventKind::RunStarted(_));
        replay(run, &events[events.iter().position(begins)?..])
    }
}
