//! Takes a command apart into words, without a shell: nothing is expanded, and only straight double quotes have a meaning.

use crate::event::is_steering;

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text, without quotes.
    pub(super) text: String,
    /// Whether it stood in quotes, all of it or what follows `=`.
    pub(super) quoted: bool,
}

/// The words of a line.
///
/// # Errors
/// What cannot be read, in words.
pub(super) fn words(line: &str) -> Result<Vec<Word>, String> {
    if line.chars().any(|c| is_steering(c) && c != '\t') {
        return Err("the command holds characters that nobody can see".to_owned());
    }
    if let Some(odd) = line.chars().find(|c| "“”„«»‘’".contains(*c)) {
        return Err(format!("{odd} is no quote here: write straight ones, \"…\""));
    }
    if line.contains('`') {
        return Err("a command stands outside of code: write it without `".to_owned());
    }
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(inside) => {
                let (text, after) = quoted(inside)?;
                (Word { text, quoted: true }, after)
            }
            None => bare(rest)?,
        };
        if after.chars().next().is_some_and(|next| !next.is_whitespace()) {
            return Err(format!("a space is missing after the quotes that end with {:?}", word.text));
        }
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

/// A word without quotes, or `--name="…"`.
fn bare(text: &str) -> Result<(Word, &str), String> {
    let end = text.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len());
    let (head, after) = text.split_at(end);
    if head.starts_with(['–', '—']) {
        return Err(format!("{head:?} begins with a dash: write two hyphens, --"));
    }
    match after.strip_prefix('"') {
        Some(inside) if head.starts_with("--") && head.ends_with('=') => {
            let (value, after) = quoted(inside)?;
            Ok((Word { text: format!("{head}{value}"), quoted: true }, after))
        }
        Some(_) => Err(format!("a quote stands in the middle of a word that begins with {head:?}")),
        None => Ok((Word { text: head.to_owned(), quoted: false }, after)),
    }
}

/// What stands before the closing quote, with `\"` and `\\` for a quote and a backslash; and what follows it.
fn quoted(inside: &str) -> Result<(String, &str), String> {
    let mut text = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((text, &inside[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                _ => return Err("in quotes, a backslash stands before a quote or another backslash".to_owned()),
            },
            other => text.push(other),
        }
    }
    Err("a closing quote is missing".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;
    use proptest::prelude::*;

    fn texts(line: &str) -> Vec<String> {
        words(line).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_keep_words_together_and_nothing_is_expanded() {
        assert_eq!(texts(r#" a  --reason "two words" $(x) * "#), ["a", "--reason", "two words", "$(x)", "*"]);
        assert_eq!(texts(r#"--reason="a \"b\" \\ c" d"#), [r#"--reason=a "b" \ c"#, "d"]);
        assert_eq!(texts(r#""""#), [""]);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (line, why) in [
            (r#"--reason "open"#, "closing quote"),
            (r#"--reason a"b""#, "in the middle"),
            (r#"--reason "a"b"#, "a space is missing"),
            (r#"--reason "a\n""#, "backslash"),
            ("--reason “a”", "straight ones"),
            ("—reason a", "two hyphens"),
            ("`rollback`", "outside of code"),
            ("roll\u{202e}back", "nobody can see"),
        ] {
            let error = words(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_reads_back(text in "[a-zA-Z0-9 \"\\\\=-]{0,40}") {
            let line = format!("--reason \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(texts(&line), vec!["--reason".to_owned(), text]);
        }

        #[test]
        fn it_never_panics(line: String) {
            let _ = words(&line);
        }
    }
}
