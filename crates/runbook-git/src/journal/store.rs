//! Commits of the journal in the local repository: reading what is new, appending, ending a volume.

use std::{collections::BTreeMap, io};

use git2::{Commit, ErrorCode, Oid, Repository, Signature, Time, Tree};
use runbook_core::{
    event::{ChainError, Encoded, Head, Stored, verify},
    state::Snapshot,
};
use serde::de::Error as _;

use super::{
    guard::{Guard, sync_objects},
    layout::{EVENTS, Entry, Names, STATE, file, subject},
};

const BLOB: i32 = 0o100_644;

#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{}", .0.message())]
    Git(#[from] git2::Error),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("the head is another one")]
    Conflict(Head),
    #[error("the ref was moved by somebody else")]
    Moved,
}

/// The end of the journal as the refs show it.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    /// The ref that the next commit goes to.
    pub(super) reference: String,
    /// What that ref holds; `None` for one that does not exist yet.
    pub(super) at: Option<Oid>,
    /// The commit that the next one follows; `None` in an empty journal.
    pub(super) commit: Option<Oid>,
    /// The head there.
    pub(super) head: Head,
    /// Which volume.
    pub(super) volume: u32,
}

/// The commit at each volume's ref.
pub(super) type Known = BTreeMap<String, Oid>;

/// Finds the end, through all volumes. A machine that fetched only the newest volume has no first one.
pub(super) fn tip(repository: &Repository, names: &Names) -> Result<Tip, StoreError> {
    let mut tip = Tip { reference: names.volume(1), at: None, commit: None, head: Head::EMPTY, volume: 1 };
    if read_ref(repository, &tip.reference)?.is_none() {
        tip.volume = newest_volume(repository, names)?;
        tip.reference = names.volume(tip.volume);
    }
    loop {
        tip.at = read_ref(repository, &tip.reference)?;
        if let Some(at) = tip.at {
            tip.commit = Some(at);
        }
        let Some(commit) = tip.commit else { return Ok(tip) };
        let entry = entry(&repository.find_commit(commit)?, tip.head.seq)?;
        tip.head = entry.head;
        match entry.next {
            Some(next) if next > tip.volume => {
                tip.volume = next;
                tip.reference = names.volume(next);
                // Whoever ended the volume may not have come to begin the next one: everybody makes the same beginning.
                tip.commit = Some(first_of_volume(repository, commit, next)?);
            }
            _ => return Ok(tip),
        }
    }
}

fn newest_volume(repository: &Repository, names: &Names) -> Result<u32, StoreError> {
    let mut newest = 1;
    for name in repository.references_glob(&names.later_volumes())?.names() {
        newest = newest.max(names.number_of(name?).unwrap_or(1));
    }
    Ok(newest)
}

fn read_ref(repository: &Repository, name: &str) -> Result<Option<Oid>, StoreError> {
    match repository.refname_to_id(name) {
        Ok(oid) => Ok(Some(oid)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn entry(commit: &Commit<'_>, seq: u64) -> Result<Entry, StoreError> {
    Entry::of(commit).ok_or_else(|| unreadable(seq + 1, &format!("commit {} is none of a journal", commit.id())))
}

fn unreadable(seq: u64, why: &str) -> StoreError {
    ChainError::Unreadable { seq, source: serde_json::Error::custom(why) }.into()
}

/// The fold that the newest commit holds.
pub(super) fn snapshot(repository: &Repository, names: &Names) -> Result<(Option<Snapshot>, Tip), StoreError> {
    let tip = tip(repository, names)?;
    let Some(commit) = tip.commit else { return Ok((None, tip)) };
    let text = file(repository, &repository.find_commit(commit)?, STATE)?;
    // A fold of another version, or of another head, is none: everything is read instead.
    let snapshot = text.and_then(|text| Snapshot::parse(&text)).filter(|snapshot| snapshot.head == tip.head);
    Ok((snapshot, tip))
}

/// The events after `after`, and the head that they lead to.
pub(super) fn replay(repository: &Repository, names: &Names, after: Head) -> Result<(Vec<Stored>, Head), StoreError> {
    let tip = tip(repository, names)?;
    let gone = || StoreError::from(ChainError::Broken { seq: after.seq });
    if tip.head == after {
        return Ok((Vec::new(), after));
    }
    if tip.head.seq <= after.seq {
        return Err(gone());
    }
    // Back to the newest commit at or before `after`, and forward again.
    let mut wanted = Vec::new();
    let mut base = Head::EMPTY;
    let mut next = tip.commit;
    while let Some(oid) = next {
        let commit = repository.find_commit(oid)?;
        let entry = entry(&commit, after.seq)?;
        if entry.head.seq <= after.seq {
            base = entry.head;
            break;
        }
        next = entry.previous.or_else(|| commit.parent_id(0).ok());
        wanted.push(commit);
    }
    let mut stored = Vec::new();
    let mut head = base;
    for commit in wanted.iter().rev() {
        // The first commit of a volume and the last one hold no events.
        let Some(text) = file(repository, commit, EVENTS)? else { continue };
        let (events, now) = verify(text.lines(), head)?;
        if Entry::of(commit).is_none_or(|entry| entry.head != now) {
            return Err(ChainError::Broken { seq: now.seq }.into());
        }
        stored.extend(events);
        head = now;
    }
    if head != tip.head {
        return Err(ChainError::Broken { seq: head.seq + 1 }.into());
    }
    if base == after {
        return Ok((stored, head));
    }
    // `after` lies within a batch, or was never part of this journal.
    let place = stored.iter().position(|stored| stored.event.seq == after.seq + 1).ok_or_else(gone)?;
    if stored[place].event.prev != after.digest {
        return Err(gone());
    }
    Ok((stored.split_off(place), head))
}

/// Writes the commit of a batch, with a snapshot's text, and moves nothing.
pub(super) fn write(repository: &Repository, tip: &Tip, batch: &Encoded, state: &str) -> Result<Oid, StoreError> {
    let mut lines = batch.lines.join("\n");
    lines.push('\n');
    let events = repository.blob(lines.as_bytes())?;
    let state = repository.blob(state.as_bytes())?;
    let mut tree = repository.treebuilder(None)?;
    tree.insert(EVENTS, events, BLOB)?;
    tree.insert(STATE, state, BLOB)?;
    let tree = repository.find_tree(tree.write()?)?;
    let entry = Entry { head: batch.head, next: None, previous: None };
    let names = batch.events.iter().map(|event| event.kind.name());
    let message = entry.message(&subject(tip.head.seq + 1, batch.head.seq, names));
    let seconds = batch.events.last().map_or(0, |event| event.at.as_second());
    let parent = tip.commit.map(|oid| repository.find_commit(oid)).transpose()?;
    let commit = commit(repository, seconds, &message, &tree, parent.as_ref())?;
    sync_objects(repository, &[events, state, tree.id(), commit])?;
    Ok(commit)
}

/// Appends a batch when the head still is `expected`, and leaves it in this repository.
pub(super) fn append(
    repository: &Repository,
    names: &Names,
    batch: &Encoded,
    expected: Head,
    state: &str,
) -> Result<(), StoreError> {
    let guard = Guard::take(repository, &names.volume(1))?;
    let tip = tip(repository, names)?;
    if tip.head != expected {
        return Err(StoreError::Conflict(tip.head));
    }
    let commit = write(repository, &tip, batch, state)?;
    match guard.set(repository, &tip.reference, commit, tip.at) {
        Err(StoreError::Moved) => Err(StoreError::Conflict(self::tip(repository, names)?.head)),
        other => other,
    }
}

/// The commit that ends the volume at `tip`; it moves nothing.
pub(super) fn end_of_volume(repository: &Repository, tip: &Tip) -> Result<Oid, StoreError> {
    let Some(last) = tip.commit else { return Err(unreadable(0, "an empty journal has no volume to end")) };
    let last = repository.find_commit(last)?;
    let next = tip.volume + 1;
    let entry = Entry { head: tip.head, next: Some(next), previous: None };
    let message = entry.message(&format!("volume {} ends here, volume {next} goes on", tip.volume));
    let tree = only_state(repository, &last)?;
    let commit = commit(repository, last.time().seconds(), &message, &tree, Some(&last))?;
    sync_objects(repository, &[tree.id(), commit])?;
    Ok(commit)
}

/// The first commit of a volume. Its every byte follows from the commit that ended the one before.
pub(super) fn first_of_volume(repository: &Repository, end: Oid, number: u32) -> Result<Oid, StoreError> {
    let end = repository.find_commit(end)?;
    let head = entry(&end, 0)?.head;
    let entry = Entry { head, next: None, previous: Some(end.id()) };
    let message = entry.message(&format!("volume {number} begins after event {}", head.seq));
    let tree = only_state(repository, &end)?;
    Ok(commit(repository, end.time().seconds(), &message, &tree, None)?)
}

fn only_state<'r>(repository: &'r Repository, of: &Commit<'_>) -> Result<Tree<'r>, StoreError> {
    let mut tree = repository.treebuilder(None)?;
    if let Some(state) = of.tree()?.get_name(STATE) {
        tree.insert(STATE, state.id(), BLOB)?;
    }
    Ok(repository.find_tree(tree.write()?)?)
}

fn commit(
    repository: &Repository,
    seconds: i64,
    message: &str,
    tree: &Tree<'_>,
    parent: Option<&Commit<'_>>,
) -> Result<Oid, git2::Error> {
    let author = Signature::new("runbook", "runbook@localhost", &Time::new(seconds, 0))?;
    let parents: Vec<&Commit<'_>> = parent.into_iter().collect();
    repository.commit(None, &author, &author, message, tree, &parents)
}

/// Moves a ref of the journal forward to a commit that follows what it held.
pub(super) fn set(
    repository: &Repository,
    names: &Names,
    reference: &str,
    new: Oid,
    old: Option<Oid>,
) -> Result<(), StoreError> {
    match Guard::take(repository, &names.volume(1))?.set(repository, reference, new, old) {
        Err(StoreError::Moved) => Err(StoreError::Conflict(tip(repository, names)?.head)),
        other => other,
    }
}

/// What is known here of each volume.
pub(super) fn known(repository: &Repository, names: &Names) -> Result<Known, StoreError> {
    let mut known = Known::new();
    for number in 1..=newest_volume(repository, names)? {
        let reference = names.volume(number);
        known.extend(read_ref(repository, &reference)?.map(|at| (reference, at)));
    }
    Ok(known)
}

/// Takes what a remote holds of one volume as what is known of it here. It never goes back: `before` is what was known
/// when the remote was asked, so that its answer is no news when somebody here has appended since.
pub(super) fn adopt(
    repository: &Repository,
    names: &Names,
    before: &Known,
    reference: &str,
    there: Oid,
) -> Result<(), StoreError> {
    let guard = Guard::take(repository, &names.volume(1))?;
    let here = read_ref(repository, reference)?;
    let follows = |later: Oid, earlier: Oid| -> Result<bool, StoreError> {
        Ok(later == earlier || repository.graph_descendant_of(later, earlier)?)
    };
    match here {
        Some(here) if here == there => return Ok(()),
        Some(here) if !follows(there, here)? => {
            let was_news = before.get(reference).map_or(Ok(true), |known| follows(there, *known))?;
            if was_news && follows(here, there)? {
                return Ok(());
            }
            let known = entry(&repository.find_commit(here)?, 0)?.head;
            return Err(ChainError::Broken { seq: known.seq }.into());
        }
        _ => {}
    }
    guard.set(repository, reference, there, here)
}

/// Whether the journal that ends at `tip` holds a commit.
pub(super) fn holds(repository: &Repository, tip: &Tip, commit: Oid) -> Result<bool, StoreError> {
    let Some(end) = tip.commit else { return Ok(false) };
    Ok(end == commit || repository.graph_descendant_of(end, commit)?)
}
