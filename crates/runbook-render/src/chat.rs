//! Payloads for chats, built as JSON values: text comes from templates, structure never does.
//!
//! Slack: <https://docs.slack.dev/reference/block-kit/blocks>. Discord:
//! <https://docs.discord.com/developers/resources/message#embed-object>.

use runbook_core::OperationalStatus;
use serde_json::{Value, json};

use crate::{
    escape,
    picture::Picture,
    text::{length, shorten},
    words,
};

/// The most characters of a section's text. Slack allows 3,000 here.
pub(crate) const SLACK_TEXT_LIMIT: usize = 3000;
/// The most characters of a header block's text.
const SLACK_HEADER_LIMIT: usize = 150;

/// The most characters of an embed's description. Discord allows 4,096 here, and 6,000 in all parts of an embed.
pub(crate) const DISCORD_TEXT_LIMIT: usize = 4096;
/// The most characters of the line above the embed; Discord allows 2,000, but it is what a notification shows.
const DISCORD_CONTENT_LIMIT: usize = 256;
/// The most characters of what a field of the embed says; Discord allows 1,024, but all of them share 6,000.
const DISCORD_FIELD_LIMIT: usize = 120;

/// The rendered texts of a Slack message.
#[derive(Debug)]
pub(crate) struct SlackTexts {
    pub summary: String,
    pub services: String,
    pub context: String,
}

/// The rendered text of a Discord message, and what colours it.
#[derive(Debug)]
pub(crate) struct DiscordTexts {
    pub description: String,
    pub status: OperationalStatus,
}

/// Project, environment and status in one line of at most `limit` characters once escaped.
fn headline(picture: &Picture, limit: usize, escaped: fn(&str) -> String) -> String {
    let line = |project: &str| {
        let status = &picture.status;
        format!("{} {} ({}): {}", status.sign, escaped(project), escaped(&picture.environment), status.word)
    };
    // Escaping can make a name several times as long: it is shortened until the line fits.
    [80, 40, 20, 8, 1]
        .iter()
        .map(|max| line(&shorten(&picture.project, *max)))
        .find(|line| length(line) <= limit)
        .unwrap_or_else(|| format!("{} {}", picture.status.sign, picture.status.word))
}

/// A Slack payload. `verbatim` keeps Slack from making links and calls of words in the text.
pub(crate) fn slack(picture: &Picture, texts: &SlackTexts) -> Value {
    let mrkdwn = |text: &str| json!({ "type": "mrkdwn", "text": text, "verbatim": true });
    let headline = headline(picture, SLACK_HEADER_LIMIT, escape::slack);
    let mut blocks =
        vec![json!({ "type": "header", "text": { "type": "plain_text", "text": headline, "emoji": true } })];
    // Slack refuses an empty text; only an overridden template can make one.
    for text in [&texts.summary, &texts.services] {
        if !text.is_empty() {
            blocks.push(json!({ "type": "section", "text": mrkdwn(text) }));
        }
    }
    if !texts.context.is_empty() {
        blocks.push(json!({ "type": "context", "elements": [mrkdwn(&texts.context)] }));
    }
    json!({ "text": headline, "blocks": blocks })
}

/// A Discord payload. `allowed_mentions` lets nothing in it call anybody, whatever the text says.
pub(crate) fn discord(picture: &Picture, texts: &DiscordTexts) -> Value {
    let headline = headline(picture, DISCORD_CONTENT_LIMIT, escape::discord);
    let verdict = &picture.verdict;
    let field = |name: &str, value: &str| json!({ "name": name, "value": escape::discord(&shorten(value, DISCORD_FIELD_LIMIT)), "inline": true });
    let fields = [
        field("Asked by", &picture.actor),
        field("Trigger", &picture.trigger),
        field("Branch", picture.branch.as_deref().unwrap_or(words::UNKNOWN)),
        field("Updated", &picture.updated_at),
        field("Valid until", &picture.valid_until),
    ];
    let mut embed = json!({
        "title": format!("{} {}: {}", verdict.sign, escape::discord(&picture.action), verdict.phrase),
        "description": texts.description,
        "color": words::status_colour(texts.status),
        "fields": fields,
    });
    if let Some(url) = &picture.run.url {
        embed["url"] = json!(url);
    }
    json!({ "content": headline, "embeds": [embed], "allowed_mentions": { "parse": [] } })
}
