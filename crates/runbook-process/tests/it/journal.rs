//! The journal in a file, and the latch beside it.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::PathBuf,
};

use jiff::Timestamp;
use runbook_core::{
    EnvironmentId, EventId, RunId, Verdict,
    event::{Draft, Encoded, EventKind, Head, encode},
    ports::{Journal, JournalError},
    state::EnvironmentState,
};
use runbook_process::{FileJournal, FileLatch};
use runbook_testkit::conformance;
use tempfile::TempDir;

fn environment() -> EnvironmentId {
    "staging".parse().unwrap()
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> FileJournal {
        FileJournal::open(self.0.path(), &environment())
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.0.path().join(format!("journal/staging.{extension}"))
    }

    fn write_at_end(&self, bytes: &[u8]) {
        OpenOptions::new().append(true).open(self.file("jsonl")).unwrap().write_all(bytes).unwrap();
    }
}

fn batch(head: Head, reasons: &[&str]) -> Encoded {
    let drafts: Vec<Draft> = reasons
        .iter()
        .map(|&reason| {
            let kind =
                EventKind::RunAbandoned { abandoned: RunId::new(), verdict: Verdict::Aborted, reason: reason.into() };
            Draft { id: EventId::new(), at: Timestamp::UNIX_EPOCH, run: RunId::new(), epoch: 1, kind }
        })
        .collect();
    encode(&drafts, head, &str::to_owned).unwrap()
}

/// Appends, and gives the new head.
async fn append(journal: &FileJournal, head: Head, reasons: &[&str]) -> Head {
    let batch = batch(head, reasons);
    journal.append(&batch, head, &EnvironmentState::default()).await.unwrap();
    batch.head
}

async fn length(journal: &FileJournal) -> usize {
    journal.replay(Head::EMPTY).await.unwrap().0.len()
}

#[tokio::test]
async fn it_keeps_what_every_journal_promises() {
    let folders = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    let make = async || {
        count.set(count.get() + 1);
        FileJournal::open(folders.path().join(count.get().to_string()), &environment())
    };
    let again = async |_: &FileJournal| FileJournal::open(folders.path().join(count.get().to_string()), &environment());
    conformance::journal(make, again).await;
}

#[tokio::test]
async fn the_latch_keeps_what_every_latch_promises() {
    let folder = tempfile::tempdir().unwrap();
    conformance::local_latch(async || FileLatch::new(folder.path().join("state"), &environment())).await;
}

#[tokio::test]
async fn a_torn_last_line_is_ignored_and_then_cut_off() {
    let place = Place::new();
    let head = append(&place.open(), Head::EMPTY, &["one", "two"]).await;
    let whole = fs::read(place.file("jsonl")).unwrap();
    let next = batch(head, &["three"]);
    for torn in [&next.lines[0].as_bytes()[..20], next.lines[0].as_bytes(), b"\xff\xfe{"] {
        place.write_at_end(torn);
        let (events, found) = place.open().replay(Head::EMPTY).await.unwrap();
        assert_eq!((events.len(), found), (2, head), "what was never acknowledged does not count");
        fs::write(place.file("jsonl"), &whole).unwrap();
    }
    place.write_at_end(&next.lines[0].as_bytes()[..20]);
    append(&place.open(), head, &["three, again"]).await;
    assert_eq!(length(&place.open()).await, 3);
}

#[tokio::test]
async fn a_batch_whose_writer_was_killed_is_taken_back_whole() {
    let place = Place::new();
    let journal = place.open();
    let head = append(&journal, Head::EMPTY, &["one"]).await;
    let begin = fs::metadata(place.file("jsonl")).unwrap().len();
    // What a writer leaves that is killed in the middle of write(2): its note, and two of three whole lines.
    fs::write(place.file("lock"), begin.to_le_bytes()).unwrap();
    let lost = batch(head, &["two", "three", "four"]);
    place.write_at_end(format!("{}\n{}\n", lost.lines[0], lost.lines[1]).as_bytes());
    for reader in [&journal, &place.open()] {
        assert_eq!(reader.replay(Head::EMPTY).await.unwrap().1, head);
    }
    append(&journal, head, &["two, again"]).await;
    assert_eq!(length(&place.open()).await, 2);
    assert_eq!(fs::metadata(place.file("lock")).unwrap().len(), 0, "the note is gone");
}

#[tokio::test]
async fn a_changed_line_is_damage() {
    let place = Place::new();
    append(&place.open(), Head::EMPTY, &["one", "two", "three"]).await;
    let text = fs::read_to_string(place.file("jsonl")).unwrap();
    fs::write(place.file("jsonl"), text.replace("\"two\"", "\"owt\"")).unwrap();
    let error = place.open().replay(Head::EMPTY).await.unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error:?}");
    fs::write(place.file("jsonl"), b"\xff\xff\n").unwrap();
    let error = place.open().replay(Head::EMPTY).await.unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_journal_that_was_cut_short_or_replaced_is_noticed() {
    let place = Place::new();
    let journal = place.open();
    let first = append(&journal, Head::EMPTY, &["one"]).await;
    let short = fs::read(place.file("jsonl")).unwrap();
    let second = append(&journal, first, &["two"]).await;
    fs::write(place.file("jsonl"), short).unwrap();
    assert!(matches!(journal.replay(second).await, Err(JournalError::Damaged { .. })));
    assert!(
        matches!(journal.append(&batch(second, &["x"]), second, &EnvironmentState::default()).await, Err(JournalError::Conflict { actual }) if actual == first)
    );
    fs::remove_file(place.file("jsonl")).unwrap();
    assert!(matches!(journal.replay(first).await, Err(JournalError::Damaged { .. })));
}

#[tokio::test]
async fn of_many_writers_none_loses_an_event() {
    const EACH: usize = 40;
    let place = Place::new();
    let write = async |journal: FileJournal, name: &str| {
        let (mut head, mut lost_races) = (Head::EMPTY, 0);
        for at in 0..EACH {
            loop {
                let batch = batch(head, &[&format!("{name} {at}")]);
                match journal.append(&batch, head, &EnvironmentState::default()).await {
                    Ok(()) => {
                        head = batch.head;
                        break;
                    }
                    Err(JournalError::Conflict { .. }) => {
                        lost_races += 1;
                        head = journal.replay(head).await.unwrap().1;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
        lost_races
    };
    let (a, b) = tokio::join!(write(place.open(), "a"), write(place.open(), "b"));
    assert!(a + b > 0, "two writers who both begin at the empty head must meet");
    let (events, _) = place.open().replay(Head::EMPTY).await.unwrap();
    for name in ["a", "b"] {
        let theirs = events.iter().filter(|event| event.line.contains(&format!("\"reason\":\"{name} "))).count();
        assert_eq!(theirs, EACH);
    }
}

#[tokio::test]
async fn where_nothing_can_be_written_nothing_is_done_and_reading_still_works() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let journal = FileJournal::open(file.join("state"), &environment());
    let error =
        journal.append(&batch(Head::EMPTY, &["one"]), Head::EMPTY, &EnvironmentState::default()).await.unwrap_err();
    let words = runbook_core::engine::with_causes(&error);
    assert!(matches!(error, JournalError::Unreachable { .. }) && words.contains("RUNBOOK_STATE_DIR"), "{words}");

    let place = Place::new();
    let head = append(&place.open(), Head::EMPTY, &["one"]).await;
    fs::remove_file(place.file("lock")).unwrap();
    assert_eq!(
        place.open().replay(Head::EMPTY).await.unwrap().1,
        head,
        "a copied journal can be read without its lock"
    );
    assert!(!place.file("lock").exists(), "and reading makes no files");
}
