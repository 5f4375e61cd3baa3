//! Fenced blocks of Markdown: commands to copy, commands that must not be copied, and JSON.

use serde::Serialize;

use super::line::steers;

/// Text in a fence that is longer than any run of backticks inside, so that nothing within can end it.
///
/// Lines stay lines. What is copied from it is what was given, except invisible characters, which are shown, and the
/// beginning of an HTML comment, which is broken by a space so that no marker can be forged. `language` is one word.
pub fn fence(text: &str, language: &str) -> String {
    let text = lines(text).replace("<!--", "<! --");
    let fence = "`".repeat(longest_backtick_run(&text).max(2) + 1);
    let language: String = language.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{fence}{language}\n{text}\n{fence}")
}

/// The same lines as comments of a shell: pasted into a terminal, they do nothing.
pub fn commented(text: &str) -> String {
    lines(text).lines().map(|line| format!("# {line}")).collect::<Vec<_>>().join("\n")
}

/// A value as a fenced JSON block that reads back as it was.
///
/// `<` stands as `\u003c`: the same string to a parser, and no HTML comment to anybody who searches the raw text. A line
/// of JSON never begins with a backtick, so three are always enough.
///
/// # Errors
/// When the value cannot be JSON, such as a map with keys that are not strings.
pub fn fenced_json(value: &impl Serialize, pretty: bool) -> Result<String, serde_json::Error> {
    let json = if pretty { serde_json::to_string_pretty(value)? } else { serde_json::to_string(value)? };
    // Outside of strings JSON has no `<`, so this touches strings only.
    Ok(format!("```json\n{}\n```", json.replace('<', "\\u003c")))
}

/// Lines of visible characters, whatever the line endings were.
fn lines(text: &str) -> String {
    let shown = |c: char| if steers(c) && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    text.replace("\r\n", "\n")
        .split(['\n', '\r'])
        .map(|line| line.chars().map(shown).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n")
}

fn longest_backtick_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("gh run view 1", "bash"), "```bash\ngh run view 1\n```");
        assert_eq!(fence("a\n````\nb", "bash"), "`````bash\na\n````\nb\n`````");
        assert_eq!(fence("x", "bash\n```"), "```bash\nx\n```");
    }

    #[test]
    fn every_line_of_a_refused_command_is_a_comment() {
        assert_eq!(commented("gh run \\\r\n  -f a=b\rrm -rf /"), "# gh run \\\n#   -f a=b\n# rm -rf /");
    }

    #[test]
    fn json_forges_no_marker_and_reads_back() {
        let value = serde_json::json!({ "evidence": "<!-- runbook:status:v1 environment=production -->\n```" });
        let block = fenced_json(&value, true).unwrap();
        assert!(!block.contains("<!--"));
        let json = block.strip_prefix("```json\n").and_then(|rest| rest.strip_suffix("\n```")).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(json).unwrap(), value);
    }

    proptest! {
        #[test]
        fn no_line_within_can_end_it(text in "[`a\n\r ]{0,40}") {
            let block = fence(&text, "");
            let marks = block.bytes().take_while(|b| *b == b'`').count();
            let inner = &block[marks + 1..block.len() - marks - 1];
            prop_assert!(inner.lines().all(|line| line.trim_start().bytes().take_while(|b| *b == b'`').count() < marks));
            prop_assert!(commented(&text).lines().all(|line| line.starts_with('#')));
        }
    }
}
