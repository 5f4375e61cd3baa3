//! How a face asks a run to end: first politely, then for good.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::event::Signal;

/// A handle to ask a run to end. Cheap to clone.
///
/// The first request lets the effect under way come to its end and the report be written; a second one drops whatever
/// still runs, which leaves an effect under way `unknown`.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    soft: CancellationToken,
    hard: CancellationToken,
    signal: Arc<OnceLock<Signal>>,
}

impl Cancel {
    /// Asks the run to end; asking again ends it for good.
    pub fn request(&self, signal: Signal) {
        if self.signal.set(signal).is_err() {
            self.hard.cancel();
        }
        self.soft.cancel();
    }

    /// The first signal, once there was one.
    pub fn signal(&self) -> Option<Signal> {
        self.signal.get().copied()
    }

    pub(super) fn token(&self) -> CancellationToken {
        self.soft.clone()
    }

    pub(super) fn hard_token(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Ends when a stage's time is over: `grace` after the first request, or at the second.
    pub(super) async fn ended(&self, grace: Duration) {
        self.soft.cancelled().await;
        tokio::select! {
            () = self.hard.cancelled() => {}
            () = tokio::time::sleep(grace) => {}
        }
    }
}
