//! Discord. Source: <https://docs.discord.com/developers/resources/webhook#execute-webhook>.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use runbook_core::{
    Secret, StatusView,
    config::Period,
    engine::Permit,
    ports::{Notifier, NotifyError},
    registry::{BuildError, NotifierDefinition, Scope},
};
use runbook_render::Renderer;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::webhook::{self, Webhook, WebhookError};

/// The keys of `[[notify]] kind = "discord"`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscordSettings {
    /// The variable that holds the webhook's address. Where it is not set, nothing is sent.
    #[serde(default = "variable")]
    pub webhook_env: String,
    /// How long Discord may take, from 1 ms to 60 s.
    #[serde(default = "webhook::timeout")]
    pub timeout: Period,
}

fn variable() -> String {
    "DISCORD_WEBHOOK_URL".to_owned()
}

/// A channel of Discord, by its incoming webhook.
///
/// A message is tried once. What Discord refused was not sent; after a lost answer it may have arrived. A dropped future
/// may have sent it too.
#[derive(Debug)]
pub struct DiscordNotifier {
    webhook: Webhook,
    renderer: Arc<Renderer>,
}

impl DiscordNotifier {
    /// Checks the address. Sends nothing.
    ///
    /// # Errors
    /// [`WebhookError`] when it is no `https` address; plain `http` is only taken on loopback.
    pub fn new(webhook_url: &Secret, timeout: Duration, renderer: Arc<Renderer>) -> Result<Self, WebhookError> {
        Ok(Self { webhook: Webhook::new("Discord", webhook_url, timeout)?.waiting(), renderer })
    }

    async fn send(&self, view: &StatusView) -> Result<(), NotifyError> {
        let message = self.renderer.discord(view).map_err(|error| webhook::unrendered(&error))?;
        self.webhook.send(&message).await
    }
}

#[async_trait]
impl Notifier for DiscordNotifier {
    fn name(&self) -> &str {
        Self::KIND
    }

    async fn notify(&self, _permit: &Permit, view: &StatusView) -> Result<(), NotifyError> {
        self.send(view).await
    }
}

impl NotifierDefinition for DiscordNotifier {
    const KIND: &'static str = "discord";
    type Settings = DiscordSettings;

    fn build(settings: DiscordSettings, scope: &Scope) -> Result<Option<Self>, BuildError> {
        let DiscordSettings { webhook_env, timeout } = settings;
        webhook::build(&webhook_env, timeout, scope, Self::new)
    }
}
