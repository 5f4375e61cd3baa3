//! The one deadline of a sample, around everything that it does: reading certificates, measuring, saying good-bye.

use std::time::Duration;

use runbook_core::ports::ProbeError;
use tokio::time::{Instant, Timeout, timeout};

use crate::evidence::{Limit, Millis};

/// Of how many parts of the time one may go into preparations, before a measurement that is late says nothing of the
/// target any more.
const SHARES: u32 = 2;

/// When a sample has to be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    limit: Duration,
    /// How long the preparations took.
    prepared: Duration,
}

impl Deadline {
    /// As long after now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self { started: Instant::now(), limit, prepared: Duration::ZERO }
    }

    /// The whole time, as it was configured.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    /// The work, which is dropped when the time is over.
    pub(crate) fn bound<F: IntoFuture>(&self, work: F) -> Timeout<F::IntoFuture> {
        timeout(self.left(), work)
    }

    /// Reads the certificates, before the clock of the measurement starts: it is no part of the service's latency.
    ///
    /// # Errors
    /// The work's, or that it took too long; nothing was measured then.
    pub(crate) async fn prepare<T>(
        &mut self,
        reading: impl Future<Output = Result<T, ProbeError>>,
    ) -> Result<T, ProbeError> {
        let ended = self.bound(reading).await;
        self.prepared = self.started.elapsed();
        ended.unwrap_or_else(|_| {
            Err(ProbeError::new(format!("failed to read the certificates within {}", Limit(self.limit))))
        })
    }

    /// What a measurement that was not finished in time is worth: nothing, where this side took much of the time.
    pub(crate) fn late<E: From<ProbeError>>(&self, measured: E) -> E {
        if self.prepared <= self.limit / SHARES {
            return measured;
        }
        let (took, limit) = (Millis(self.prepared.as_secs_f64() * 1000.0), Limit(self.limit));
        let words = format!("reading the certificates took {took} of {limit}, so too little was left to measure in");
        ProbeError::new(words).into()
    }
}

/// How long a probe with this timeout may take at most, with what it does after it: it judges what it has read.
pub(crate) fn limit_of(timeout: Duration) -> Duration {
    timeout.saturating_add(Duration::from_secs(10))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::transport::Fault;

    #[tokio::test]
    async fn preparing_and_measuring_share_one_deadline() {
        let mut deadline = Deadline::after(Duration::from_millis(300));
        let slow = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Ok(7)
        };
        assert_eq!(deadline.prepare(slow).await.unwrap(), 7);
        assert!(deadline.left() <= Duration::from_millis(100), "{:?}", deadline.left());
        assert!(deadline.bound(std::future::pending::<()>()).await.is_err());
        assert_eq!(deadline.left(), Duration::ZERO);
        let Fault::Own(error) = deadline.late(Fault::target("no answer")) else { panic!("the target had no time") };
        assert!(error.to_string().contains("of 300 ms, so too little was left to measure in"), "{error}");

        let mut deadline = Deadline::after(Duration::from_millis(50));
        let error = deadline.prepare(std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert_eq!(error.to_string(), "failed to read the certificates within 50 ms");
    }

    #[test]
    fn a_target_that_had_its_time_is_late() {
        let measured = Deadline::after(Duration::from_secs(5)).late(Fault::target("no answer"));
        assert!(matches!(measured, Fault::Target(words) if words == "no answer"));
        let endless = Deadline::after(Duration::MAX);
        assert!(endless.left() > Duration::from_secs(1));
    }
}
