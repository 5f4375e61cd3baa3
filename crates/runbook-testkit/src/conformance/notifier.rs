//! What every notifier promises.

use runbook_core::{LeftBehind, StatusView, event::Operation, ports::Notifier};

use super::permitted;

/// Drives a notifier whose chat takes messages through its contract; `delivered` counts the messages that the chat got.
///
/// # Panics
/// At the first broken promise.
pub async fn notifier(notifier: &dyn Notifier, view: &StatusView, delivered: impl Fn() -> usize) {
    let name = notifier.name().to_owned();
    assert!(!name.trim().is_empty() && name.len() < 64, "a notifier must have a short name for reports, not {name:?}");
    let before = delivered();
    let result = notify(notifier, view).await;
    assert!(result.is_ok(), "a message to a chat that takes messages must arrive, but gave {result:?}");
    assert_eq!(delivered(), before + 1, "one call must send one message");
}

/// Drives a notifier whose chat refuses every message, such as a webhook that answers 404, through its contract.
/// `secret` is what must never be shown: the webhook's address.
///
/// # Panics
/// At the first broken promise.
pub async fn refused_notifier(notifier: &dyn Notifier, view: &StatusView, secret: &str) {
    let Err(error) = notify(notifier, view).await else {
        panic!("a message that the chat refused must not count as sent");
    };
    assert_eq!(error.left, LeftBehind::NoChange, "a message that was refused has changed nothing: {error:?}");
    let shown = format!("{error} {error:?} {notifier:?}");
    assert!(!shown.contains(secret), "an error must never show the webhook's address");
}

async fn notify(notifier: &dyn Notifier, view: &StatusView) -> Result<(), runbook_core::ports::NotifyError> {
    let operation = Operation::Notify { to: notifier.name().to_owned() };
    permitted(operation, async |permit| notifier.notify(&permit, view).await).await
}
