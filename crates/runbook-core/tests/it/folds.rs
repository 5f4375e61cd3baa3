//! The two folds: any events in any order can be folded, any prefix of them too, and what is promised of a fold holds
//! after each of them.
//!
//! `strategies` says everything that can be said, `chain` writes and keeps it. `replays` proves that what is replayed
//! is what was kept, `cuts` what a cut or changed journal shows, `bounds` that a fold stays small, `secrets` that
//! redaction leaves events readable.

mod bounds;
mod chain;
mod cuts;
mod replays;
mod secrets;
mod strategies;

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{TestCaseResult, TestRunner},
};
use runbook_core::{
    Action, Health, Live, OperationalStatus, Release, RunId,
    event::{EffectResult, Event, EventKind, Head, Landed},
    state::{EnvironmentState, OpenRun, RunState, ServiceState},
};

use self::{
    chain::{Chain, Kept},
    strategies::{RUNS, journal, kind, sizes},
};
use crate::harness::{World, replay, request};

/// A kind that has no strategy panics here, and everywhere else.
#[test]
fn each_kind_of_event_has_a_strategy_that_says_it() {
    let mut runner = TestRunner::deterministic();
    for name in EventKind::NAMES {
        let strategy = kind(name);
        for _ in 0..20 {
            assert_eq!(strategy.new_tree(&mut runner).unwrap().current().name(), *name);
        }
    }
}

#[test]
fn journals_say_every_kind_of_several_runs_in_several_epochs_and_in_any_order() {
    let mut runner = TestRunner::deterministic();
    let (mut names, mut runs, mut epochs) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut goes_back = false;
    let journals = journal(60);
    for _ in 0..200 {
        let drafts = journals.new_tree(&mut runner).unwrap().current();
        goes_back |= drafts.windows(2).any(|pair| pair[1].epoch < pair[0].epoch);
        for draft in drafts {
            names.insert(draft.kind.name().to_owned());
            runs.insert(draft.run);
            epochs.insert(draft.epoch);
        }
    }
    let missing: Vec<_> = EventKind::NAMES.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "never said: {missing:?}");
    assert!(names.iter().any(|name| !EventKind::NAMES.contains(&name.as_str())), "no unknown kind");
    assert_eq!(runs.len(), RUNS);
    assert!(epochs.len() > 5 && goes_back);
}

/// What the events themselves say of an environment, counted without a fold.
#[derive(Debug, Default)]
struct Told {
    epoch: u64,
    latched: bool,
    open: BTreeSet<RunId>,
    unknown: u64,
    rollbacks: Vec<Timestamp>,
    issue: Option<(u64, String)>,
    operational_status: Option<OperationalStatus>,
}

impl Told {
    fn hear(&mut self, event: &Event) {
        self.epoch = self.epoch.max(event.epoch);
        match &event.kind {
            EventKind::RunStarted(_) => {
                self.open.insert(event.run);
            }
            EventKind::RunFinished { operational_status, .. } => {
                self.open.remove(&event.run);
                self.operational_status = Some(*operational_status);
            }
            EventKind::RunAbandoned { abandoned, .. } => {
                self.open.remove(abandoned);
            }
            EventKind::StopLatched { .. } => self.latched = true,
            EventKind::StopLifted { .. } => self.latched = false,
            EventKind::RollbackDecided(decision) if decision.automatic => self.rollbacks.push(event.at),
            EventKind::StatusPublished { issue, url, .. } => self.issue = Some((*issue, url.clone())),
            EventKind::Unknown { .. } => self.unknown += 1,
            _ => {}
        }
    }

    fn check(&self, state: &EnvironmentState) -> TestCaseResult {
        prop_assert_eq!(state.epoch, self.epoch);
        prop_assert_eq!(state.latch.is_some(), self.latched);
        prop_assert_eq!(&state.open_runs.keys().copied().collect::<BTreeSet<_>>(), &self.open);
        prop_assert_eq!(state.unknown_events, self.unknown);
        prop_assert_eq!(&state.automatic_rollbacks, &self.rollbacks);
        prop_assert_eq!(&state.issue.zip(state.issue_url.clone()), &self.issue);
        prop_assert_eq!(state.operational_status, self.operational_status);
        Ok(())
    }
}

/// The epoch and the fence only rise, and nobody in the state is newer than they are.
fn check_epochs(before: &EnvironmentState, after: &EnvironmentState) -> TestCaseResult {
    prop_assert!(after.epoch >= before.epoch && after.fence >= before.fence);
    prop_assert!(after.fence <= after.epoch);
    prop_assert!(after.lock.as_ref().is_none_or(|lock| lock.epoch <= after.fence));
    prop_assert!(after.open_runs.values().all(|open| open.epoch <= after.epoch));
    Ok(())
}

/// The lock is taken, passed on and given back by its own events only, and a person's lock outlives every run.
fn check_lock(before: &EnvironmentState, after: &EnvironmentState, event: &Event) -> TestCaseResult {
    if before.lock == after.lock {
        return Ok(());
    }
    let given_back =
        |run: RunId| after.lock.is_none() && before.lock.as_ref().is_some_and(|lock| lock.run == run && !lock.sticky);
    let allowed = match &event.kind {
        EventKind::LockAcquired { .. } => after.lock.as_ref().is_some_and(|lock| lock.run == event.run),
        EventKind::RunContinued { .. } => match (&before.lock, &after.lock) {
            (Some(old), Some(new)) => old.run == event.run && new.run == event.run && old.sticky == new.sticky,
            _ => false,
        },
        EventKind::LockLifted { .. } => after.lock.is_none(),
        EventKind::LockReleased {} | EventKind::RunFinished { .. } => given_back(event.run),
        EventKind::RunAbandoned { abandoned, .. } => given_back(*abandoned),
        _ => false,
    };
    prop_assert!(allowed, "{:?} became {:?} by {event:?}", before.lock, after.lock);
    Ok(())
}

/// A run that ended is not open, and holds nothing; its end is the newest one.
fn check_end(before: &EnvironmentState, after: &EnvironmentState, event: &Event) -> TestCaseResult {
    let ended = match &event.kind {
        EventKind::RunFinished { verdict, .. } => (event.run, *verdict),
        EventKind::RunAbandoned { abandoned, verdict, .. } => (*abandoned, *verdict),
        _ => return Ok(()),
    };
    let (run, verdict) = ended;
    prop_assert!(!after.open_runs.contains_key(&run));
    prop_assert!(after.lock.as_ref().is_none_or(|lock| lock.run != run || lock.sticky));
    match before.open_runs.get(&run) {
        Some(open) => prop_assert_eq!(after.last_run, Some((run, open.action, verdict, event.at))),
        None => prop_assert_eq!(after.last_run, before.last_run, "who was not open does not end"),
    }
    Ok(())
}

/// Where an open run begins is a head of this journal, right before its first event.
fn check_open(open: &OpenRun, run: RunId, chain: &Chain, events: &[Event]) -> TestCaseResult {
    let begin = usize::try_from(open.from.seq).unwrap();
    prop_assert_eq!(chain.heads[begin], open.from);
    prop_assert!(events[begin].run == run && matches!(events[begin].kind, EventKind::RunStarted(_)), "not its first");
    prop_assert_eq!(open.since, events[begin].at);
    Ok(())
}

fn check_service(state: &ServiceState) -> TestCaseResult {
    let proven: Vec<&Release> = state.proven.iter().map(|proven| &proven.release).collect();
    prop_assert_eq!(state.last_known_good.as_ref(), proven.last().copied());
    for (at, release) in proven.iter().enumerate() {
        prop_assert!(!proven[..at].iter().any(|other| other.same_as(release)), "{} is proven twice", release);
    }
    for (at, release) in state.releases.iter().enumerate() {
        prop_assert!(!state.releases[..at].contains(release), "{} is listed twice", release);
    }
    if let Some(release) = state.live.release() {
        prop_assert!(state.releases.contains(release), "{} is live and was never seen", release);
    }
    prop_assert_eq!(state.since.is_some(), state.judgement.is_some());
    Ok(())
}

/// That an effect did not happen tells what is live only when no other effect on the service is open.
fn check_live(before: &EnvironmentState, after: &EnvironmentState, event: &Event) -> TestCaseResult {
    let did_not_happen = match &event.kind {
        EventKind::EffectFinished { outcome, .. } => matches!(outcome, EffectResult::NotDone(_)),
        EventKind::EffectSettled { landed, .. } => *landed == Landed::DidNotHappen,
        _ => false,
    };
    for (id, state) in after.services.iter().filter(|_| did_not_happen) {
        let was_known = before.services.get(id).is_some_and(|state| state.live != Live::Unknown);
        let mut open = after.open_runs.values().flat_map(|open| open.effects.values());
        let is_open = open.any(|operation| operation.makes_live().is_some_and(|(of, _)| of == id));
        prop_assert!(was_known || !is_open || state.live == Live::Unknown, "{} has an open effect", id);
    }
    Ok(())
}

/// What is published without a run is kept, and changes nothing else.
fn check_published(before: &EnvironmentState, after: &EnvironmentState, event: &Event) -> TestCaseResult {
    let EventKind::ReadingsPublished { services, .. } = &event.kind else { return Ok(()) };
    let without = |state: &EnvironmentState| {
        let mut state = EnvironmentState { epoch: 0, ..state.clone() };
        state.services.values_mut().for_each(|service| service.published = None);
        state.services.retain(|_, service| *service != ServiceState::default());
        state
    };
    prop_assert_eq!(without(before), without(after));
    for judgement in services {
        let kept = after.services[&judgement.service].published.as_ref();
        prop_assert!(kept.is_some_and(|kept| !kept.complete && kept.published_by.is_some()));
    }
    Ok(())
}

/// Nobody but a run itself, or who closes or settles it, changes what is known of it; and what is known stays known.
fn check_run(before: &RunState, after: &RunState, event: &Event) -> TestCaseResult {
    let run = before.run;
    let concerns = match &event.kind {
        EventKind::EffectSettled { key, .. } => event.run == run || before.effects.contains_key(key),
        EventKind::RunAbandoned { abandoned, .. } => event.run == run || *abandoned == run,
        _ => event.run == run,
    };
    if !concerns {
        prop_assert_eq!(after, before, "by {:?}", event);
    }
    prop_assert_eq!((after.run, after.started_at, after.begun), (run, before.started_at, before.begun));
    prop_assert_eq!((&after.request, &after.plan), (&before.request, &before.plan));
    prop_assert!(after.steps.iter().map(|state| &state.step).eq(&after.plan.steps), "it has the steps of its plan");
    prop_assert!(before.effects.keys().all(|key| after.effects.contains_key(key)), "an effect is never forgotten");
    prop_assert!(before.baselines.keys().all(|service| after.baselines.contains_key(service)));
    prop_assert!(after.notified.starts_with(&before.notified));
    let stays = |before: bool, after: bool| after || !before;
    prop_assert!(stays(before.locked, after.locked), "who took the lock did so");
    prop_assert!(stays(before.latched, after.latched) && stays(before.lifted, after.lifted));
    prop_assert!(after.finished.is_some() || before.finished.is_none(), "what ended stays ended");
    prop_assert!(after.finished.is_none() || after.verdict.is_some(), "an end has a verdict");
    prop_assert!(after.rollback.is_some() || after.rollback_verified().is_none(), "nothing to verify");
    let _ = (after.judgements(), after.changed_services(), after.mutations().count());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_prefix_of_any_journal_folds_and_the_rest_makes_it_whole(drafts in journal(40), sizes in sizes()) {
        let events = Chain::write(&drafts, &sizes).read(Head::EMPTY);
        let whole = Kept::replay(&events);
        let mut kept = Kept::default();
        for cut in 0..=events.len() {
            let (prefix, rest) = events.split_at(cut);
            let mut replayed = Kept::replay(prefix);
            prop_assert_eq!(&replayed, &kept, "after {} events", cut);
            rest.iter().for_each(|event| replayed.apply(event));
            prop_assert_eq!(&replayed, &whole, "from event {} on", cut);
            if let Some(next) = rest.first() {
                kept.apply(next);
            }
        }
    }

    #[test]
    fn what_is_promised_of_an_environment_holds_after_each_event(drafts in journal(60)) {
        let chain = Chain::write(&drafts, &[5]);
        let events = chain.read(Head::EMPTY);
        let (mut state, mut told) = (EnvironmentState::default(), Told::default());
        for event in &events {
            let before = state.clone();
            state.apply(event);
            told.hear(event);
            told.check(&state)?;
            check_epochs(&before, &state)?;
            check_lock(&before, &state, event)?;
            check_end(&before, &state, event)?;
            check_live(&before, &state, event)?;
            check_published(&before, &state, event)?;
            for (run, open) in &state.open_runs {
                check_open(open, *run, &chain, &events)?;
            }
            for service in state.services.values() {
                check_service(service)?;
            }
            // Between an intent and its end, nobody claims to know what is live.
            if let EventKind::EffectIntended { operation, .. } = &event.kind
                && let Some((id, _)) = operation.makes_live()
            {
                prop_assert_eq!(&state.services[id].live, &Live::Unknown);
            }
        }
    }

    #[test]
    fn what_is_promised_of_a_run_holds_after_each_event(drafts in journal(60)) {
        let mut kept = Kept::default();
        for event in &Chain::write(&drafts, &[5]).read(Head::EMPTY) {
            let before = kept.clone();
            kept.apply(event);
            for (run, state) in &before.runs {
                check_run(state, &kept.runs[run], event)?;
            }
        }
    }

    /// Whatever was said before: what is shown as known good had a whole healthy window.
    #[test]
    fn nothing_but_a_whole_healthy_window_makes_a_release_known_good(drafts in journal(60)) {
        let events = Chain::write(&drafts, &[5]).read(Head::EMPTY);
        let environment = EnvironmentState::replay(&events);
        let judged = |kind: EventKind| match kind {
            EventKind::WindowJudged { services, .. } => services,
            _ => Vec::new(),
        };
        let judgements: Vec<_> = events.into_iter().flat_map(|event| judged(event.kind)).collect();
        for (id, state) in &environment.services {
            let Some(good) = &state.last_known_good else { continue };
            let proof = judgements.iter().any(|judgement| {
                judgement.service == *id
                    && judgement.complete
                    && judgement.health == Health::Healthy
                    && judgement.release.as_ref() == Some(good)
            });
            prop_assert!(proof, "{id}: {good}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_prefix_of_a_real_journal_folds() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    world.deploy("v2").await;
    world.run(request(Action::EmergencyStop)).await;
    world.run(request(Action::Resume)).await;
    let events = world.journal.events();
    let runs: BTreeSet<RunId> = events.iter().map(|event| event.run).collect();
    for cut in 0..=events.len() {
        let environment = EnvironmentState::replay(&events[..cut]);
        assert!(environment.open_runs.len() <= 1, "one run after the other: {cut}");
        for run in &runs {
            if let Some(state) = replay(*run, &events[..cut]) {
                // What is not proven yet is not claimed.
                assert!(state.rollback.is_some() || state.rollback_verified().is_none(), "{cut}");
            }
        }
    }
}

#[test]
fn every_listed_name_is_the_one_on_the_wire() {
    let event = EventKind::LockReleased {};
    let value = serde_json::to_value(&event).unwrap();
    assert_eq!(value["kind"], event.name());
    let mut names = EventKind::NAMES.to_vec();
    names.dedup();
    assert_eq!(names.len(), EventKind::NAMES.len());
}
