//! The watch after a change: samples at an interval until the window ends, and early when a fault is confirmed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Audience, Confirmation, Observer, Seen};
use crate::words::{Health, ServiceId};

/// The longest pause between two samples that settle what an unchanged service's newest samples hint at.
const SETTLING: Duration = Duration::from_secs(1);

/// How a window is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowRule {
    /// How long.
    pub window: Duration,
    /// The pause between two samples.
    pub interval: Duration,
    /// How long the service may take to come up, before bad samples count.
    pub startup: Duration,
    /// How many samples confirm a fault.
    pub confirmation: Confirmation,
    /// The longest that sampling goes on past the window's end, to confirm what the newest samples hint at.
    pub budget: Duration,
}

/// A watched window.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// What was seen.
    pub seen: Seen,
    /// Whether the window was watched from beginning to end.
    pub complete: bool,
    /// What the samples alone say, whether or not the window was complete: what may be held against a service that is
    /// suspected to be the cause of another's fault.
    pub sampled: Health,
}

/// What a service is to the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It was changed: it may take its time to come up, and its confirmed fault ends the watch of all.
    Changed,
    /// A changed service cannot work without it: when the watch ends early, what its newest samples hint at is settled
    /// first, so that a release does not pay for another service's fault.
    Needed,
    /// Anything else.
    Other,
}

/// What ends a watch before its time.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// A changed service is confirmed unhealthy: nothing more has to be learned, but for what is needed.
    pub early: CancellationToken,
    /// Somebody asks for the end, or the run may change nothing any more: nothing at all is waited for.
    pub now: CancellationToken,
}

impl Ends {
    /// Ends everything.
    pub fn at_once(&self) {
        self.now.cancel();
        self.early.cancel();
    }
}

/// Watches a service. A confirmed fault of a changed one cancels `ends.early`, and with it the watch of every other
/// service. A window that ended early is no window: what was seen of it is told, and proves nothing but a fault.
pub async fn watch(
    observer: &Observer,
    service: &ServiceId,
    rule: WindowRule,
    role: Role,
    audience: &dyn Audience,
    ends: &Ends,
) -> Watched {
    let clock = observer.clock();
    let ended = &ends.early;
    if role == Role::Changed {
        startup(observer, service, rule, audience, ended).await;
    }
    let begun = clock.now();
    let end = after(begun, rule.window);
    let most = after(end, rule.budget.max(Duration::from_secs(1)));
    let mut seen = Seen::nothing(rule.confirmation, false);
    let mut complete = false;
    let mut watched = Duration::ZERO;
    while !ended.is_cancelled() {
        let asked = clock.now();
        tokio::select! {
            reading = observer.sample(service) => seen.take(observer, service, reading, audience).await,
            () = ended.cancelled() => break,
        }
        // A slow answer is watched time as well, as long as it is one of several.
        let took = clock.now().duration_since(asked).unsigned_abs();
        watched = watched.saturating_add(rule.interval).saturating_add(took.min(rule.window / 4));
        if seen.conclusion.health == Health::Unhealthy && role == Role::Changed {
            audience.confirmed(service, &seen.conclusion);
            ended.cancel();
            break;
        }
        if clock.now() >= end && (!seen.conclusion.unconfirmed || clock.now() >= most) {
            // A machine that slept through most of the window has not watched it.
            complete = watched.saturating_mul(2) >= rule.window;
            break;
        }
        tokio::select! {
            () = clock.sleep(rule.interval) => {}
            () = ended.cancelled() => {}
        }
    }
    if role == Role::Needed && !complete {
        settle(observer, service, rule, &mut seen, audience, &ends.now).await;
    }
    let sampled = seen.conclusion.health;
    if !complete && sampled != Health::Unhealthy {
        let watched = clock.now().duration_since(begun).as_millis();
        let evidence = std::mem::take(&mut seen.conclusion.evidence);
        seen.conclusion.evidence = format!("watched for {watched} of {} ms only; {evidence}", rule.window.as_millis());
        seen.conclusion.health = Health::Unknown;
    }
    Watched { seen, complete, sampled }
}

/// Goes on sampling for as long as the newest samples hint at a fault that is neither confirmed nor over, within the
/// budget.
async fn settle(
    observer: &Observer,
    service: &ServiceId,
    rule: WindowRule,
    seen: &mut Seen,
    audience: &dyn Audience,
    now: &CancellationToken,
) {
    let clock = observer.clock();
    let most = after(clock.now(), rule.budget);
    let begun = seen.samples.len();
    while (seen.conclusion.unconfirmed || seen.samples.len() == begun) && clock.now() < most && !now.is_cancelled() {
        tokio::select! {
            reading = observer.sample(service) => seen.take(observer, service, reading, audience).await,
            () = now.cancelled() => return,
        }
        if seen.conclusion.unconfirmed {
            tokio::select! {
                () = clock.sleep(rule.interval.min(SETTLING)) => {}
                () = now.cancelled() => return,
            }
        }
    }
}

/// Lets a service come up: until its first healthy sample, or until its time for that is over.
async fn startup(
    observer: &Observer,
    service: &ServiceId,
    rule: WindowRule,
    audience: &dyn Audience,
    ended: &CancellationToken,
) {
    let clock = observer.clock();
    let end = after(clock.now(), rule.startup);
    let pause = rule.interval.min(Duration::from_millis(250));
    while clock.now() < end && !ended.is_cancelled() {
        tokio::select! {
            reading = observer.sample(service) => {
                audience.sampled(service, &reading);
                // It does not count against the release, but it was as it was.
                if let Err(error) = observer.keep(service, clock.now(), &reading).await {
                    audience.history_failed(&error);
                }
                if reading.health == Health::Healthy {
                    return;
                }
            }
            () = ended.cancelled() => return,
        }
        tokio::select! {
            () = clock.sleep(pause) => {}
            () = ended.cancelled() => {}
        }
    }
}

fn after(at: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}
