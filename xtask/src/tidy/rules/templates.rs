//! Every channel that people read has its templates: what they say is edited in one place, without touching code.

use super::super::{finding::Finding, tree::Source};

const FOLDER: &str = "crates/runbook-render/templates";

/// The channels, and what a template of each is called, from its beginning.
const CHANNELS: [(&str, &str); 5] = [
    ("the status issue", "status-issue"),
    ("an issue's comments", "comment"),
    ("the step summary", "step-summary"),
    ("Slack", "slack"),
    ("Discord", "discord"),
];

/// No channel is without a template that says something.
pub(crate) fn present(sources: &[Source]) -> Vec<Finding> {
    let has = |begin: &str| {
        let prefix = format!("{FOLDER}/{begin}");
        sources.iter().any(|source| {
            source.path.starts_with(&prefix) && source.path.ends_with(".hbs") && !source.text.trim().is_empty()
        })
    };
    let missing = CHANNELS.iter().filter(|(_, begin)| !has(begin));
    missing
        .map(|(channel, begin)| Finding {
            file: format!("{FOLDER}/{begin}.hbs"),
            line: 1,
            what: format!("{channel} has no template"),
            why: "words that stand in code can be changed by nobody but programmers",
            mend: format!("write {FOLDER}/{begin}….hbs"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_without_a_template_is_found() {
        let template = |name: &str, text: &str| Source { path: format!("{FOLDER}/{name}"), text: text.to_owned() };
        let mut all: Vec<Source> =
            CHANNELS.iter().map(|(_, begin)| template(&format!("{begin}.hbs"), "{{words}}")).collect();
        assert_eq!(present(&all), []);
        all.pop();
        assert_eq!(present(&all)[0].what, "Discord has no template");
        all.push(template("discord.hbs", "\n"));
        assert_eq!(present(&all).len(), 1, "an empty template says nothing");
    }
}
