//! Every package names its licence, and the text of each licence is there.

use super::super::{finding::Finding, graph::Package, tree::Source};

/// The licences and where their texts are.
const TEXTS: [(&str, &str); 2] = [("MIT", "LICENSE-MIT"), ("Apache-2.0", "LICENSE-APACHE")];
const WHY: &str = "without a licence nobody may use the code, whatever was meant";

/// Each package is under a licence whose text is in the checkout.
pub(crate) fn present(packages: &[Package], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        if package.license.is_none() {
            findings.push(Finding {
                file: package.manifest.clone(),
                line: 1,
                what: format!("{} names no licence", package.name),
                why: WHY,
                mend: "license.workspace = true".to_owned(),
            });
        }
    }
    for (licence, text) in TEXTS {
        let is_named = |package: &Package| package.license.as_deref().is_some_and(|named| named.contains(licence));
        let there = sources.iter().any(|source| source.path == text && !source.text.trim().is_empty());
        if !there && packages.iter().any(is_named) {
            findings.push(Finding {
                file: text.to_owned(),
                line: 1,
                what: format!("the text of {licence} is missing"),
                why: WHY,
                mend: format!("put the text of {licence} into {text}"),
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_licence_is_found() {
        let package = |license: Option<&str>| Package {
            name: "a".to_owned(),
            manifest: "crates/a/Cargo.toml".to_owned(),
            license: license.map(str::to_owned),
            library: None,
            dependencies: Vec::new(),
        };
        let text = |path: &str| Source { path: path.to_owned(), text: "Permission is granted".to_owned() };
        let both = [text("LICENSE-MIT"), text("LICENSE-APACHE")];
        assert_eq!(present(&[package(Some("MIT OR Apache-2.0"))], &both), []);
        assert_eq!(present(&[package(None)], &both)[0].what, "a names no licence");
        assert_eq!(present(&[package(Some("MIT OR Apache-2.0"))], &both[..1])[0].file, "LICENSE-APACHE");
    }
}
