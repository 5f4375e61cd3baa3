//! Text from outside, as it may go on: one line, bounded, without what steers a terminal.

/// The longest reason, in characters.
pub(crate) const MAX_REASON: usize = 500;
/// The longest name of anything, in characters.
pub(crate) const MAX_NAME: usize = 100;

/// One line of at most so many characters, `…` where something is missing.
pub(crate) fn bounded(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = words.chars().filter(|c| !is_steering(*c)).take(most.saturating_add(1)).collect();
    if line.chars().count() > most {
        line = line.chars().take(most.saturating_sub(1)).collect();
        line.push('…');
    }
    line
}

/// Whether a character steers a terminal or the reader's eye instead of being seen.
pub(crate) fn is_steering(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The file of a workflow, from its place: `owner/name/.github/workflows/FILE@REF`, `.github/workflows/FILE`, `FILE`.
pub(super) fn file_of(place: &str) -> &str {
    let path = place.split_once('@').map_or(place, |(path, _)| path);
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_from_outside_is_one_bounded_line() {
        assert_eq!(bounded("  two\n lines\t", 20), "two lines");
        assert_eq!(bounded("\u{1b}[31mred\u{202e}", 20), "[31mred");
        assert_eq!(bounded("abcdef", 4), "abc…");
        assert_eq!(bounded("abcd", 4), "abcd");
    }

    #[test]
    fn a_workflow_is_known_by_its_file() {
        for place in ["o/n/.github/workflows/a.yml@refs/heads/main", ".github/workflows/a.yml", "a.yml", "x/a.yml@v1/b"]
        {
            assert_eq!(file_of(place), "a.yml");
        }
    }

    proptest! {
        #[test]
        fn never_longer_than_asked(text: String, most in 1_usize..40) {
            let line = bounded(&text, most);
            prop_assert!(line.chars().count() <= most);
            prop_assert!(!line.chars().any(is_steering));
        }
    }
}
