//! People's chats: a message to Slack or Discord through an incoming webhook.
//!
//! [`SlackNotifier`] and [`DiscordNotifier`] are the kinds `slack` and `discord` of `[[notify]]`; [`register`] makes them
//! known. They send what they are given: whether a message is due is for the report to decide, and what it says is
//! written by `runbook-render`. A message is tried once, because a second try could tell everybody twice.
//!
//! ```
//! use runbook_core::registry::Registry;
//!
//! let mut registry = Registry::default();
//! runbook_notify::register(&mut registry);
//! assert!(registry.schemas()["notifier"].contains_key("slack"));
//! assert!(registry.schemas()["notifier"].contains_key("discord"));
//! ```

mod discord;
mod registration;
mod slack;
mod webhook;

pub use discord::{DiscordNotifier, DiscordSettings};
pub use registration::register;
pub use slack::{SlackNotifier, SlackSettings};
pub use webhook::WebhookError;
