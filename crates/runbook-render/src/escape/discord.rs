//! Discord's Markdown: text and code.
//!
//! Payloads also say `allowed_mentions: {"parse": []}`, so two things would have to fail before anybody is called.
//! See <https://docs.discord.com/developers/reference#message-formatting>.

use super::{ZERO_WIDTH_SPACE, line::line};

/// Text for message content, embed descriptions and field values.
pub fn discord(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut at = 0;
    while let Some(c) = chars.next() {
        match c {
            '@' => out.extend(['@', ZERO_WIDTH_SPACE]),
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '(' | ')' | '#' => out.extend(['\\', c]),
            // `:emoji:` and `https://`, but no time of day and no port.
            ':' if chars.peek().is_some_and(|next| *next == '/' || *next == '_' || next.is_alphabetic()) => {
                out.extend(['\\', c])
            }
            // A list, or small print (`-# `).
            '-' if at == 0 => out.push_str("\\-"),
            '.' if digits > 0 && at == digits && chars.peek().is_none_or(|next| *next == ' ') => out.push_str("\\."),
            _ => out.push(c),
        }
        at += c.len_utf8();
    }
    out
}

/// A code span. A backtick cannot stand in one and becomes an apostrophe; nothing else acts within it.
pub fn discord_code(text: &str) -> String {
    format!("`{}`", line(text).replace('`', "'").replace('@', "@\u{200b}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nobody_is_called_and_nothing_is_formatted() {
        assert_eq!(discord("@everyone"), "@\u{200b}everyone");
        assert_eq!(discord("<@&1> **b** [x](y)"), "\\<@\u{200b}&1\\> \\*\\*b\\*\\* \\[x\\]\\(y\\)");
        assert_eq!(discord("GET http://a:80/ → 200"), "GET http\\://a:80/ → 200");
        assert_eq!(discord("- a"), "\\- a");
        assert_eq!(discord("3. a"), "3\\. a");
        assert_eq!(discord("at 10:15, 1.2 s, :tada:"), "at 10:15, 1.2 s, \\:tada:");
    }

    proptest! {
        #[test]
        fn every_active_sign_has_its_backslash(text: String) {
            let escaped = discord(&text);
            let mut chars = escaped.chars();
            while let Some(c) = chars.next() {
                match c {
                    '\\' => prop_assert!(chars.next().is_some_and(|next| next.is_ascii_punctuation())),
                    '@' => prop_assert_eq!(chars.next(), Some(ZERO_WIDTH_SPACE)),
                    _ => prop_assert!(!"*_~`|<>[]()#".contains(c), "a bare {:?} in {:?}", c, escaped),
                }
            }
            prop_assert_eq!(discord_code(&text).matches('`').count(), 2);
        }
    }
}
