//! The rule, played through: every order of a few processes that write one journal, die, and are taken up, with
//! [`stateright`]. What they ask for is the engine's own [`Move`], the answer is the engine's own [`allowed`], and what
//! the journal comes to is folded by the engine's own [`EnvironmentState`]. Only what a process does between two questions
//! is told again, in `cast`.
//!
//! An append that comes after somebody else's fails, and the process reads and asks again. A process that lost the journal
//! is as good as dead here: it writes nothing any more. The stop that goes on without a journal, and its latch on this
//! machine alone, are not played.

mod cast;
mod journal;

use stateright::{Checker, HasDiscoveries, Model, Property};

use self::{
    cast::{Place, Process, Role, State},
    journal::{Fact, Journal, Record},
};
use super::{Bar, Move, Standing, allowed};
use crate::{state::EnvironmentState, words::Owner};

type Rules = for<'w> fn(Move, &Standing, &'w EnvironmentState) -> Result<(), Bar<'w>>;

/// Who plays, and what may happen to them.
#[derive(Debug, Clone)]
struct Scene {
    cast: &'static [Role],
    /// How many effects a deploy has, and a stop.
    changes: u8,
    stops: u8,
    /// How many processes may die.
    crashes: u8,
    /// Whether people say of processes that work that they are over: a recovery and an unlock then take from the living.
    vouched: bool,
    rules: Rules,
    /// Whether an append compares the head.
    compares: bool,
    /// What this scene has to come to at some time, or it would prove nothing.
    reaches: &'static [&'static str],
}

/// What one process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It asks the journal for a move, with what it has read.
    Ask { who: usize, wanted: Move },
    /// It reads the journal, and finds this run to take up, or its lock to take away.
    Look { who: usize, run: u8 },
    /// The effect that it intended happens.
    Act { who: usize },
    /// It dies where it stands.
    Crash { who: usize },
}

impl Scene {
    fn of(cast: &'static [Role], reaches: &'static [&'static str]) -> Self {
        let rules: Rules = allowed;
        Self { cast, changes: 1, stops: 0, crashes: 0, vouched: false, rules, compares: true, reaches }
    }

    /// What somebody who looks for it finds.
    fn found(&self, state: &State, who: usize) -> Vec<u8> {
        let world = state.journal.now();
        let is_over = |owner: usize| {
            owner != who && (state.cast[owner].dead || (self.vouched && state.cast[owner].place != Place::Gone))
        };
        match (self.cast[who], &world.lock) {
            (Role::Unlock, Some(lock)) if lock.sticky || is_over(journal::process(&lock.owner)) => {
                vec![journal::number(lock.run)]
            }
            (Role::Unlock, _) => Vec::new(),
            _ => {
                let over = world.open_runs.iter().filter(|(_, open)| is_over(journal::process(&open.owner)));
                over.map(|(run, _)| journal::number(*run)).collect()
            }
        }
    }

    fn look(&self, state: &State, me: &mut Process, run: u8) {
        me.read = state.journal.head();
        let (world, id) = (state.journal.now(), journal::run_id(run));
        if me.role == Role::Unlock {
            me.place = world.lock.as_ref().map_or(Place::Gone, |lock| Place::Freeing { run, seen: lock.epoch });
        } else {
            me.run = run;
            me.place = world.open_runs.get(&id).map_or(Place::Gone, |open| Place::TakingUp { seen: open.epoch });
        }
    }

    /// As the ledger does it: decide, append, and after a lost race read and decide again.
    fn ask(&self, state: &mut State, me: &mut Process, wanted: Move, by: u8) {
        let mine = self.standing(state, me);
        let answer = (self.rules)(wanted, &mine, state.journal.world(me.read));
        if let Err(bar) = answer {
            me.place = if bar == Bar::TakenUp { Place::Gone } else { self.refused(state, me, wanted) };
            return;
        }
        let head = state.journal.head();
        if self.compares && me.read != head {
            me.read = head;
            if (self.rules)(Move::Tell, &self.standing(state, me), state.journal.now()).is_err() {
                me.place = Place::Gone;
            }
            return;
        }
        if wanted.raises_epoch() {
            me.epoch = state.journal.world(me.read).epoch + 1;
        }
        let fact = self.fact(me, wanted);
        state.journal.append(Record { by, run: me.run, epoch: me.epoch, fact });
        me.read = state.journal.head();
        me.place = self.after(state, me, wanted);
    }
}

impl Model for Scene {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let process = |(run, role): (u8, &Role)| Process {
            role: *role,
            place: Place::Waiting,
            run,
            read: 0,
            epoch: 0,
            dead: false,
        };
        let cast = (0..).zip(self.cast).map(process).collect();
        vec![State { journal: Journal::default(), cast, happened: Vec::new(), crashes: self.crashes }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        for (who, me) in state.cast.iter().enumerate().filter(|(_, me)| !me.dead && me.place != Place::Gone) {
            actions.extend(self.wanted(state, me).map(|wanted| Step::Ask { who, wanted }));
            if me.place == Place::Waiting && me.role.looks() {
                actions.extend(self.found(state, who).into_iter().map(|run| Step::Look { who, run }));
            }
            if matches!(me.place, Place::Acting(_)) {
                actions.push(Step::Act { who });
            }
            if state.crashes > 0 && me.role.runs() && me.place != Place::Waiting {
                actions.push(Step::Crash { who });
            }
        }
    }

    fn next_state(&self, last: &State, action: Step) -> Option<State> {
        let mut state = last.clone();
        let (Step::Ask { who, .. } | Step::Look { who, .. } | Step::Act { who } | Step::Crash { who }) = action;
        let mut me = state.cast[who];
        match action {
            Step::Ask { wanted, .. } => self.ask(&mut state, &mut me, wanted, u8::try_from(who).ok()?),
            Step::Look { run, .. } => self.look(&state, &mut me, run),
            Step::Act { .. } => {
                let Place::Acting(effect) = me.place else { return None };
                state.happened.push((me.run, effect));
                state.happened.sort_unstable();
                me.place = Place::Telling(effect);
            }
            Step::Crash { .. } => {
                me.dead = true;
                state.crashes -= 1;
            }
        }
        state.cast[who] = me;
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let reached = reachable().into_iter().filter(|property| self.reaches.contains(&property.name));
        promises().into_iter().chain(reached).collect()
    }
}

const UNDER_THE_LOCK: &str = "an effect begins under the lock and no latch, by the owner of its run";
const NOT_UNDER_A_LATCH: &str = "nothing begins between a stop and its lift";
const IN_ITS_WORLD: &str = "a run changes only the world that it was planned in";
const ONCE: &str = "an effect happens once";
const ONE_AT_ONCE: &str = "one process changes services at once";
const EPOCHS_RISE: &str = "epoch and fence only rise, and no two processes have the same";
const FROM_THE_DEAD: &str = "a run is taken up or closed only when its owner is over";
const NO_LOCK_STICKS: &str = "a lock belongs to a run that is open, and whose owner works or is dead";
const THE_STOP_ASKED_ABOUT: &str = "a lift lifts the stop that it was asked about";

fn always(name: &'static str, holds: fn(&Scene, &State) -> bool) -> Property<Scene> {
    Property::always(name, holds)
}

fn sometimes(name: &'static str, is_so: fn(&Scene, &State) -> bool) -> Property<Scene> {
    Property::sometimes(name, is_so)
}

/// What always holds. Each state's newest record is looked at, so that every record is, with what came before it.
fn promises() -> Vec<Property<Scene>> {
    vec![
        always(UNDER_THE_LOCK, |scene, state| {
            let Some((record, world)) = state.journal.newest() else { return true };
            let run = journal::run_id(record.run);
            let is_mine = |owner: &Owner| journal::process(owner) == usize::from(record.by);
            !scene.changes_services(record)
                || (world.latch.is_none()
                    && world.lock.as_ref().is_some_and(|lock| lock.run == run && is_mine(&lock.owner))
                    && world.open_runs.get(&run).is_some_and(|open| is_mine(&open.owner)))
        }),
        always(NOT_UNDER_A_LATCH, |scene, state| {
            let Some((record, _)) = state.journal.newest() else { return true };
            let turn = state.journal.all().rfind(|record| matches!(record.fact, Fact::Latched | Fact::Lifted));
            !scene.changes_services(record) || turn.is_none_or(|turn| turn.fact == Fact::Lifted)
        }),
        always(IN_ITS_WORLD, |scene, state| {
            let Some((record, _)) = state.journal.newest() else { return true };
            let is_start = |other: &Record| other.run == record.run && matches!(other.fact, Fact::Started(_));
            let mut since = state.journal.all().rev().take_while(|other| !is_start(other));
            let changes = |fact: Fact| matches!(fact, Fact::Locked | Fact::Held | Fact::Freed | Fact::Latched);
            !scene.changes_services(record) || !since.any(|other| other.run != record.run && changes(other.fact))
        }),
        always(ONCE, |scene, state| scene.vouched || state.happened.windows(2).all(|pair| pair[0] != pair[1])),
        always(ONE_AT_ONCE, |scene, state| {
            let at_work = |process: &&Process| {
                let is_stop = scene.cast[usize::from(process.run)] == Role::Stop;
                matches!(process.place, Place::Acting(_)) && !process.dead && !is_stop
            };
            scene.vouched || state.cast.iter().filter(at_work).count() <= 1
        }),
        always(EPOCHS_RISE, |_, state| {
            let Some((record, before)) = state.journal.newest() else { return true };
            let now = state.journal.now();
            let is_told = matches!(
                record.fact,
                Fact::Intended(_) | Fact::Done(_) | Fact::Settled(_) | Fact::Abandoned { .. } | Fact::Ended
            );
            now.epoch >= before.epoch
                && now.fence >= before.fence
                && now.epoch >= now.fence
                && (is_told || record.epoch > before.epoch)
        }),
        always(FROM_THE_DEAD, |scene, state| {
            let Some((record, _)) = state.journal.newest() else { return true };
            let run = match record.fact {
                Fact::Continued => record.run,
                Fact::Abandoned { run, .. } => run,
                _ => return true,
            };
            scene.vouched || state.owner_is_dead(state.journal.head() - 1, run)
        }),
        always(NO_LOCK_STICKS, |_, state| {
            let world = state.journal.now();
            let Some(lock) = world.lock.as_ref().filter(|lock| !lock.sticky) else { return true };
            let owner = &state.cast[journal::process(&lock.owner)];
            world.open_runs.get(&lock.run).is_some_and(|open| open.owner == lock.owner)
                && (owner.dead || owner.place != Place::Gone)
        }),
        always(THE_STOP_ASKED_ABOUT, |_, state| {
            let Some((record, _)) = state.journal.newest().filter(|(record, _)| record.fact == Fact::Lifted) else {
                return true;
            };
            let is_start = |other: &Record| other.run == record.run && matches!(other.fact, Fact::Started(_));
            let mut since = state.journal.all().rev().take_while(|other| !is_start(other));
            !since.any(|other| other.fact == Fact::Latched)
        }),
    ]
}

const A_LOST_RACE: &str = "somebody asks with an old head";
const A_RECOVERED_DEPLOY: &str = "a deploy is brought to its end by another process";
const A_CLOSED_RUN: &str = "a run of the dead is closed";
const HAPPENED_AND_NOT_TOLD: &str = "an effect happened, and its process died before it said so";
const A_STOP_IN_THE_MIDDLE: &str = "a stop comes while an effect of a deploy is under way";
const A_LIFTED_LATCH: &str = "a latch is lifted while a deploy from before it goes on";
const A_STOP_ENDS: &str = "a stop stops something and ends";
const TAKEN_FROM_THE_LIVING: &str = "a run is taken up while its process works";
const A_LOCK_TAKEN_AWAY: &str = "a person takes the lock away";
const EVERYBODY_LEFT: &str = "everybody has left or is dead, the lock is free, and no run is open";

/// What is reached at some time.
fn reachable() -> Vec<Property<Scene>> {
    vec![
        sometimes(A_LOST_RACE, |scene, state| {
            let asks = |process: &&Process| !process.dead && scene.wanted(state, process).is_some();
            state.cast.iter().filter(asks).any(|process| process.read > 0 && process.read < state.journal.head())
        }),
        sometimes(A_RECOVERED_DEPLOY, |scene, state| {
            newest_is(state, |record| {
                let is_deploy = scene.cast[usize::from(record.run)] == Role::Deploy;
                record.fact == Fact::Ended && is_deploy && record.by != record.run
            })
        }),
        sometimes(A_CLOSED_RUN, |_, state| newest_is(state, |record| matches!(record.fact, Fact::Abandoned { .. }))),
        sometimes(HAPPENED_AND_NOT_TOLD, |_, state| {
            newest_is(state, |record| matches!(record.fact, Fact::Settled(settled) if settled.happened))
        }),
        sometimes(A_STOP_IN_THE_MIDDLE, |scene, state| {
            newest_is(state, |record| record.fact == Fact::Latched) && scene.is_under_way(state)
        }),
        sometimes(A_LIFTED_LATCH, |scene, state| {
            newest_is(state, |record| record.fact == Fact::Lifted) && scene.is_under_way(state)
        }),
        sometimes(A_STOP_ENDS, |scene, state| {
            let is_stop = |run: u8| scene.cast[usize::from(run)] == Role::Stop;
            let stopped = state.happened.iter().any(|(run, _)| is_stop(*run));
            stopped && newest_is(state, |record| record.fact == Fact::Ended && is_stop(record.run))
        }),
        sometimes(TAKEN_FROM_THE_LIVING, |scene, state| {
            newest_is(state, |record| record.fact == Fact::Continued) && scene.is_under_way(state)
        }),
        sometimes(A_LOCK_TAKEN_AWAY, |_, state| newest_is(state, |record| record.fact == Fact::Freed)),
        sometimes(EVERYBODY_LEFT, |_, state| {
            let world = state.journal.now();
            let left = |process: &Process| process.dead || process.place == Place::Gone;
            state.cast.iter().all(left) && world.lock.is_none() && world.open_runs.is_empty()
        }),
    ]
}

fn newest_is(state: &State, is: impl Fn(Record) -> bool) -> bool {
    state.journal.newest().is_some_and(|(record, _)| is(record))
}

impl Scene {
    /// Whether a record begins an effect that needs lock and latch.
    fn changes_services(&self, record: Record) -> bool {
        matches!(record.fact, Fact::Intended(_)) && self.cast[usize::from(record.run)] != Role::Stop
    }

    /// Whether an effect of a deploy is under way, by the process that began the run.
    fn is_under_way(&self, state: &State) -> bool {
        let acts = |process: &Process| matches!(process.place, Place::Acting(_)) && !process.dead;
        state.cast.iter().any(|process| process.role == Role::Deploy && acts(process))
    }

    /// Plays every order to its end.
    fn holds(self) {
        let cast = self.cast;
        let checked = self.checker().threads(2).spawn_bfs().join();
        println!("{cast:?}: {} states, {} steps deep", checked.unique_state_count(), checked.max_depth());
        checked.assert_properties();
    }

    /// Plays until a promise is broken, and expects it to be this one.
    fn breaks(self, promise: &'static str) {
        let finish = HasDiscoveries::AnyOf([promise].into());
        let checked = self.checker().finish_when(finish).spawn_bfs().join();
        let path = checked.assert_any_discovery(promise);
        println!("{promise}: broken by {:?}", path.into_actions());
    }
}

#[test]
fn two_deploys_and_a_recovery_exclude_each_other_wherever_two_processes_die() {
    let reaches = &[A_LOST_RACE, A_RECOVERED_DEPLOY, A_CLOSED_RUN, HAPPENED_AND_NOT_TOLD, EVERYBODY_LEFT];
    Scene { crashes: 2, ..Scene::of(&[Role::Deploy, Role::Deploy, Role::Recover], reaches) }.holds();
}

#[test]
fn two_recoveries_of_one_run_exclude_each_other() {
    let reaches = &[A_LOST_RACE, A_RECOVERED_DEPLOY, HAPPENED_AND_NOT_TOLD];
    Scene { changes: 2, crashes: 2, ..Scene::of(&[Role::Deploy, Role::Recover, Role::Recover], reaches) }.holds();
}

#[test]
fn a_deploy_begins_nothing_after_a_stop_also_once_it_is_lifted() {
    let reaches = &[A_LOST_RACE, A_STOP_IN_THE_MIDDLE, A_LIFTED_LATCH, EVERYBODY_LEFT];
    Scene { changes: 2, ..Scene::of(&[Role::Deploy, Role::Stop, Role::Resume], reaches) }.holds();
}

#[test]
fn a_stop_that_dies_is_recovered_and_a_deploy_beside_it_waits() {
    let reaches = &[A_STOP_IN_THE_MIDDLE, A_STOP_ENDS, A_RECOVERED_DEPLOY];
    Scene { stops: 1, crashes: 1, ..Scene::of(&[Role::Deploy, Role::Stop, Role::Recover], reaches) }.holds();
}

#[test]
fn a_resume_lifts_no_stop_that_came_after_it() {
    let reaches = &[A_LOST_RACE, EVERYBODY_LEFT];
    Scene::of(&[Role::Stop, Role::Resume, Role::Stop], reaches).holds();
}

#[test]
fn a_process_whose_run_is_taken_from_it_begins_nothing_any_more() {
    let reaches = &[TAKEN_FROM_THE_LIVING, A_RECOVERED_DEPLOY, EVERYBODY_LEFT];
    let scene = Scene { vouched: true, ..Scene::of(&[Role::Deploy, Role::Recover, Role::Deploy], reaches) };
    scene.holds();
    let scene = Scene { vouched: true, ..Scene::of(&[Role::Deploy, Role::Report, Role::Deploy], reaches) };
    scene.holds();
}

#[test]
fn a_run_whose_lock_is_taken_away_begins_nothing_any_more() {
    let reaches = &[A_LOCK_TAKEN_AWAY, EVERYBODY_LEFT];
    let scene = Scene { vouched: true, ..Scene::of(&[Role::Deploy, Role::Unlock, Role::Deploy], reaches) };
    scene.holds();
}

#[test]
fn a_lock_in_a_persons_hand_keeps_runs_away() {
    let reaches = &[A_LOST_RACE, A_LOCK_TAKEN_AWAY, A_CLOSED_RUN, EVERYBODY_LEFT];
    Scene { crashes: 1, ..Scene::of(&[Role::Deploy, Role::Keep, Role::Deploy], reaches) }.holds();
}

/// A rule that is left out is missed. So each of them is needed, and the model sees what each of them is for.
#[test]
fn a_rule_that_is_left_out_is_missed() {
    const DEPLOYS: &[Role] = &[Role::Deploy, Role::Deploy, Role::Recover];
    const STOPPED: &[Role] = &[Role::Deploy, Role::Stop, Role::Resume];
    fn scene(cast: &'static [Role], crashes: u8, rules: Rules) -> Scene {
        Scene { crashes, rules, ..Scene::of(cast, &[]) }
    }
    fn taken(cast: &'static [Role], rules: Rules) -> Scene {
        Scene { vouched: true, rules, ..Scene::of(cast, &[]) }
    }

    Scene { compares: false, ..scene(DEPLOYS, 1, allowed) }.breaks(ONE_AT_ONCE);
    Scene { compares: false, ..scene(DEPLOYS, 1, allowed) }.breaks(EPOCHS_RISE);
    scene(DEPLOYS, 0, |wanted, mine, world| match allowed(wanted, mine, world) {
        Err(Bar::Held(_)) => Ok(()),
        answer => answer,
    })
    .breaks(ONE_AT_ONCE);
    scene(STOPPED, 0, |wanted, mine, world| match allowed(wanted, mine, world) {
        Err(Bar::Latched(_)) => Ok(()),
        answer => answer,
    })
    .breaks(NOT_UNDER_A_LATCH);
    // The fence.
    scene(STOPPED, 0, |wanted, mine, world| {
        let epoch = if wanted == Move::Intend { u64::MAX } else { mine.epoch };
        allowed(wanted, &Standing { epoch, ..*mine }, world)
    })
    .breaks(IN_ITS_WORLD);
    // The epoch in which a run was planned.
    scene(STOPPED, 0, |wanted, mine, world| allowed(wanted, &Standing { begun: u64::MAX, ..*mine }, world))
        .breaks(IN_ITS_WORLD);
    scene(&[Role::Stop, Role::Resume, Role::Stop], 0, |wanted, mine, world| match allowed(wanted, mine, world) {
        Err(Bar::StoppedSince(_)) => Ok(()),
        answer => answer,
    })
    .breaks(THE_STOP_ASKED_ABOUT);
    // A run is closed, or taken up, as it was when somebody looked.
    scene(DEPLOYS, 1, |wanted, mine, world| match (wanted, allowed(wanted, mine, world)) {
        (Move::Close { .. }, Err(Bar::TakenUpBy(_))) => Ok(()),
        (_, answer) => answer,
    })
    .breaks(FROM_THE_DEAD);
    scene(&[Role::Deploy, Role::Recover, Role::Recover], 1, |wanted, mine, world| {
        match (wanted, allowed(wanted, mine, world)) {
            (Move::TakeUp { .. }, Err(Bar::TakenUpBy(_))) => Ok(()),
            (_, answer) => answer,
        }
    })
    .breaks(FROM_THE_DEAD);
    // A process whose run goes on elsewhere, or has ended there.
    taken(&[Role::Deploy, Role::Recover], |wanted, mine, world| match allowed(wanted, mine, world) {
        Err(Bar::TakenUp) => Ok(()),
        answer => answer,
    })
    .breaks(UNDER_THE_LOCK);
    taken(&[Role::Deploy, Role::Report], |wanted, mine, world| match allowed(wanted, mine, world) {
        Err(Bar::Ended) => Ok(()),
        answer => answer,
    })
    .breaks(NO_LOCK_STICKS);
}
