//! A journal that was cut off, or changed, anywhere. A cut leaves whole lines, which are a journal, and a torn one,
//! which is no event; every change of what is in the middle shows. That a batch is taken back whole is what each
//! journal promises for itself: the chain knows lines only.

use jiff::Timestamp;
use proptest::{collection::vec, prelude::*, sample::Index};
use runbook_core::{
    Verdict,
    event::{ChainError, Draft, Event, EventKind, Head, encode, verify},
};

use super::{
    chain::{Chain, Kept, redact},
    strategies::{event_id, journal, run_id, sizes},
};

/// Everything up to the last line feed, and what stands behind it.
fn whole_and_torn(bytes: &[u8]) -> (&str, &[u8]) {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let (whole, torn) = bytes.split_at(whole);
    (std::str::from_utf8(whole).expect("a cut within a character is behind the last line feed"), torn)
}

/// What holds when nothing behind the first `cut` bytes was written.
fn check_cut(chain: &Chain, drafts: &[Draft], events: &[Event], cut: usize) -> Result<(), TestCaseError> {
    let lines = chain.lines();
    let (whole, torn) = whole_and_torn(&chain.text.as_bytes()[..cut]);
    let (stored, head) = verify(whole.lines(), Head::EMPTY).unwrap();
    let count = stored.len();
    prop_assert_eq!(head, chain.heads[count], "cut at {}", cut);
    let read: Vec<Event> = stored.into_iter().map(|stored| stored.event).collect();
    prop_assert_eq!(&read[..], &events[..count], "cut at {}", cut);

    // The torn line is none, unless nothing but its line feed is missing.
    if let (false, Ok(torn)) = (torn.is_empty(), std::str::from_utf8(torn)) {
        let answer = verify([torn], head);
        if lines[count] == torn {
            prop_assert_eq!(answer.map(|(_, head)| head).ok(), Some(chain.heads[count + 1]), "cut at {}", cut);
        } else {
            let shows = matches!(answer, Err(ChainError::Unreadable { seq, .. }) if seq == head.seq + 1);
            prop_assert!(shows, "cut at {cut}, {torn:?} was taken for an event");
        }
    }

    // Whoever goes on behind the whole lines writes what would have stood there.
    let again = encode(&drafts[count..], head, &redact).unwrap();
    prop_assert_eq!(again.head, chain.head(), "cut at {}", cut);
    prop_assert!(again.lines.iter().eq(lines[count..].iter()), "cut at {cut}");
    let mut kept = Kept::replay(&read);
    again.events.iter().for_each(|event| kept.apply(event));
    prop_assert_eq!(kept, Kept::replay(events), "cut at {}", cut);
    Ok(())
}

/// The place of the event that a reader stops at.
fn stops_at<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<u64> {
    match verify(lines, Head::EMPTY) {
        Ok(_) => None,
        Err(ChainError::Broken { seq } | ChainError::Unreadable { seq, .. }) => Some(seq),
    }
}

/// The place of the event at this index.
fn place(index: usize) -> u64 {
    index as u64 + 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_journal_cut_anywhere_is_a_journal_and_a_torn_line(
        drafts in journal(30), sizes in sizes(), cuts in vec(any::<Index>(), 2),
    ) {
        let chain = Chain::write(&drafts, &sizes);
        let events = chain.read(Head::EMPTY);
        for cut in cuts {
            let cut = cut.index(chain.text.len() + 1);
            check_cut(&chain, &drafts, &events, cut)?;
            // Also at the line feed before it, and on both of its sides.
            let feed = chain.text.as_bytes()[..cut].iter().rposition(|&byte| byte == b'\n');
            if let Some(feed) = feed {
                check_cut(&chain, &drafts, &events, feed)?;
                check_cut(&chain, &drafts, &events, feed + 1)?;
            }
        }
    }

    #[test]
    fn a_line_that_is_lost_doubled_or_moved_shows_at_its_place(drafts in journal(20), at: Index) {
        prop_assume!(drafts.len() >= 2);
        let chain = Chain::write(&drafts, &[3]);
        let lines = chain.lines();
        let at = at.index(lines.len() - 1);

        let mut lost = lines.clone();
        lost.remove(at);
        prop_assert_eq!(stops_at(lost), Some(place(at)));
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        prop_assert_eq!(stops_at(doubled), Some(place(at + 1)));
        let mut moved = lines.clone();
        moved.swap(at, at + 1);
        prop_assert_eq!(stops_at(moved), Some(place(at)));

        // Lines of the end are missed by nobody but who knows the head.
        let (_, head) = verify(lines[..at].iter().copied(), Head::EMPTY).unwrap();
        prop_assert_eq!(head, chain.heads[at]);
        prop_assert_ne!(head, chain.head());
    }

    #[test]
    fn a_line_that_was_altered_shows_there_or_at_the_next_one(
        drafts in journal(20), at: Index, character: Index, other in any::<char>(),
    ) {
        prop_assume!(!drafts.is_empty());
        let chain = Chain::write(&drafts, &[3]);
        let mut lines: Vec<String> = chain.lines().into_iter().map(str::to_owned).collect();
        let at = at.index(lines.len());
        let mut characters: Vec<char> = lines[at].chars().collect();
        let character = character.index(characters.len());
        prop_assume!(characters[character] != other);
        characters[character] = other;
        lines[at] = characters.into_iter().collect();

        let stopped = stops_at(lines.iter().map(String::as_str));
        if at + 1 < lines.len() {
            prop_assert!(stopped == Some(place(at)) || stopped == Some(place(at + 1)), "{stopped:?} of line {at}");
        } else if stopped.is_none() {
            let (_, head) = verify(lines.iter().map(String::as_str), Head::EMPTY).unwrap();
            prop_assert_ne!(head, chain.head(), "the last line is missed by who knows the head");
        }
    }

    #[test]
    fn lines_follow_no_head_but_their_own(drafts in journal(20), at: Index, other: Index) {
        prop_assume!(!drafts.is_empty());
        let chain = Chain::write(&drafts, &[3]);
        let (at, other) = (at.index(drafts.len()), other.index(chain.heads.len()));
        prop_assume!(at != other);
        let (own, other) = (chain.heads[at], chain.heads[other]);
        let line = chain.lines()[at];
        prop_assert!(verify([line], own).is_ok());
        for wrong in [other, Head { seq: own.seq, ..other }, Head { digest: own.digest, ..other }] {
            let answer = verify([line], wrong);
            let shows = matches!(answer, Err(ChainError::Broken { seq }) if seq == wrong.seq + 1);
            prop_assert!(shows, "{line} followed {wrong:?}");
        }
    }
}

/// Every byte of a small journal, with characters of one to four bytes, in batches of two.
#[test]
fn a_small_journal_may_be_cut_at_every_byte() {
    let said = |kind: EventKind, number: usize| Draft {
        id: event_id(number),
        at: Timestamp::UNIX_EPOCH,
        run: run_id(0),
        epoch: 1,
        kind,
    };
    let reason = "é\n€🚦".to_owned();
    let drafts = [
        said(EventKind::LockReleased {}, 0),
        said(EventKind::RunAbandoned { abandoned: run_id(1), verdict: Verdict::Aborted, reason }, 1),
        said(EventKind::Unknown { kind: "moon_phase".to_owned(), data: serde_json::json!({ "full": "}\n{" }) }, 2),
    ];
    let chain = Chain::write(&drafts, &[2]);
    let events = chain.read(Head::EMPTY);
    for cut in 0..=chain.text.len() {
        check_cut(&chain, &drafts, &events, cut).unwrap();
    }
}
