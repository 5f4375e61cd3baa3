//! Killed anywhere: stories of random actions, each cut off at a random moment, and recoveries that are cut off too. Each
//! story prints its seed; `RUNBOOK_SEED=…` makes it the first story, with the same choices. When exactly a kill strikes is
//! the machine's choice all the same.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use runbook_core::state::EnvironmentState;

use super::{
    kill::{killed_after, killed_within},
    scripts::world,
    truth::{chain_holds, goes_on, settled},
};
use crate::bench::World;

/// How many kills a home's stories have together.
const KILLS: usize = 100;
/// How many of them one story has: its journal grows from one to the next.
const CHAPTERS: usize = 20;

/// Something to ask for, and how long that takes at most when nobody is killed, in milliseconds.
type Wish = (&'static [&'static str], u64);

const LIFT: Wish = (&["resume", "--reason", "chance"], 70);
const WISHES: [Wish; 7] = [
    (&["deploy", "v1.1.0"], 350),
    (&["deploy", "v1.0.0"], 350),
    (&["update-component", "api", "--version", "v1.1.0"], 350),
    (&["rollback", "v1.0.0"], 300),
    (&["emergency-stop", "--reason", "chance"], 80),
    (&["update-status"], 80),
    LIFT,
];

fn seed() -> u64 {
    match std::env::var("RUNBOOK_SEED") {
        Ok(seed) => seed.parse().expect("RUNBOOK_SEED is a whole number"),
        Err(_) => rand::random(),
    }
}

/// Kills the wish at a moment by chance; false when it was done before.
async fn killed(world: &World, (arguments, longest): Wish, dice: &mut StdRng) -> (bool, String) {
    if dice.random_bool(0.4) {
        let count = dice.random_range(1..=30);
        let killed = killed_after(world, arguments, count).await;
        return (killed, format!("{arguments:?} after event {count}"));
    }
    let delay = Duration::from_micros(dice.random_range(0..longest * 1000));
    (killed_within(world, arguments, delay).await, format!("{arguments:?} after {delay:?}"))
}

async fn story(home: &str, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let knows = dice.random_bool(0.5);
    let world = world(home, knows).await;
    world.deployed("v1.0.0").await;
    let mut latched = false;
    let (mut kills, mut told) = (0, Vec::new());
    while kills < CHAPTERS {
        assert!(told.len() < 20 * CHAPTERS, "the kills come too late: {told:?}");
        for release in ["v1.0.0", "v1.1.0"] {
            if dice.random_bool(0.2) { world.service.fails(release) } else { world.service.heals(release) }
        }
        let wish = WISHES.choose(&mut dice).copied().unwrap();
        // Behind a latch little happens; it is lifted as often as not.
        let wish = if latched && dice.random_bool(0.5) { LIFT } else { wish };
        let (is_killed, words) = killed(&world, wish, &mut dice).await;
        kills += usize::from(is_killed);
        told.push(words);
        let mut interruptions = 0;
        while dice.random_bool(0.3) {
            interruptions += 1;
            let delay = Duration::from_millis(dice.random_range(0..250));
            killed_within(&world, &["recover"], delay).await;
            let what = format!("seed = {seed} in {home}, a recovery killed after {delay:?}: {told:#?}");
            chain_holds(&world, &what).await;
        }
        let what = format!("seed = {seed} in {home} (knows: {knows}), {interruptions} recoveries killed: {told:#?}");
        chain_holds(&world, &what).await;
        latched = settled(&world, &what).await.environment.latch.is_some();
    }
    let what = format!("seed = {seed} in {home} at its end: {told:#?}");
    let end = settled(&world, &what).await;
    goes_on(&world, &end, &what).await;
    let state = EnvironmentState::replay(&world.events());
    assert!(state.unsettled.is_none() && state.latch.is_none(), "{what}: {state:?}");
}

async fn stories(home: &str) {
    let seed = seed();
    // Two at once: most of the time is spent waiting.
    for first in (0..KILLS / CHAPTERS).step_by(2) {
        let tell = |number: usize| {
            let seed = seed.wrapping_add(number as u64);
            async move {
                if number < KILLS / CHAPTERS {
                    eprintln!("seed = {seed}: a story of {CHAPTERS} kills, its journal in {home}");
                    story(home, seed).await;
                }
            }
        };
        tokio::join!(tell(first), tell(first + 1));
    }
}

#[tokio::test]
async fn a_hundred_random_kills_leave_the_truth_in_a_file() {
    stories("file").await;
}

#[tokio::test]
async fn a_hundred_random_kills_leave_the_truth_in_git() {
    stories("local").await;
}
