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
        let left = rule.budget.saturating_sub(clock.now().duration_since(begun).unsigned_abs());
        let spent = left.is_zero() && !seen.samples.is_empty();
        if !seen.conclusion.unconfirmed || spent || ended.is_cancelled() {
            return seen;
        }
        if !seen.samples.is_empty() {
            // Many services that fail at once are not asked again at once.
            let jittered = jittered(pause, &mut rand::rng()).min(left);
            tokio::select! {
                () = clock.sleep(jittered) => {}
                () = ended.cancelled() => continue,
            }
            pause = longer(pause).min(rule.budget);
        }
        tokio::select! {
            reading = observer.sample(service) => seen.take(observer, service, reading, audience).await,
            () = ended.cancelled() => {}
        }
    }
}

/// A pause of half to all of this.
fn jittered(pause: Duration, random: &mut impl RngExt) -> Duration {
    let whole = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random.random_range(whole / 2..=whole))
}

/// The pause after this one.
fn longer(pause: Duration) -> Duration {
    pause.mul_f64(BACKOFF)
}

/// The least time in which `confirmation` can be reached: a look that has less for it could never confirm an outage.
pub(crate) fn least_time(confirmation: Confirmation, pause: Duration) -> Duration {
    let pauses = std::iter::successors(Some(pause), |pause| Some(longer(*pause)));
    let sum =
        pauses.take(confirmation.samples.saturating_sub(1) as usize).map(|pause| pause.as_secs_f64()).sum::<f64>();
    Duration::try_from_secs_f64(sum).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn pauses_grow_and_are_jittered_by_half() {
        let pause = Duration::from_millis(800);
        let mut random = StdRng::seed_from_u64(7);
        let pauses: Vec<Duration> = (0..200).map(|_| jittered(pause, &mut random)).collect();
        assert!(pauses.iter().all(|taken| (pause / 2..=pause).contains(taken)));
        assert!(
            pauses.iter().any(|taken| *taken < pause * 6 / 10) && pauses.iter().any(|taken| *taken > pause * 9 / 10)
        );
        assert_eq!(longer(pause), Duration::from_millis(1_200));
    }

    #[test]
    fn confirming_takes_all_its_pauses() {
        let of = |samples| least_time(Confirmation { samples, of: samples + 2 }, Duration::from_secs(1));
        assert_eq!(of(1), Duration::ZERO);
        assert_eq!(of(3), Duration::from_millis(2_500), "1 s and 1.5 s");
        assert!(of(20) > Duration::from_secs(1_000));
    }
}
