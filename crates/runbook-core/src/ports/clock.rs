//! Port: time. The only place of the core that asks what time it is, so that a test of six hours takes a millisecond.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

/// Tells the time and waits.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// The wall clock, in UTC. It may jump; only durations between neighbouring events are taken from it.
    fn now(&self) -> Timestamp;

    /// Waits. A dropped future stops waiting and leaves nothing behind.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
