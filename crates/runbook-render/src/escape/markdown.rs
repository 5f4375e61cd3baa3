//! GitHub Flavored Markdown: inline text and table cells (one escaper for both), and code spans.
//!
//! Entities and backslashes are undone before GitHub looks for `@name` and `#123`, so these are parted by a zero-width
//! space instead. See <https://github.github.com/gfm/> and GitHub's "Autolinked references and URLs".

use super::{ZERO_WIDTH_SPACE, line::line};

/// Text for anywhere within a line of Markdown, also at its beginning and in a table cell.
///
/// Nothing in it formats, links, mentions, refers to an issue or opens HTML; no comment can be forged, since `<` is gone.
pub fn markdown(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    let block = block_start(rest);
    while let Some(c) = rest.chars().next() {
        let before = text.len() - rest.len();
        rest = &rest[c.len_utf8()..];
        let digit_follows = rest.starts_with(|next: char| next.is_ascii_digit());
        match c {
            '&' => out.push_str("&amp;"),
            // As an entity, so that not even the raw text holds the beginning of an HTML comment.
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A pair of dollar signs is a formula on GitHub.
            '$' => out.push_str("&#36;"),
            '@' => out.extend(['@', ZERO_WIDTH_SPACE]),
            '#' if digit_follows => out.extend(['\\', '#', ZERO_WIDTH_SPACE]),
            // `GH-123` is another way to write `#123`.
            '-' if digit_follows && ends_with_ignoring_case(&text[..before], "gh") => {
                out.extend(['-', ZERO_WIDTH_SPACE])
            }
            ':' if rest.starts_with("//") => out.push_str("\\:"),
            '.' if ends_with_ignoring_case(&text[..before], "www") => out.push_str("\\."),
            // Between letters an underscore is only an underscore.
            '_' if text[..before].ends_with(char::is_alphanumeric) && rest.starts_with(char::is_alphanumeric) => {
                out.push('_')
            }
            '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '|' | '#' => out.extend(['\\', c]),
            _ if block == Some(before) => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// Where the sign stands that would make a block of this line: of a list (`-`, `+`, `1.`) or of an underlined heading.
fn block_start(text: &str) -> Option<usize> {
    if text.starts_with(['-', '+', '=']) {
        return Some(0);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut after = text[digits..].chars();
    let item = matches!(after.next(), Some('.' | ')')) && after.next().is_none_or(char::is_whitespace);
    (digits > 0 && item).then_some(digits)
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= end.len() && bytes[bytes.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

/// A code span for anywhere within a line of Markdown, also in a table cell; shown exactly as given, on one line.
///
/// Where a pair of backticks cannot hold the text everywhere (a backtick, a pipe in a table, the `<` of a forged
/// comment), it is `<code>` with entities, which can.
pub fn markdown_code(text: &str) -> String {
    let text = line(text);
    if !text.is_empty() && !text.contains(['`', '|', '<', '\\']) {
        return format!("`{text}`");
    }
    let mut out = String::from("<code>");
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push_str(&format!("&#{};", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.push_str("</code>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_and_nothing_is_linked() {
        assert_eq!(markdown("@octocat"), "@\u{200b}octocat");
        assert_eq!(markdown("fixes #12 and GH-7"), "fixes \\#\u{200b}12 and GH-\u{200b}7");
        assert_eq!(markdown("https://example.com"), "https\\://example.com");
        assert_eq!(markdown("WWW.example.com"), "WWW\\.example.com");
        assert_eq!(markdown("mail a@b.example"), "mail a@\u{200b}b.example");
    }

    #[test]
    fn a_table_keeps_its_cells_and_a_comment_is_not_forged() {
        assert_eq!(markdown("a | b\nc"), "a \\| b c");
        assert_eq!(markdown("<!-- runbook:status:v1 -->"), "&lt;!-- runbook:status:v1 --&gt;");
        assert_eq!(markdown_code("a|b"), "<code>a&#124;b</code>");
        assert_eq!(markdown_code("v1.0.0"), "`v1.0.0`");
        assert_eq!(markdown_code("x`y"), "<code>x&#96;y</code>");
    }

    #[test]
    fn no_block_begins() {
        assert_eq!(markdown("8.3 s"), "8.3 s");
        for (text, escaped) in [("- a", "\\- a"), ("12. a", "12\\. a"), ("# a", "\\# a"), ("=== a", "\\=== a")] {
            assert_eq!(markdown(text), escaped);
        }
        assert_eq!(markdown("a - b 1. c"), "a - b 1. c", "in the middle of a line these are only signs");
    }
}
