//! Time that moves when it is told to, or when everybody waits for it.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use runbook_core::ports::Clock;

/// After so many polls per sleeper, without one coming or going, everybody counts as idle.
const PATIENCE: usize = 64;

/// A clock for tests: six hours of watching pass in a millisecond. Clones share one time.
///
/// [`VirtualClock::new`] stands still until [`advance`](VirtualClock::advance). [`VirtualClock::auto`] jumps to the
/// earliest deadline as soon as nothing else happens; so sleepers wake in the order of their deadlines, each at exactly
/// its deadline. Those with the same deadline wake in no promised order.
///
/// **Limits.** The automatic clock guesses "idle": sleepers let other tasks go first, many times, and the time jumps when
/// meanwhile nobody went to sleep or woke. Work that the runtime cannot see – sockets, processes, threads,
/// `spawn_blocking` – looks idle. So hold the time with [`VirtualClock::hold`] around such work, or use the standing
/// clock. It is meant for the current-thread runtime; with several threads a task that computes for long can miss a
/// jump.
///
/// ```
/// use std::time::Duration;
/// use runbook_core::ports::Clock;
/// use runbook_testkit::VirtualClock;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let clock = VirtualClock::auto("2026-01-01T00:00:00Z".parse().unwrap());
/// clock.sleep(Duration::from_secs(6 * 3600)).await;
/// assert_eq!(clock.now().to_string(), "2026-01-01T06:00:00Z");
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct VirtualClock {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    now: Timestamp,
    auto: bool,
    holds: usize,
    /// Who sleeps, by deadline and then by arrival; the waker is that of the last poll.
    sleepers: BTreeMap<(Timestamp, u64), Option<Waker>>,
    arrivals: u64,
    /// Polls of sleepers since one came, went, or the time moved.
    idle: usize,
}

impl VirtualClock {
    /// A clock that stands at this time.
    pub fn new(start: Timestamp) -> Self {
        Self::with(start, false)
    }

    /// A clock that starts at this time and jumps to the earliest sleeper when everybody waits.
    pub fn auto(start: Timestamp) -> Self {
        Self::with(start, true)
    }

    fn with(now: Timestamp, auto: bool) -> Self {
        let shared = Shared { now, auto, holds: 0, sleepers: BTreeMap::new(), arrivals: 0, idle: 0 };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Moves the time forward and wakes everybody whose deadline has come.
    pub fn advance(&self, duration: Duration) {
        let mut shared = self.lock();
        shared.now = later(shared.now, duration);
        shared.wake_due();
    }

    /// Moves the time to the next deadline and wakes who waits for it; false when there is none ahead.
    pub fn advance_to_next(&self) -> bool {
        let mut shared = self.lock();
        let now = shared.now;
        let Some((&(deadline, _), _)) = shared.sleepers.range((now, u64::MAX)..).next() else { return false };
        shared.now = deadline;
        shared.wake_due();
        true
    }

    /// Sets the time, also backwards, as the clock of a machine may jump. Sleepers keep their deadlines.
    pub fn set(&self, now: Timestamp) {
        let mut shared = self.lock();
        shared.now = now;
        shared.wake_due();
    }

    /// How many sleepers wait.
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    /// Keeps an automatic clock from jumping for as long as the guard lives.
    pub fn hold(&self) -> Hold {
        self.lock().holds += 1;
        Hold { clock: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps an automatic clock from jumping; made by [`VirtualClock::hold`].
#[derive(Debug)]
#[must_use = "the time runs again when the guard is dropped"]
pub struct Hold {
    clock: VirtualClock,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut shared = self.clock.lock();
        shared.holds -= 1;
        shared.idle = 0;
        shared.sleepers.values_mut().filter_map(Option::take).for_each(Waker::wake);
    }
}

impl Shared {
    fn wake_due(&mut self) {
        let now = self.now;
        self.sleepers.range_mut(..=(now, u64::MAX)).filter_map(|(_, waker)| waker.take()).for_each(Waker::wake);
    }

    fn arrive(&mut self, duration: Duration) -> (Timestamp, u64) {
        self.arrivals += 1;
        self.idle = 0;
        let place = (later(self.now, duration), self.arrivals);
        self.sleepers.insert(place, None);
        place
    }

    /// Counts one poll of a sleeper, and jumps to the next deadline when nothing else has happened for long.
    fn wait_for_idle(&mut self) {
        self.idle += 1;
        if self.idle <= PATIENCE * self.sleepers.len() {
            return;
        }
        if let Some((&(deadline, _), _)) = self.sleepers.range((self.now, u64::MAX)..).next() {
            (self.now, self.idle) = (deadline, 0);
            self.wake_due();
        }
    }
}

fn later(now: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    async fn sleep(&self, duration: Duration) {
        Sleep { clock: self.clone(), duration, place: None }.await;
    }
}

/// One sleeper. Whoever is polled drives an automatic clock, so that one whom nobody polls cannot stop it.
#[derive(Debug)]
struct Sleep {
    clock: VirtualClock,
    duration: Duration,
    place: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut shared = this.clock.lock();
        let place = *this.place.get_or_insert_with(|| shared.arrive(this.duration));
        let runs = shared.auto && shared.holds == 0;
        if runs && place.0 > shared.now {
            shared.wait_for_idle();
        }
        if place.0 <= shared.now {
            drop(shared);
            this.leave();
            return Poll::Ready(());
        }
        shared.sleepers.insert(place, Some(cx.waker().clone()));
        if runs {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Sleep {
    /// Goes out of the list.
    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            let mut shared = self.clock.lock();
            shared.sleepers.remove(&place);
            shared.idle = 0;
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        #[allow(clippy::unwrap_used, reason = "a test without a runtime has to stop")]
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn start() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_deadlines() {
        runtime().block_on(async {
            let clock = VirtualClock::auto(start());
            let log = Mutex::new(Vec::new());
            let sleeper = |name: &'static str, seconds: u64, times: u32| {
                let (clock, log) = (&clock, &log);
                async move {
                    for _ in 0..times {
                        clock.sleep(Duration::from_secs(seconds)).await;
                        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                        log.push((clock.now().as_second(), name));
                    }
                }
            };
            // "a" and "b" go to sleep again and again; a jump too far would reorder them.
            futures::future::join3(sleeper("b", 5, 2), sleeper("a", 2, 4), sleeper("c", 7, 1)).await;
            let log = log.into_inner().unwrap_or_else(PoisonError::into_inner);
            assert_eq!(log, [(2, "a"), (4, "a"), (5, "b"), (6, "a"), (7, "c"), (8, "a"), (10, "b")]);
        });
    }

    #[test]
    fn separate_tasks_share_one_time() {
        runtime().block_on(async {
            let clock = VirtualClock::auto(start());
            let tasks: Vec<_> = (1..=50_u64)
                .rev()
                .map(|seconds| {
                    let clock = clock.clone();
                    tokio::spawn(async move {
                        clock.sleep(Duration::from_secs(seconds)).await;
                        clock.now().as_second() == i64::try_from(seconds).unwrap_or_default()
                    })
                })
                .collect();
            for task in tasks {
                assert!(task.await.unwrap_or(false), "each wakes at exactly its deadline");
            }
        });
    }

    #[test]
    fn a_sleeper_whom_nobody_polls_does_not_stop_the_time() {
        runtime().block_on(async {
            let clock = VirtualClock::auto(start());
            let mut forgotten = Box::pin(clock.sleep(Duration::from_secs(1)));
            assert!(futures::poll!(&mut forgotten).is_pending());
            clock.sleep(Duration::from_secs(5)).await;
            assert_eq!(clock.now().as_second(), 5);
            assert!(futures::poll!(&mut forgotten).is_ready());
        });
    }

    #[test]
    fn a_standing_clock_moves_only_when_told() {
        runtime().block_on(async {
            let clock = VirtualClock::new(start());
            let mut sleep = Box::pin(clock.sleep(Duration::from_secs(60)));
            assert!(futures::poll!(&mut sleep).is_pending());
            clock.advance(Duration::from_secs(59));
            assert!(futures::poll!(&mut sleep).is_pending());
            clock.advance(Duration::from_secs(1));
            assert!(futures::poll!(&mut sleep).is_ready());
            assert_eq!(clock.sleepers(), 0);
        });
    }

    #[test]
    fn a_dropped_sleeper_leaves_nothing_behind() {
        runtime().block_on(async {
            let clock = VirtualClock::auto(start());
            let mut long = Box::pin(clock.sleep(Duration::from_secs(1)));
            assert!(futures::poll!(&mut long).is_pending());
            drop(long);
            assert_eq!(clock.sleepers(), 0);
            clock.sleep(Duration::from_secs(9)).await;
            assert_eq!(clock.now().as_second(), 9);
        });
    }

    #[test]
    fn a_held_clock_waits_for_work_that_it_cannot_see() {
        runtime().block_on(async {
            let clock = VirtualClock::auto(start());
            let hold = clock.hold();
            let slept = clock.sleep(Duration::from_secs(5));
            let work = async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let at = clock.now();
                drop(hold);
                at
            };
            let ((), at) = futures::future::join(slept, work).await;
            assert_eq!((at.as_second(), clock.now().as_second()), (0, 5));
        });
    }
}
