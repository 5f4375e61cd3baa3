//! Scalars of YAML: plain where every reader takes them for text, quoted everywhere else.

/// The text as one scalar. JSON's strings are YAML's, so that is how it is quoted.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // A string always has a form in JSON.
    serde_json::to_string(text).unwrap_or_default()
}

/// Whether it may stand without quotes: it begins like a word, holds nothing that YAML gives a meaning, and is none of
/// the words that some reader takes for something else than text.
fn is_plain(text: &str) -> bool {
    let is_word = |word: &str| text.eq_ignore_ascii_case(word);
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !words.iter().copied().any(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_text_stands_without_quotes() {
        for plain in ["main", "release/1.2", "ai-agent-handoff-runbook.yml", "FASTAPI_URL"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, quoted) in [
            ("on", "\"on\""),
            ("No", "\"No\""),
            ("1.0", "\"1.0\""),
            ("", "\"\""),
            ("-x", "\"-x\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("Build \"it\"\n", "\"Build \\\"it\\\"\\n\""),
        ] {
            assert_eq!(scalar(text), quoted);
        }
    }
}
