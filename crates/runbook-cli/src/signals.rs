//! Ctrl-C and SIGTERM: the first asks the run to end and report, the second ends it at once.

use runbook_core::{engine::Cancel, event::Signal};

use crate::{fault::Fault, output::Output};

/// Listens for as long as the returned handle's run lasts, and says at once that a signal was heard: what runs may take
/// its time to end.
pub(crate) fn listen(output: &Output) -> Result<Cancel, Fault> {
    use tokio::signal::unix::{SignalKind, signal};
    let cancel = Cancel::default();
    for (kind, meaning) in [(SignalKind::interrupt(), Signal::Interrupt), (SignalKind::terminate(), Signal::Terminate)]
    {
        let mut stream =
            signal(kind).map_err(|error| Fault::internal(format!("failed to listen for signals: {error}")))?;
        let (cancel, output) = (cancel.clone(), output.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let is_first = cancel.signal().is_none();
                cancel.request(meaning);
                output.asked_to_end(is_first);
            }
        });
    }
    Ok(cancel)
}
