//! The kinds of this crate, for the registry.

use runbook_core::registry::Registry;

use crate::{DiscordNotifier, SlackNotifier};

/// Makes the kinds `slack` and `discord` of `[[notify]]` known.
pub fn register(registry: &mut Registry) {
    registry.notifier::<SlackNotifier>();
    registry.notifier::<DiscordNotifier>();
}
