//! Port: people's chats.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{engine::Permit, event::EffectResult, status::StatusView, words::LeftBehind};

/// A message was not delivered, or nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct NotifyError {
    /// What went wrong; never the webhook's address.
    pub message: String,
    /// What is left of it.
    pub left: LeftBehind,
}

impl From<&NotifyError> for EffectResult {
    fn from(error: &NotifyError) -> Self {
        error.left.into_result(error.message.clone())
    }
}

/// Tells one chat.
#[async_trait]
pub trait Notifier: Debug + Send + Sync {
    /// Its name in reports: `slack`, `discord`.
    fn name(&self) -> &str;

    /// Sends the picture of a status. It is not repeated blindly: after a lost response the message may have arrived.
    ///
    /// # Errors
    /// [`NotifyError`], with what is left behind.
    async fn notify(&self, permit: &Permit, view: &StatusView) -> Result<(), NotifyError>;
}
