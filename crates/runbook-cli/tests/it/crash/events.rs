//! Killed after each event that is printed, which is durable by then: every action, with the journal in a file and in git.

use runbook_core::Verdict;

use super::{
    kill::killed_after,
    scripts::{HOMES, world},
    truth::{chain_holds, goes_on, settled},
};
use crate::bench::World;

/// An action, and the world that it comes into.
pub(super) struct Scene {
    /// What was done before, each to a good end.
    pub(super) before: &'static [&'static [&'static str]],
    /// What is killed.
    pub(super) arguments: &'static [&'static str],
    /// Whether v1.1.0 turns out to be bad.
    pub(super) is_bad: bool,
}

const GOOD: &[&[&str]] = &[&["deploy", "v1.0.0"]];
const TWO: &[&[&str]] = &[&["deploy", "v1.0.0"], &["deploy", "v1.1.0"]];
const STOPPED: &[&[&str]] = &[&["deploy", "v1.0.0"], &["emergency-stop"]];

pub(super) const STATUS: Scene = Scene { before: GOOD, arguments: &["update-status"], is_bad: false };
pub(super) const DEPLOY: Scene = Scene { before: GOOD, arguments: &["deploy", "v1.1.0"], is_bad: false };
pub(super) const BAD: Scene = Scene { is_bad: true, ..DEPLOY };
pub(super) const ROLLBACK: Scene = Scene { before: TWO, arguments: &["rollback", "v1.0.0"], is_bad: false };
pub(super) const COMPONENT: Scene =
    Scene { before: GOOD, arguments: &["update-component", "api", "--version", "v1.1.0"], is_bad: false };
pub(super) const STOP: Scene = Scene { before: GOOD, arguments: &["emergency-stop"], is_bad: false };
pub(super) const RESUME: Scene = Scene { before: STOPPED, arguments: &["resume", "--reason", "a test"], is_bad: false };

impl Scene {
    /// Does what was done before.
    pub(super) async fn set(&self, world: &World) {
        for arguments in self.before {
            world.run(arguments).await.exits(0);
        }
    }

    /// Lets v1.1.0 be as good as it is, before each kill.
    pub(super) fn release(&self, world: &World) {
        if self.is_bad {
            world.service.fails("v1.1.0");
        }
    }
}

async fn each_event(scene: &Scene, home: &str) {
    let world = world(home, false).await;
    scene.set(&world).await;
    let frozen = world.freeze();
    for count in 1.. {
        world.thaw(&frozen);
        scene.release(&world);
        let what = format!("{:?} with its journal in {home}, killed after event {count}", scene.arguments);
        if !killed_after(&world, scene.arguments, count).await {
            assert!(count > 8, "{what}: there are no more");
            return;
        }
        chain_holds(&world, &what).await;
        let settled = settled(&world, &what).await;
        let (run, _, verdict) = settled.last();
        if verdict == Verdict::NeedsOperator {
            assert!(settled.has_unknown(run), "{what}: an operator is asked for nothing: {}", settled.recovered);
        }
        assert!(!matches!(verdict, Verdict::Failed | Verdict::Aborted | Verdict::Blocked), "{what}: {verdict:?}");
        goes_on(&world, &settled, &what).await;
    }
}

/// In every home at once: most of the time is spent waiting.
async fn in_each_home(scene: &Scene) {
    let [file, git] = HOMES;
    tokio::join!(each_event(scene, file), each_event(scene, git));
}

#[tokio::test]
async fn a_deploy_is_recovered() {
    in_each_home(&DEPLOY).await;
}

#[tokio::test]
async fn a_deploy_that_is_rolled_back_is_recovered() {
    in_each_home(&BAD).await;
}

#[tokio::test]
async fn a_rollback_is_recovered() {
    in_each_home(&ROLLBACK).await;
}

#[tokio::test]
async fn a_deploy_of_one_component_is_recovered() {
    in_each_home(&COMPONENT).await;
}

#[tokio::test]
async fn what_takes_but_a_moment_is_recovered() {
    for scene in [&STATUS, &STOP, &RESUME] {
        in_each_home(scene).await;
    }
}
