//! What every journal promises.

use std::time::Duration;

use jiff::Timestamp;
use runbook_core::{
    EventId, RunId, Verdict,
    event::{Draft, Encoded, EventKind, Head, encode},
    ports::{Journal, JournalError},
    state::{EnvironmentState, Snapshot},
};

/// No call to a journal on loopback or disk may take longer here.
const DEADLINE: Duration = Duration::from_secs(60);

/// Drives a journal through its contract.
///
/// `make` gives a journal at a new, empty place each time; `again` opens the place of a given journal a second time, as
/// another process would.
///
/// # Panics
/// At the first broken promise, or when a call takes longer than a minute.
pub async fn journal<J, M, A>(make: M, again: A)
where
    J: Journal,
    M: AsyncFn() -> J,
    A: AsyncFn(&J) -> J,
{
    empty(&make().await).await;
    what_is_appended_reads_back(&make().await).await;
    let journal = make().await;
    survives(&journal, &again).await;
    a_stale_head_conflicts(&make().await).await;
    a_repeated_append_conflicts(&make().await).await;
    let journal = make().await;
    of_two_writers_one_wins(&journal, &again(&journal).await).await;
    a_foreign_head_is_damage(&make().await).await;
    a_dropped_append_is_whole_or_nothing(&make().await).await;
    let journal = make().await;
    a_snapshot_is_of_the_newest_event(&journal, &again(&journal).await).await;
}

async fn empty(journal: &impl Journal) {
    let (events, head) = read(journal, Head::EMPTY).await;
    assert!(
        events.is_empty() && head == Head::EMPTY,
        "a new journal must be empty, but replay gave {events:?}, {head:?}"
    );
    assert!(!journal.place().trim().is_empty(), "place() must tell people where the journal is");
}

async fn what_is_appended_reads_back(journal: &impl Journal) {
    let first = batch(Head::EMPTY, &["line\nfeed \u{2028} and \u{0} and \"quotes\"", "🤖 über"]);
    append(journal, &first, Head::EMPTY).await;
    let many: Vec<String> = (0..300).map(|at| format!("event {at}")).collect();
    let second = batch(first.head, &many.iter().map(String::as_str).collect::<Vec<_>>());
    append(journal, &second, first.head).await;

    let (lines, head) = read(journal, Head::EMPTY).await;
    assert_eq!(head, second.head, "replay must return the head that the events lead to");
    let written: Vec<&String> = first.lines.iter().chain(&second.lines).collect();
    assert!(lines.iter().eq(written), "replay must return the very bytes that were appended, in order");

    let (lines, head) = read(journal, first.head).await;
    assert!(
        lines == second.lines && head == second.head,
        "replay after a head must return exactly the events after it"
    );
    let (lines, head) = read(journal, second.head).await;
    assert!(lines.is_empty() && head == second.head, "replay after the last head must return nothing and that head");
}

async fn survives<J: Journal>(journal: &J, again: &impl AsyncFn(&J) -> J) {
    let first = batch(Head::EMPTY, &["durable"]);
    append(journal, &first, Head::EMPTY).await;
    let other = again(journal).await;
    let (lines, head) = read(&other, Head::EMPTY).await;
    assert!(lines == first.lines && head == first.head, "what append returned for must be there for another process");
    // And the other way round: a handle that is open must see what others append.
    let second = batch(first.head, &["by another process"]);
    append(&other, &second, first.head).await;
    let (lines, _) = read(journal, first.head).await;
    assert_eq!(lines, second.lines, "an open journal must see what another process appended");
}

async fn a_stale_head_conflicts(journal: &impl Journal) {
    let first = batch(Head::EMPTY, &["first"]);
    append(journal, &first, Head::EMPTY).await;
    let stale = batch(Head::EMPTY, &["stale"]);
    conflict(journal, &stale, Head::EMPTY, first.head, "an append after a head that is no longer the last").await;
    let ahead = Head { seq: first.head.seq + 1, ..first.head };
    conflict(journal, &batch(ahead, &["ahead"]), ahead, first.head, "an append after a head that never was").await;
    let (lines, _) = read(journal, Head::EMPTY).await;
    assert_eq!(lines, first.lines, "a conflict must append nothing");
}

async fn a_repeated_append_conflicts(journal: &impl Journal) {
    let first = batch(Head::EMPTY, &["once"]);
    append(journal, &first, Head::EMPTY).await;
    conflict(journal, &first, Head::EMPTY, first.head, "the same append a second time").await;
    let (lines, _) = read(journal, Head::EMPTY).await;
    assert_eq!(lines.len(), 1, "an append that is repeated after a lost answer must not write twice");
}

async fn of_two_writers_one_wins<J: Journal>(one: &J, other: &J) {
    let mut head = Head::EMPTY;
    for round in 0..10 {
        let (left, right) = (batch(head, &["left", "left"]), batch(head, &["right"]));
        let (then, otherwise) = (state(&left), state(&right));
        let both = futures::future::join(one.append(&left, head, &then), other.append(&right, head, &otherwise));
        let (a, b) = within(both, "two appends at once").await;
        let winner = match (&a, &b) {
            (Ok(()), Err(JournalError::Conflict { .. })) => left,
            (Err(JournalError::Conflict { .. }), Ok(())) => right,
            other => {
                panic!("of two appends after one head exactly one must win and one conflict; round {round}: {other:?}")
            }
        };
        let (lines, now) = read(one, head).await;
        assert!(
            lines == winner.lines && now == winner.head,
            "after a race the journal must hold the winner's batch alone"
        );
        head = now;
    }
}

async fn a_foreign_head_is_damage(journal: &impl Journal) {
    let first = batch(Head::EMPTY, &["ours"]);
    append(journal, &first, Head::EMPTY).await;
    for foreign in [batch(Head::EMPTY, &["never written"]).head, batch(first.head, &["beyond"]).head] {
        let result = within(journal.replay(foreign), "replay after a foreign head").await;
        assert!(
            matches!(result, Err(JournalError::Damaged { .. })),
            "replay after a head that is no part of the journal must say that it is damaged, but gave {result:?}"
        );
    }
}

async fn a_dropped_append_is_whole_or_nothing(journal: &impl Journal) {
    let first = batch(Head::EMPTY, &["one", "two", "three"]);
    let newest = state(&first);
    {
        let mut append = journal.append(&first, Head::EMPTY, &newest);
        let _ = futures::poll!(&mut append);
    }
    // A thread may still be writing it; whichever way it went, the journal has to settle on one of the two.
    for _ in 0..3 {
        let (lines, head) = read(journal, Head::EMPTY).await;
        let nothing = lines.is_empty() && head == Head::EMPTY;
        let whole = lines == first.lines && head == first.head;
        assert!(nothing || whole, "an append that was dropped must be there whole or not at all, but {lines:?} is");
        tokio::task::yield_now().await;
    }
}

/// A journal need not keep snapshots. One that does must never tell an old one: runs decide by it.
async fn a_snapshot_is_of_the_newest_event(journal: &impl Journal, other: &impl Journal) {
    let mut head = Head::EMPTY;
    for reason in ["one", "two", "three"] {
        let batch = batch(head, &[reason]);
        append(journal, &batch, head).await;
        head = batch.head;
        let newest = Snapshot { head, state: state(&batch) };
        match within(other.snapshot(), "snapshot").await {
            Ok(None) => {}
            Ok(Some(snapshot)) => {
                assert_eq!(snapshot, newest, "a snapshot must be the fold of everything up to the head")
            }
            Err(error) => panic!("a journal that can be read must have a snapshot or none, but gave {error:?}"),
        }
    }
    assert!(!journal.pause_between_looks().is_zero(), "a run that waits must leave a pause between two looks");
}

async fn conflict(journal: &impl Journal, batch: &Encoded, expected: Head, now: Head, what: &str) {
    match within(journal.append(batch, expected, &state(batch)), what).await {
        Err(JournalError::Conflict { actual }) => {
            assert_eq!(actual, now, "a conflict must tell the head as it is");
        }
        other => panic!("{what} must be a conflict, but was {other:?}"),
    }
}

async fn append(journal: &impl Journal, batch: &Encoded, expected: Head) {
    let result = within(journal.append(batch, expected, &state(batch)), "append").await;
    assert!(result.is_ok(), "an append after the last head must work, but gave {result:?}");
}

async fn read(journal: &impl Journal, after: Head) -> (Vec<String>, Head) {
    match within(journal.replay(after), "replay").await {
        Ok((stored, head)) => (stored.into_iter().map(|stored| stored.line).collect(), head),
        Err(error) => panic!("replay after a head of the journal must work, but gave {error:?}"),
    }
}

async fn within<T>(call: impl Future<Output = T>, what: &str) -> T {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(done) => done,
        Err(_) => panic!("{what} took longer than {} s", DEADLINE.as_secs()),
    }
}

/// A fold that tells after which batch it was made; a journal keeps it and does not look into it.
fn state(batch: &Encoded) -> EnvironmentState {
    EnvironmentState { epoch: batch.head.seq, ..EnvironmentState::default() }
}

/// A batch of events with these words in them.
#[allow(clippy::expect_used, reason = "without redaction every event reads back")]
fn batch(head: Head, reasons: &[&str]) -> Encoded {
    let run = RunId::new();
    let draft = |reason: &&str| Draft {
        id: EventId::new(),
        at: Timestamp::UNIX_EPOCH,
        run,
        epoch: 1,
        kind: EventKind::RunAbandoned { abandoned: run, verdict: Verdict::Aborted, reason: (*reason).to_owned() },
    };
    let drafts: Vec<Draft> = reasons.iter().map(draft).collect();
    encode(&drafts, head, &str::to_owned).expect("events without secrets encode")
}
