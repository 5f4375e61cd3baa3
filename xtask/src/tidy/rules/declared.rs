//! Every dependency that the workspace declares is used by a member.

use super::super::{finding::Finding, graph::Package, tree::Source};

/// No line of `[workspace.dependencies]` is left over.
pub(crate) fn used(packages: &[Package], sources: &[Source]) -> Vec<Finding> {
    let Some(manifest) = sources.iter().find(|source| source.path == "Cargo.toml") else { return Vec::new() };
    let used = |name: &str| packages.iter().any(|package| package.dependencies.iter().any(|found| found.name == name));
    let unused = declared(&manifest.text).into_iter().filter(|(_, name)| !used(name));
    unused
        .map(|(line, name)| Finding {
            file: manifest.path.clone(),
            line,
            what: format!("{name} is declared and no member uses it"),
            why: "the list is read as what the project stands on",
            mend: "remove the line, with the comment above it".to_owned(),
        })
        .collect()
}

/// The names in `[workspace.dependencies]` with their lines.
fn declared(manifest: &str) -> Vec<(usize, &str)> {
    let numbered = manifest.lines().enumerate().map(|(at, line)| (at + 1, line));
    let section = numbered.skip_while(|(_, line)| *line != "[workspace.dependencies]").skip(1);
    let entries = section.take_while(|(_, line)| !line.starts_with('['));
    entries
        .filter_map(|(number, line)| {
            let (name, _) = line.split_once('=')?;
            let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            Some((number, name.trim())).filter(|(_, name)| !name.is_empty() && is_name(name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::graph::{Dependency, Kind},
        *,
    };

    #[test]
    fn a_leftover_is_found() {
        let text = "\
[workspace]
members = []

[workspace.dependencies]
# Data = all
serde = \"1\"
old-crate = { version = \"1\" }

[profile.dev]
debug = 1
";
        let manifest = Source { path: "Cargo.toml".to_owned(), text: text.to_owned() };
        let package = Package {
            name: "a".to_owned(),
            manifest: "crates/a/Cargo.toml".to_owned(),
            license: None,
            library: None,
            dependencies: vec![Dependency { name: "serde".to_owned(), kind: Kind::Dev, line: 1 }],
        };
        let findings = used(&[package], &[manifest]);
        assert!(
            findings.len() == 1 && findings[0].line == 7 && findings[0].what.starts_with("old-crate"),
            "{findings:?}"
        );
    }
}
