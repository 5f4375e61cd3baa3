//! Only faces read environment variables; everyone else is handed a `Lookup`.

use super::super::{finding::Finding, rust::built_lines, tree::Source};

/// Where variables may be read: the faces, what starts them, and what tests stand on.
const FACES: [&str; 5] =
    ["crates/runbook-cli/", "crates/runbook-agent/", "crates/runbook-testkit/", "examples/", "xtask/"];

const CALLS: [&str; 6] =
    ["env::var(", "env::var_os(", "env::vars(", "env::vars_os(", "env::set_var(", "env::remove_var("];

/// No library reads or sets a variable of its process.
pub(crate) fn only_faces(sources: &[Source]) -> Vec<Finding> {
    let libraries = sources
        .iter()
        .filter(|source| source.is_rust_source() && !FACES.iter().any(|face| source.path.starts_with(face)));
    let lines =
        libraries.flat_map(|source| built_lines(&source.text, true).into_iter().map(move |line| (source, line)));
    let calls = lines.filter_map(|(source, (number, line))| {
        let call = CALLS.iter().find(|call| line.contains(**call))?;
        Some(Finding {
            file: source.path.clone(),
            line: number,
            what: format!("a library calls {call}…)"),
            why: "a variable that is read in secret is a setting that nobody can see, test or redact",
            mend: "take it from `Scope::variables`, or let a face hand it in".to_owned(),
        })
    });
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_reads_a_variable_is_found() {
        let text = "\
// std::env::var(\"A\")
let a = std::env::var(\"A\");
#[cfg(test)]
mod tests {
    fn t() { env::var(\"B\"); }
}
";
        let file = |path: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let findings = only_faces(&[
            file("crates/runbook-git/src/a.rs"),
            file("crates/runbook-git/tests/it/a.rs"),
            file("crates/runbook-cli/src/a.rs"),
            file("examples/forge/src/a.rs"),
        ]);
        assert!(findings.len() == 1 && findings[0].line == 2, "{findings:?}");
        assert_eq!(findings[0].file, "crates/runbook-git/src/a.rs");
    }
}
