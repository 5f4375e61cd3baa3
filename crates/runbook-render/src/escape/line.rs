//! What every escaper starts from: one line of visible characters.

/// One line: white space of any kind becomes single spaces, and characters that steer the reader's eye or terminal
/// without being seen become `U+FFFD`.
///
/// Those are control characters (an escape sequence could recolour or retitle a terminal), bidirectional overrides
/// (text that reads otherwise than it is stored, <https://trojansource.codes>) and tag characters (text that only
/// machines read), byte order marks and other invisible signs. Doing it twice changes nothing.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }));
    }
    out
}

/// Whether a character acts on what stands around it without being seen.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{feff}' | '\u{2060}'..='\u{2064}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_and_hidden_text_become_visible() {
        assert_eq!(line("\u{1b}[31mred\u{1b}[0m"), "\u{fffd}[31mred\u{fffd}[0m");
        assert_eq!(line("  a\n\n b\u{2028}c\t"), "a b c");
        assert_eq!(line("ok\u{e0041}\u{202e}"), "ok\u{fffd}\u{fffd}");
        assert_eq!(line("👩‍🚀 ⚠️ é"), "👩‍🚀 ⚠️ é", "joiners and variation selectors are part of what is seen");
    }

    proptest! {
        #[test]
        fn it_is_one_line_and_stays_so(text: String) {
            let once = line(&text);
            prop_assert!(!once.chars().any(|c| c.is_control() || steers(c)));
            prop_assert_eq!(line(&once), once);
        }
    }
}
