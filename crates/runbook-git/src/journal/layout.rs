//! What a commit of the journal holds, and how the refs are named. No I/O beyond one object.
//!
//! The tree has `events.jsonl`, the batch as it is stored, and `state.json`, the fold of everything up to here: opening
//! reads one blob, whatever the history. The message begins with the names of the events, for `git log`, and ends in
//! trailers, so that walking reads no trees.

use git2::{Commit, Oid, Repository};
use runbook_core::{Digest, EnvironmentId, event::Head};

/// The file of a batch.
pub(super) const EVENTS: &str = "events.jsonl";
/// The file of the fold.
pub(super) const STATE: &str = "state.json";
const HEAD_TRAILER: &str = "Runbook-Head: ";
const NEXT_TRAILER: &str = "Runbook-Next-Volume: ";
const PREVIOUS_TRAILER: &str = "Runbook-Previous: ";
/// How many names of events a subject tells.
const MOST_NAMES: usize = 4;

/// The refs of one environment's journal.
#[derive(Debug, Clone)]
pub(super) struct Names(String);

impl Names {
    pub(super) fn of(environment: &EnvironmentId) -> Self {
        Self(format!("refs/runbook/journal/{environment}"))
    }

    /// The ref of a volume. The first has the environment's bare name, which no `.` can be part of.
    pub(super) fn volume(&self, number: u32) -> String {
        if number <= 1 { self.0.clone() } else { format!("{}.{number}", self.0) }
    }

    /// Which volume a ref is.
    pub(super) fn number_of(&self, reference: &str) -> Option<u32> {
        match reference.strip_prefix(&self.0)? {
            "" => Some(1),
            rest => rest.strip_prefix('.')?.parse().ok().filter(|number| *number > 1),
        }
    }

    /// What finds all volumes but the first.
    pub(super) fn later_volumes(&self) -> String {
        format!("{}.*", self.0)
    }
}

/// What a commit of the journal says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The head with this commit's events.
    pub(super) head: Head,
    /// The volume ends here, and goes on in that one.
    pub(super) next: Option<u32>,
    /// The volume begins here, after that commit of the one before.
    pub(super) previous: Option<Oid>,
}

impl Entry {
    /// Reads the trailers; `None` when it is no commit of a journal.
    pub(super) fn of(commit: &Commit<'_>) -> Option<Self> {
        Self::parse(commit.message().ok()?)
    }

    fn parse(message: &str) -> Option<Self> {
        let trailer = |name: &str| message.lines().rev().find_map(|line| line.strip_prefix(name));
        let (seq, digest) = trailer(HEAD_TRAILER)?.split_once(' ')?;
        let head = Head { seq: seq.parse().ok()?, digest: digest.parse::<Digest>().ok()? };
        Some(Self {
            head,
            next: trailer(NEXT_TRAILER).and_then(|number| number.parse().ok()),
            previous: trailer(PREVIOUS_TRAILER).and_then(|id| Oid::from_str(id).ok()),
        })
    }

    /// A message whose subject is this.
    pub(super) fn message(&self, subject: &str) -> String {
        let mut message = format!("{subject}\n\n{HEAD_TRAILER}{} {}\n", self.head.seq, self.head.digest);
        if let Some(next) = self.next {
            message.push_str(&format!("{NEXT_TRAILER}{next}\n"));
        }
        if let Some(previous) = self.previous {
            message.push_str(&format!("{PREVIOUS_TRAILER}{previous}\n"));
        }
        message
    }
}

/// `#12-15 step_started, effect_intended`: what `git log --oneline` shows.
pub(super) fn subject<'a>(first: u64, last: u64, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let told = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
    let place = if first == last { format!("#{first}") } else { format!("#{first}-{last}") };
    if more == 0 { format!("{place} {told}") } else { format!("{place} {told} and {more} more") }
}

/// A file of a commit, as text; `None` when the commit has none of that name.
pub(super) fn file(repository: &Repository, commit: &Commit<'_>, name: &str) -> Result<Option<String>, git2::Error> {
    let Some(entry) = commit.tree()?.get_name(name).map(|entry| entry.id()) else { return Ok(None) };
    let blob = repository.find_blob(entry)?;
    // What is not UTF-8 is no event and no state; it then fails to parse, with its place.
    Ok(Some(String::from_utf8_lossy(blob.content()).into_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn a_message_reads_back() {
        let head = Head { seq: 15, digest: Digest::of(b"x") };
        let oid = Oid::from_str("0123456789012345678901234567890123456789").unwrap();
        for (next, previous) in [(None, None), (Some(2), None), (None, Some(oid))] {
            let entry = Entry { head, next, previous };
            assert_eq!(Entry::parse(&entry.message("#12-15 a, b")), Some(entry));
        }
        assert_eq!(Entry::parse("Merge branch 'main'\n"), None);
    }

    #[test]
    fn each_volume_has_a_ref_of_its_own() {
        let names = Names::of(&"prod".parse().unwrap());
        assert_eq!(
            (names.volume(1), names.volume(2)),
            ("refs/runbook/journal/prod".into(), "refs/runbook/journal/prod.2".into())
        );
        for number in [1, 2, 31] {
            assert_eq!(names.number_of(&names.volume(number)), Some(number));
        }
        for other in [
            "refs/runbook/journal/production",
            "refs/runbook/journal/prod.1",
            "refs/runbook/journal/prod.x",
            "refs/heads/prod",
        ] {
            assert_eq!(names.number_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_subject_tells_a_few_names() {
        assert_eq!(subject(7, 7, ["lock_released"].into_iter()), "#7 lock_released");
        assert_eq!(subject(1, 6, ["a", "b", "c", "d", "e", "f"].into_iter()), "#1-6 a, b, c, d and 2 more");
    }
}
