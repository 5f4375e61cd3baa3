//! Noticing that a run was fenced off: what it is in the middle of must not keep an emergency stop waiting.

use std::time::Duration;

use runbook_core::engine::{Permit, Refusal};

/// How often it is asked. An emergency stop waits at most about this long.
const INTERVAL: Duration = Duration::from_millis(250);

/// Returns once the stop latch is set or another run has taken over, and says which. Never, while the permit holds.
///
/// A journal that cannot be read just now is no reason to hurry, and neither is a request to end.
pub(crate) async fn fenced(permit: &Permit) -> Refusal {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if let Err(refusal @ (Refusal::Latched(_) | Refusal::Fenced { .. })) = permit.recheck().await {
            return refusal;
        }
    }
}
