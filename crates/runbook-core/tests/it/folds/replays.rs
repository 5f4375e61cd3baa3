//! What is replayed is what was kept while it was written: batch by batch, from a snapshot, and by whoever takes a run
//! up.

use proptest::{prelude::*, sample::Index};
use runbook_core::{
    event::{Event, EventKind, Head, verify},
    state::{EnvironmentState, RunState, Snapshot},
};

use super::{
    chain::{Chain, Kept},
    strategies::{SECRET, journal, sizes},
};

/// A snapshot after the first events of a journal, written down and read back.
fn snapshot(chain: &Chain, events: &[Event], after: usize) -> Snapshot {
    let state = EnvironmentState::replay(&events[..after]);
    let read = Snapshot::parse(&Snapshot::text(chain.heads[after], &state)).expect("it is our own");
    assert_eq!(read, Snapshot { head: chain.heads[after], state }, "a snapshot reads back");
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One ledger keeps what it writes, another reads the stored bytes after each batch, and a third comes late.
    #[test]
    fn what_is_replayed_is_what_was_kept_while_it_was_written(drafts in journal(60), sizes in sizes()) {
        let chain = Chain::write(&drafts, &sizes);
        let (mut writer, mut reader, mut seen) = (Kept::default(), Kept::default(), Head::EMPTY);
        for batch in &chain.batches {
            batch.events.iter().for_each(|event| writer.apply(event));
            let (stored, head) = verify(batch.lines.iter().map(String::as_str), seen).unwrap();
            stored.iter().for_each(|stored| reader.apply(&stored.event));
            seen = head;
            prop_assert_eq!(&reader, &writer);
        }
        let events = chain.read(Head::EMPTY);
        prop_assert_eq!(events.len(), drafts.len());
        prop_assert_eq!(&Kept::replay(&events), &writer);
        prop_assert!(!chain.text.contains(SECRET), "what is kept is what was redacted");
    }

    /// What is said counts, and not in which company it was written.
    #[test]
    fn batches_leave_no_trace_in_what_is_stored(drafts in journal(30), sizes in sizes()) {
        let (chain, one_by_one) = (Chain::write(&drafts, &sizes), Chain::write(&drafts, &[1]));
        prop_assert_eq!(&chain.text, &one_by_one.text);
        prop_assert_eq!(&chain.heads, &one_by_one.heads);
    }

    #[test]
    fn a_snapshot_taken_anywhere_goes_on_as_a_replay_of_all_does(
        drafts in journal(60), sizes in sizes(), after: Index,
    ) {
        let chain = Chain::write(&drafts, &sizes);
        let events = chain.read(Head::EMPTY);
        let Snapshot { head, mut state } = snapshot(&chain, &events, after.index(chain.heads.len()));
        chain.read(head).iter().for_each(|event| state.apply(event));
        prop_assert_eq!(state, EnvironmentState::replay(&events));
    }

    /// Whoever takes a run up reads from where the snapshot says that the run began, and knows as much as who read all.
    #[test]
    fn a_run_is_taken_up_from_the_head_before_its_first_event(drafts in journal(60), sizes in sizes(), after: Index) {
        let chain = Chain::write(&drafts, &sizes);
        let events = chain.read(Head::EMPTY);
        let after = after.index(chain.heads.len());
        let snapshot = snapshot(&chain, &events, after);
        let all = Kept::replay(&events);
        for (run, open) in &snapshot.state.open_runs {
            let story = chain.read(open.from);
            let first = story.first().map(|event| (event.run, matches!(event.kind, EventKind::RunStarted(_))));
            prop_assert_eq!(first, Some((*run, true)), "the story begins at its beginning");
            let mut environment = snapshot.state.clone();
            let since = story.iter().filter(|event| event.seq > snapshot.head.seq);
            since.for_each(|event| environment.apply(event));
            prop_assert_eq!(&environment, &all.environment);
            // A run that began twice, which none of ours does, is told from its newest beginning on.
            let begins = |event: &&Event| event.run == *run && matches!(event.kind, EventKind::RunStarted(_));
            if events[..after].iter().filter(begins).count() == 1 {
                prop_assert_eq!(Kept::told(*run, &story), all.runs.get(run).cloned());
            }
        }
    }

    /// What a report or a dashboard is made of survives being written down.
    #[test]
    fn a_run_reads_back(drafts in journal(40)) {
        let kept = Kept::replay(&Chain::write(&drafts, &[5]).read(Head::EMPTY));
        for state in kept.runs.values() {
            let text = serde_json::to_string(state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<RunState>(&text).unwrap(), state);
        }
    }
}
