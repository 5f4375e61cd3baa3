//! Slack's mrkdwn: text and code.
//!
//! Slack's documentation names three characters to escape, `&`, `<` and `>`; every link and every call (`<!channel>`,
//! `<@U1>`) needs a real `<`. The signs that only change the look (`*`, `_`, `~`) cannot be escaped there; they are left
//! as they are, since altering them would alter what was measured.
//! See <https://docs.slack.dev/messaging/formatting-message-text>.

use super::{ZERO_WIDTH_SPACE, line::line};

/// Text for a mrkdwn field. Links nothing and calls nobody, whatever `link_names` and `parse` are set to.
pub fn slack(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.extend(['@', ZERO_WIDTH_SPACE]),
            _ => out.push(c),
        }
    }
    out
}

/// A code span for a mrkdwn field. A backtick cannot stand in one and becomes an apostrophe.
pub fn slack_code(text: &str) -> String {
    format!("`{}`", slack(text).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_channel_is_called() {
        assert_eq!(slack("<!channel> & <@U1>"), "&lt;!channel&gt; &amp; &lt;@\u{200b}U1&gt;");
        assert_eq!(slack("@here"), "@\u{200b}here");
        assert_eq!(slack_code("a`b"), "`a'b`");
    }

    proptest! {
        #[test]
        fn no_control_sequence_is_left(text: String) {
            let escaped = slack(&text);
            prop_assert!(!escaped.contains(['<', '>', '\n']));
            prop_assert!(escaped.split('@').skip(1).all(|after| after.starts_with(ZERO_WIDTH_SPACE)));
            prop_assert_eq!(slack_code(&text).matches('`').count(), 2);
        }
    }
}
