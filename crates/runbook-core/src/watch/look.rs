//! One look at a service: one sample, and when it is news, further ones that confirm it, before anybody is told.

use std::time::Duration;

use rand::RngExt;
use tokio_util::sync::CancellationToken;

use super::{Audience, Confirmation, Observer, Seen};
use crate::words::ServiceId;

/// How much longer each further pause is than the one before.
const BACKOFF: f64 = 1.5;

/// How a look is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookRule {
    /// How many samples confirm a fault or a recovery.
    pub confirmation: Confirmation,
    /// The first pause between two samples; each further one is half as long again, and all are jittered by half.
    pub pause: Duration,
    /// The longest that confirming may take. What is not confirmed by then is unknown.
    pub budget: Duration,
}

/// Looks at a service. `was_bad`: whether it was known to be bad before, so that a recovery is confirmed too. `ended` ends
/// the look with what was seen so far.
pub async fn look(
    observer: &Observer,
    service: &ServiceId,
    rule: LookRule,
    was_bad: bool,
    audience: &dyn Audience,
    ended: &CancellationToken,
) -> Seen {
    let clock = observer.clock();
    let begun = clock.now();
    let mut seen = Seen::nothing(rule.confirmation, was_bad);
    let mut pause = rule.pause;
    loop {
        let spent = clock.now().duration_since(begun).unsigned_abs() >= rule.budget && !seen.samples.is_empty();
        if !seen.conclusion.unconfirmed || spent || ended.is_cancelled() {
            return seen;
        }
        if !seen.samples.is_empty() {
            // Many services that fail at once are not asked again at once.
            let whole = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            let jittered = Duration::from_millis(rand::rng().random_range(whole / 2..=whole));
            tokio::select! {
                () = clock.sleep(jittered) => {}
                () = ended.cancelled() => continue,
            }
            pause = pause.mul_f64(BACKOFF).min(rule.budget);
        }
        tokio::select! {
            reading = observer.sample(service) => seen.take(observer, service, reading, audience).await,
            () = ended.cancelled() => {}
        }
    }
}
