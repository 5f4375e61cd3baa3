//! Waiting for what has to come, with an end to it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Nothing that a test waits for takes longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// Waits until this is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONGEST, waiting).await.unwrap_or_else(|_| panic!("it never came: {what}"));
}
