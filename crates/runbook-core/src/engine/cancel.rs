//! How a face asks a run to end: first politely, then for good.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{event::Signal, plan::Access};

/// How long a stage may go on after somebody asked the run to end.
const STAGE_GRACE: Duration = Duration::from_secs(15);
/// How long the report may take then.
const REPORT_GRACE: Duration = Duration::from_secs(5);

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

    /// Ends when somebody asks the run to end.
    pub async fn requested(&self) {
        self.soft.cancelled().await;
    }

    /// Ends when a stage's time is over: a while after the first request, or at the second. The report has its five
    /// seconds in any case.
    pub(super) async fn ended(&self, access: Access) {
        self.soft.cancelled().await;
        if access == Access::Reporting {
            return tokio::time::sleep(REPORT_GRACE).await;
        }
        tokio::select! {
            () = self.hard.cancelled() => {}
            () = tokio::time::sleep(STAGE_GRACE) => {}
        }
    }
}
