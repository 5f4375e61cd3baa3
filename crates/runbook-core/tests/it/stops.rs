//! The emergency stop: it needs nobody's leave, fences whatever runs, and stops services also without a journal.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use runbook_core::{
    Action, Live, Verdict,
    engine::Cancel,
    event::{Encoded, EventKind, Head, Stored},
    ports::{Clock, Journal, JournalError, LocalLatch, OwnerState},
    state::EnvironmentState,
};
use runbook_testkit::{AppendFault, DeployFault, MemoryJournal};
use tokio::time::Instant;

use crate::harness::{SERVICES, World, deploy, reason, request, service};

#[tokio::test(start_paused = true)]
async fn a_stop_takes_everything_down_and_sets_the_latch() {
    let world = World::with_good_v1().await;
    let result = world.run(request(Action::EmergencyStop)).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(world.live(), ["stopped"; 3]);
    assert_eq!(world.environment().latch.unwrap().reason, "a test");
    assert_eq!(result.report.operational_status.as_str(), "CRITICAL");
}

/// Runs a deploy and, in the middle of its watch, what `interfere` does as another process.
async fn during_the_watch(world: &World, interfere: impl AsyncFnOnce()) -> runbook_core::engine::RunResult {
    let (engine, cancel) = (world.engine(), Cancel::default());
    let later = async {
        world.clock.sleep(Duration::from_secs(25)).await;
        interfere().await;
    };
    tokio::join!(world.run_on(&engine, deploy("v2"), &cancel), later).0
}

async fn stop_by_another(world: &World) {
    let other = world.engine_of(2, OwnerState::Alive);
    let stop = world.run_on(&other, request(Action::EmergencyStop), &Cancel::default()).await;
    assert_eq!(stop.verdict(), Verdict::Succeeded, "{}", reason(&stop));
}

#[tokio::test(start_paused = true)]
async fn a_stop_fences_a_running_deploy() {
    let world = World::with_good_v1().await;
    let before = world.deployer.ordered().len();
    let result = during_the_watch(&world, async || stop_by_another(&world).await).await;
    assert_eq!(result.verdict(), Verdict::Aborted, "{}", reason(&result));
    assert!(reason(&result).contains("ended by an emergency stop"), "{}", reason(&result));
    assert_eq!(world.deployer.ordered().len(), before + 6, "three deploys, three stops, and nothing after them");
    assert_eq!(world.live(), ["stopped"; 3]);
    assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")), "a window cut short promotes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_stopped_on_purpose_is_no_bad_release() {
    // Samples come so close that the deploy's watch sees the stopped services before it asks for the latch.
    let world = World::configured(&crate::harness::CONFIG.replace("10s", "100ms"));
    world.deploy("v1").await;
    let result = during_the_watch(&world, async || stop_by_another(&world).await).await;
    assert_eq!(result.verdict(), Verdict::Aborted, "{}", reason(&result));
    assert!(reason(&result).contains("ended by an emergency stop"), "{}", reason(&result));
    assert!(result.run.rollback.is_none(), "nothing is returned from under a stop: {:?}", result.run.rollback);
    let environment = world.environment();
    assert_eq!(environment.recent_rollbacks(world.clock.now()), 0);
    assert!(environment.services.values().all(|state| state.quarantine.is_empty()), "{:?}", environment.services);
    assert_eq!(world.live(), ["stopped"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_from_before_a_stop_stays_fenced_after_the_resume() {
    let world = World::with_good_v1().await;
    let before = world.deployer.ordered().len();
    let result = during_the_watch(&world, async || {
        stop_by_another(&world).await;
        let other = world.engine_of(3, OwnerState::Alive);
        let resumed = world.run_on(&other, request(Action::Resume), &Cancel::default()).await;
        assert_eq!(resumed.verdict(), Verdict::Succeeded);
    })
    .await;
    assert_eq!(result.verdict(), Verdict::Aborted, "{}", reason(&result));
    assert_eq!(world.deployer.ordered().len(), before + 6, "{:?}", world.ordered_since(before));
    assert_eq!(world.live(), ["stopped"; 3], "a fenced run brings nothing back");
}

/// The plan of a deploy is older than a stop and a resume, and its lock comes after both.
#[tokio::test(start_paused = true)]
async fn a_deploy_that_was_planned_before_a_stop_does_not_begin_after_it() {
    let mut world = World::with_good_v1().await;
    let (stop, resume) = (world.engine_of(2, OwnerState::Alive), world.engine_of(3, OwnerState::Alive));
    let (config, once) = (world.config.clone(), Arc::new(tokio::sync::Mutex::new(true)));
    world.meanwhile(move |batch| {
        let is_lock = batch.events.iter().any(|event| matches!(event.kind, EventKind::LockAcquired { .. }));
        let (stop, resume, config, once) = (stop.clone(), resume.clone(), config.clone(), Arc::clone(&once));
        Box::pin(async move {
            if is_lock && std::mem::take(&mut *once.lock().await) {
                for (engine, asked) in [(stop, request(Action::EmergencyStop)), (resume, request(Action::Resume))] {
                    let plan = engine.prepare(&asked, &config).await.unwrap();
                    let result = engine.execute(asked, plan, &Cancel::default()).await.unwrap();
                    assert_eq!(result.verdict(), Verdict::Succeeded);
                }
            }
        })
    });
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Blocked, "{}", reason(&result));
    assert_eq!(world.live(), ["stopped"; 3]);
    assert!(world.environment().lock.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_deploy_that_hangs() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("api"), DeployFault::Hangs);
    let (engine, cancel) = (world.engine(), Cancel::default());
    let stop = async {
        while world.deployer.ordered().len() < 4 {
            tokio::task::yield_now().await;
        }
        stop_by_another(&world).await;
        assert_eq!(world.live(), ["stopped"; 3]);
        cancel.request(runbook_core::event::Signal::Terminate);
    };
    let (result, ()) = tokio::join!(world.run_on(&engine, deploy("v2"), &cancel), stop);
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert_eq!(world.live(), ["stopped"; 3]);
    assert!(world.environment().latch.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_go_down_is_said_so() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("web"), DeployFault::Fails(runbook_core::LeftBehind::NoChange));
    let result = world.run(request(Action::EmergencyStop)).await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("web"), "{}", reason(&result));
    assert_eq!(world.live(), ["stopped", "v1", "stopped"], "the others go down all the same");
}

/// A journal that works for some appends and then does what `Then` says.
#[derive(Debug)]
struct Failing {
    journal: MemoryJournal,
    good_appends: std::sync::atomic::AtomicU32,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Refuse,
    Hang,
}

impl Failing {
    fn after(journal: &MemoryJournal, good_appends: u32, then: Then) -> Arc<Self> {
        Arc::new(Self { journal: journal.clone(), good_appends: good_appends.into(), then })
    }

    async fn fail<T>(&self) -> Result<T, JournalError> {
        match self.then {
            Then::Hang => std::future::pending().await,
            Then::Refuse => {
                Err(JournalError::Unreachable { doing: "reach", place: self.place(), source: "as ordered".into() })
            }
        }
    }

    fn works(&self) -> bool {
        self.good_appends.load(std::sync::atomic::Ordering::SeqCst) > 0
    }
}

#[async_trait]
impl Journal for Failing {
    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        if self.works() { self.journal.replay(after).await } else { self.fail().await }
    }
    async fn append(&self, batch: &Encoded, expected: Head, state: &EnvironmentState) -> Result<(), JournalError> {
        if !self.works() {
            return self.fail().await;
        }
        self.good_appends.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        self.journal.append(batch, expected, state).await
    }
    fn place(&self) -> String {
        "the journal of this test".to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_goes_on_without_a_journal() {
    for then in [Then::Refuse, Then::Hang] {
        for good_appends in 0..6 {
            let mut world = World::with_good_v1().await;
            world.writes_to = Some(Failing::after(&world.journal, good_appends, then));
            let begun = Instant::now();
            let result = world.run(request(Action::EmergencyStop)).await;
            let story = format!("{then:?} after {good_appends} appends");
            assert_eq!(world.live(), ["stopped"; 3], "{story}");
            assert!(begun.elapsed() <= Duration::from_secs(10), "{story}: {:?}", begun.elapsed());
            assert_eq!(result.verdict(), Verdict::NeedsOperator, "{story}: {}", reason(&result));
            let shared = world.environment().latch.is_some();
            let local = world.latch.read().await.unwrap();
            assert!(shared || local.is_some(), "{story}: no latch anywhere");
            assert_eq!(reason(&result).contains("latch not shared"), !shared, "{story}: {}", reason(&result));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn services_go_down_within_five_seconds_of_a_silent_journal() {
    let mut world = World::with_good_v1().await;
    world.writes_to = Some(Failing::after(&world.journal, 0, Then::Hang));
    let begun = Instant::now();
    let result = world.run(request(Action::EmergencyStop)).await;
    assert!(begun.elapsed() <= Duration::from_millis(5_500), "{:?}", begun.elapsed());
    assert_eq!(world.live(), ["stopped"; 3]);
    assert!(reason(&result).contains("latch not shared"), "{}", reason(&result));
    assert_eq!(world.latch.read().await.unwrap().unwrap().reason, "a test");
    assert!(!world.journal.events().iter().any(|event| matches!(event.kind, EventKind::StopLatched { .. })));
    assert_eq!(world.tracker.updates().last().unwrap().1.view.verdict, Some(Verdict::NeedsOperator));
}

#[tokio::test(start_paused = true)]
async fn a_latch_that_could_be_kept_nowhere_is_said_so() {
    let world = World::with_good_v1().await;
    world.journal.fail_next_append(AppendFault::Unreachable);
    world.latch.set_broken(true);
    let mut world = world;
    world.writes_to = Some(Arc::new(world.journal.clone()));
    let result = world.run(request(Action::EmergencyStop)).await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("failed to set the local stop latch"), "{}", reason(&result));
    assert_eq!(world.live(), ["stopped"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_services_that_were_never_deployed_works() {
    let world = World::new();
    SERVICES.iter().for_each(|id| world.deployer.set_live(&service(id), Live::Unknown));
    let result = world.run(request(Action::EmergencyStop)).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(world.live(), ["stopped"; 3]);
}
