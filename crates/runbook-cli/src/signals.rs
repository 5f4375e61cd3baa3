//! Ctrl-C and SIGTERM: the first asks the run to end and report, the second ends it at once.

use runbook_core::{engine::Cancel, event::Signal};

/// Listens for as long as the returned handle's run lasts.
pub(crate) fn listen() -> std::io::Result<Cancel> {
    use tokio::signal::unix::{SignalKind, signal};
    let cancel = Cancel::default();
    for (kind, meaning) in [(SignalKind::interrupt(), Signal::Interrupt), (SignalKind::terminate(), Signal::Terminate)]
    {
        let mut stream = signal(kind)?;
        let cancel = cancel.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                cancel.request(meaning);
            }
        });
    }
    Ok(cancel)
}
