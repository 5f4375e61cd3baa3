//! The watch after a change: samples at an interval until the window ends, and early when a fault is confirmed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Audience, Confirmation, Observer, Seen};
use crate::words::{Health, ServiceId};

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
}

/// Watches a service. With `changed`, a confirmed fault cancels `ended`, and with it the watch of every other service.
/// A window that ended early is no window: what was seen of it is told, and proves nothing but a fault.
pub async fn watch(
    observer: &Observer,
    service: &ServiceId,
    rule: WindowRule,
    changed: bool,
    audience: &dyn Audience,
    ended: &CancellationToken,
) -> Watched {
    let clock = observer.clock();
    if changed {
        startup(observer, service, rule, audience, ended).await;
    }
    let begun = clock.now();
    let end = after(begun, rule.window);
    let most = after(end, rule.budget.max(Duration::from_secs(1)));
    let mut seen = Seen::nothing(rule.confirmation, false);
    let mut complete = false;
    while !ended.is_cancelled() {
        tokio::select! {
            reading = observer.sample(service) => seen.take(observer, service, reading, audience).await,
            () = ended.cancelled() => break,
        }
        if seen.conclusion.health == Health::Unhealthy && changed {
            audience.confirmed(service, &seen.conclusion);
            ended.cancel();
            break;
        }
        if clock.now() >= end && (!seen.conclusion.unconfirmed || clock.now() >= most) {
            // A machine that slept through most of the window has not watched it.
            let watched = rule.interval.saturating_mul(u32::try_from(seen.samples.len()).unwrap_or(u32::MAX));
            complete = watched.saturating_mul(2) >= rule.window;
            break;
        }
        tokio::select! {
            () = clock.sleep(rule.interval) => {}
            () = ended.cancelled() => {}
        }
    }
    if !complete && seen.conclusion.health != Health::Unhealthy {
        let watched = clock.now().duration_since(begun).as_millis();
        let evidence = std::mem::take(&mut seen.conclusion.evidence);
        seen.conclusion.evidence = format!("watched for {watched} of {} ms only; {evidence}", rule.window.as_millis());
        seen.conclusion.health = Health::Unknown;
    }
    Watched { seen, complete }
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
