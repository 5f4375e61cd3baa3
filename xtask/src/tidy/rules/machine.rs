//! What is tracked builds anywhere: no path of somebody's machine, no package from a place of its own.

use super::super::{finding::Finding, tree::Source};

/// This file has to name what it looks for.
const OWN: &str = "xtask/src/tidy/rules/machine.rs";
/// Where people's homes are.
const HOMES: [&str; 3] = ["/root/", "/Users/", "/home/"];
/// Homes that are nobody's: of examples, and of GitHub's runners.
const NOBODYS: [&str; 3] = ["/home/me/", "/home/you/", "/home/runner/"];
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// How package clients are pointed elsewhere: a part of the file's name, what a line begins with, whose client it is.
const ELSEWHERE: [(&str, &str, &str); 9] = [
    ("requirements", "--index-url", "pip"),
    ("requirements", "--extra-index-url", "pip"),
    ("requirements", "--find-links", "pip"),
    ("requirements", "--trusted-host", "pip"),
    ("requirements", "-i ", "pip"),
    (".cargo/config", "[source", "cargo"),
    (".cargo/config", "[registr", "cargo"),
    (".cargo/config", "replace-with", "cargo"),
    (".npmrc", "registry", "npm"),
];

/// Nothing names a home, the place of this checkout, or a registry other than the public ones.
pub(crate) fn traces(sources: &[Source], places: &[&str]) -> Vec<Finding> {
    // A place of one short component (`/app`) is a word of many a sentence.
    let places: Vec<String> =
        places.iter().filter(|p| p.matches('/').count() > 1).map(|place| format!("{place}/")).collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path != OWN) {
        for (at, line) in source.text.lines().enumerate() {
            let what = place_in(line, &places).or_else(|| registry_in(&source.path, line));
            findings.extend(what.map(|what| Finding {
                file: source.path.clone(),
                line: at + 1,
                what,
                why: "it works on one machine, and tells everybody about it",
                mend: "name it relative to the checkout, or leave it to the settings of whoever builds".to_owned(),
            }));
        }
    }
    findings
}

fn place_in(line: &str, places: &[String]) -> Option<String> {
    if let Some(place) = places.iter().find(|place| line.contains(place.as_str())) {
        return Some(format!("a path of this machine: {place}…"));
    }
    let home = HOMES.iter().find(|home| {
        line.match_indices(**home).any(|(at, _)| {
            let begins = line[..at]
                .chars()
                .next_back()
                .is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}')));
            begins && !NOBODYS.iter().any(|nobodys| line[at..].starts_with(nobodys))
        })
    })?;
    Some(format!("a path below somebody's home: {home}…"))
}

fn registry_in(path: &str, line: &str) -> Option<String> {
    if path.ends_with("Cargo.lock") {
        let source = line.strip_prefix("source = ")?;
        return (source.trim_matches('"') != CRATES)
            .then(|| format!("a package that does not come from crates.io: {source}"));
    }
    let name = path.rsplit_once("/.cargo").map_or(path, |_| ".cargo/config");
    let (_, _, client) =
        ELSEWHERE.iter().find(|(file, begin, _)| name.contains(file) && line.trim_start().starts_with(begin))?;
    Some(format!("{client} is pointed to a registry of its own"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, line: &str) -> usize {
        traces(&[Source { path: path.to_owned(), text: format!("fine\n{line}\n") }], &["/srv/build/runbook", "/app"])
            .len()
    }

    #[test]
    fn a_path_of_a_machine_is_found() {
        for line in
            ["see /root/notes", "cd /Users/ada/runbook", "\"/home/ada/x\"", "open /srv/build/runbook/Cargo.toml"]
        {
            assert_eq!(found("docs/a.md", line), 1, "{line}");
        }
        for line in ["see /home/me/shop", "/rooted/", "https://example.com/home/page", "${X}/root/", "COPY . /app/"] {
            assert_eq!(found("docs/a.md", line), 0, "{line}");
        }
    }

    #[test]
    fn a_registry_of_ones_own_is_found() {
        assert_eq!(found("Cargo.lock", "source = \"registry+https://crates.example.com/index\""), 1);
        assert_eq!(found("Cargo.lock", &format!("source = \"{CRATES}\"")), 0);
        assert_eq!(found("services/requirements.txt", "--index-url https://pypi.example.com"), 1);
        assert_eq!(found("services/requirements.txt", "flask==3.1.3"), 0);
        assert_eq!(found(".cargo/config.toml", "[source.crates-io]"), 1);
        assert_eq!(found(".cargo/config.toml", "[alias]"), 0);
    }
}
