//! The front of a crate or module is a table of contents: no logic in `lib.rs` and `mod.rs`, and a crate's front page
//! shows it at work.

use super::super::{finding::Finding, graph::Package, rust::built_lines, tree::Source};

/// What may stand before `fn`.
const BEFORE_FN: [&str; 4] = ["const ", "async ", "unsafe ", "extern \"C\" "];
/// What a code block of rustdoc may be called and is still compiled.
const COMPILED: [&str; 6] = ["", "rust", "no_run", "should_panic", "rust,no_run", "edition2024"];

/// No function and no implementation begins in a front.
pub(crate) fn no_logic(sources: &[Source]) -> Vec<Finding> {
    let fronts = sources.iter().filter(|source| {
        source.is_rust_source() && (source.path.ends_with("/mod.rs") || source.path.ends_with("/src/lib.rs"))
    });
    let lines = fronts.flat_map(|source| built_lines(&source.text, false).into_iter().map(move |line| (source, line)));
    let logic = lines.filter(|(_, (_, line))| is_logic(line));
    logic
        .map(|(source, (number, line))| Finding {
            file: source.path.clone(),
            line: number,
            what: format!("logic in a front: {}", line.trim_end_matches('{').trim_end()),
            why: "whoever opens a front looks for what is where, and whoever looks for logic does not open it",
            mend: "move it into a file with a name".to_owned(),
        })
        .collect()
}

fn is_logic(line: &str) -> bool {
    let mut rest = line;
    if let Some(after) = rest.strip_prefix("pub") {
        rest = match after.strip_prefix('(') {
            Some(scope) => scope.split_once(") ").map_or(after, |(_, rest)| rest),
            None => after.trim_start(),
        };
    }
    while let Some(after) = BEFORE_FN.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = after;
    }
    rest.starts_with("fn ") || rest.starts_with("impl ") || rest.starts_with("impl<")
}

/// Every library shows on its front page how it is used, in code that is compiled.
pub(crate) fn doctests(packages: &[Package], sources: &[Source]) -> Vec<Finding> {
    let fronts = packages.iter().filter_map(|package| {
        let library = package.library.as_ref()?;
        Some((package, sources.iter().find(|source| source.path == *library)?))
    });
    let silent = fronts.filter(|(_, source)| !has_doctest(&source.text));
    silent
        .map(|(package, source)| Finding {
            file: source.path.clone(),
            line: 1,
            what: format!("the front page of {} has no doctest", package.name),
            why: "an example that is not compiled is an example of an older version",
            mend: "show the crate at work in a ``` block of its `//!` page".to_owned(),
        })
        .collect()
}

fn has_doctest(text: &str) -> bool {
    let page = text.lines().filter_map(|line| line.strip_prefix("//!"));
    let fences: Vec<&str> = page.filter_map(|line| line.trim().strip_prefix("```")).collect();
    // Every other fence closes.
    fences.chunks_exact(2).any(|block| COMPILED.contains(&block[0].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn logic_in_a_front_is_found() {
        for line in [
            "fn a() {",
            "pub fn a() {",
            "pub(crate) async fn a() {",
            "pub const fn a() {",
            "impl A {",
            "impl<T> A<T> {",
        ] {
            let findings = no_logic(&[source("crates/a/src/b/mod.rs", &format!("mod c;\n\n{line}\n}}\n"))]);
            assert!(findings.len() == 1 && findings[0].line == 3, "{line}: {findings:?}");
        }
        assert_eq!(no_logic(&[source("crates/a/src/lib.rs", "fn a() {}\n")]).len(), 1);
    }

    #[test]
    fn contents_tests_and_macros_are_no_logic() {
        let front = "\
mod a;
pub use a::A;
/// fn
pub struct B;
macro_rules! m {
fn a() {}
}
#[cfg(test)]
mod tests {
fn a() {}
}
";
        assert_eq!(no_logic(&[source("crates/a/src/lib.rs", front)]), []);
        assert_eq!(no_logic(&[source("crates/a/src/b.rs", "fn a() {}\n")]), []);
        assert_eq!(no_logic(&[source("crates/a/tests/it/mod.rs", "fn a() {}\n")]), []);
    }

    #[test]
    fn a_front_page_without_a_doctest_is_found() {
        let package = Package {
            name: "a".to_owned(),
            manifest: "crates/a/Cargo.toml".to_owned(),
            license: None,
            library: Some("crates/a/src/lib.rs".to_owned()),
            dependencies: Vec::new(),
        };
        let check = |text: &str| doctests(std::slice::from_ref(&package), &[source("crates/a/src/lib.rs", text)]).len();
        assert_eq!(check("//! Words.\n"), 1);
        assert_eq!(check("//! ```toml\n//! a = 1\n//! ```\n"), 1);
        assert_eq!(check("//! ```ignore\n//! a();\n//! ```\n"), 1);
        assert_eq!(check("/// ```\n/// a();\n/// ```\nfn a() {}\n"), 1, "not on the front page");
        assert_eq!(check("//! ```toml\n//! ```\n//!\n//! ```no_run\n//! a();\n//! ```\n"), 0);
        assert_eq!(check("//! ```\n//! a();\n//! ```\n"), 0);
    }
}
