//! A fold stays small, whatever the history: of a long one it keeps the newest.

use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*};
use runbook_core::{
    Digest, EventId, Health, Judgement, Live, Release, StepId,
    event::{Event, EventKind, Head, RollbackDecision, RollbackTarget},
    state::{EnvironmentState, Snapshot},
};

use super::strategies::run_id;
use crate::harness::{release, service};

fn numbered(number: u32) -> Release {
    release(&format!("v{number}"))
}

/// A release is found live, proves to be good, and is left without anybody asking for it.
fn happened(at: usize, number: u32) -> [Event; 3] {
    let release = numbered(number);
    let moment = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(at).unwrap());
    let good = Judgement {
        complete: true,
        release: Some(release.clone()),
        ..Judgement::new(service("api"), Health::Healthy, "as generated", moment)
    };
    let live = Live::Release(release);
    let way = RollbackTarget { from: live.clone(), to: numbered(0) };
    let decision =
        RollbackDecision { automatic: true, services: [(service("api"), way)].into(), reason: "as generated".into() };
    [
        EventKind::ReleaseFound { service: service("api"), live },
        EventKind::WindowJudged { step: StepId::new("monitor").unwrap(), services: vec![good] },
        EventKind::RollbackDecided(decision),
    ]
    .map(|kind| Event {
        id: EventId::new(),
        seq: 1,
        prev: Digest::ZERO,
        at: moment,
        run: run_id(0),
        epoch: 1,
        kind,
    })
}

/// Each release once, in the order in which it was seen last, and no more than so many.
fn newest(numbers: &[u32], most: usize) -> Vec<Release> {
    let mut newest: Vec<u32> = Vec::new();
    for number in numbers.iter().rev() {
        if newest.len() < most && !newest.contains(number) {
            newest.push(*number);
        }
    }
    newest.into_iter().rev().map(numbered).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn of_a_long_history_the_newest_are_kept(numbers in vec(0..400_u32, 0..300)) {
        let mut environment = EnvironmentState::default();
        for (at, number) in numbers.iter().enumerate() {
            happened(at, *number).iter().for_each(|event| environment.apply(event));
            let state = &environment.services[&service("api")];
            prop_assert!(state.releases.len() <= 50 && state.proven.len() <= 20);
            prop_assert!(environment.automatic_rollbacks.len() <= 100);
        }
        let state = environment.services.get(&service("api")).cloned().unwrap_or_default();
        let proven: Vec<Release> = state.proven.iter().map(|proven| proven.release.clone()).collect();
        prop_assert_eq!(&state.releases, &newest(&numbers, 50));
        prop_assert_eq!(&proven, &newest(&numbers, 20));
        let skipped = numbers.len().saturating_sub(100);
        let moments = (skipped..numbers.len()).map(|at| happened(at, 0)[0].at);
        prop_assert_eq!(&environment.automatic_rollbacks, &moments.collect::<Vec<_>>());

        let read = Snapshot::parse(&Snapshot::text(Head::EMPTY, &environment)).map(|snapshot| snapshot.state);
        prop_assert_eq!(read, Some(environment));
    }
}
