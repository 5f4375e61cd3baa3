//! No source file passes 500 lines without a reason at its top.

use super::super::{finding::Finding, tree::Source};

const MOST_LINES: usize = 500;
/// The reason stands in the first paragraph.
const TOP: usize = 12;
const REASONS: [&str; 2] = ["Long because:", "Over 500 lines:"];
const KINDS: [&str; 9] = [".rs", ".py", ".hbs", ".html", ".css", ".js", ".sh", ".toml", ".yml"];

/// Every file is short, or says why it is not.
pub(crate) fn short(sources: &[Source]) -> Vec<Finding> {
    let written = sources.iter().filter(|source| KINDS.iter().any(|kind| source.path.ends_with(kind)));
    let long = written.filter_map(|source| {
        let lines = source.text.lines().count();
        let explained = source.text.lines().take(TOP).any(|line| REASONS.iter().any(|reason| line.contains(reason)));
        (lines > MOST_LINES && !explained).then(|| Finding {
            file: source.path.clone(),
            line: MOST_LINES + 1,
            what: format!("the file has {lines} lines"),
            why: "what does not fit on a few screens is read by nobody as a whole",
            mend: "split it by subject, or say at its top `Long because: …`".to_owned(),
        })
    });
    long.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_needs_a_reason() {
        let file = |path: &str, top: &str, lines: usize| Source {
            path: path.to_owned(),
            text: format!("{top}\n{}", "x\n".repeat(lines - 1)),
        };
        let findings = short(&[
            file("a.rs", "//! Long.", 501),
            file("b.rs", "//! Long.", 500),
            file("c.rs", "//! Long because: a table of all status codes.", 900),
            file("Cargo.lock", "", 900),
        ]);
        assert!(findings.len() == 1 && findings[0].file == "a.rs" && findings[0].what.contains("501"), "{findings:?}");
    }
}
