//! Cargo's own account of the workspace: its packages with what they declare, and trees of what is compiled.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::tree::Source;
use crate::tools::{Checkout, text};

/// A package of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its `Cargo.toml`, from the root of the checkout.
    pub(crate) manifest: String,
    pub(crate) license: Option<String>,
    /// The file of its library, from the root of the checkout.
    pub(crate) library: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a package declares it.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Where it stands in the manifest.
    pub(crate) line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Compiled into the crate or its build script.
    Normal,
    /// For tests, examples and benches.
    Dev,
}

/// The packages of the workspace.
pub(crate) fn packages(checkout: &Checkout, sources: &[Source]) -> Result<Vec<Package>> {
    let metadata = text(&mut checkout.cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let root = metadata["workspace_root"].as_str().context("cargo metadata names no workspace")?;
    let read = read(&metadata, &format!("{root}/"), sources);
    read.context("cargo metadata has another shape than format version 1")
}

fn read(metadata: &Value, root: &str, sources: &[Source]) -> Option<Vec<Package>> {
    let mut packages = Vec::new();
    for package in metadata["packages"].as_array()? {
        let manifest = relative(package["manifest_path"].as_str()?, root);
        let library = package["targets"].as_array()?.iter().find(|target| target["kind"][0] == "lib");
        let source = sources.iter().find(|source| source.path == manifest);
        let dependencies = package["dependencies"].as_array()?.iter().filter_map(|dependency| {
            let name = dependency["name"].as_str()?.to_owned();
            let kind = if dependency["kind"] == "dev" { Kind::Dev } else { Kind::Normal };
            let line =
                source.map_or(1, |source| source.text.lines().position(|l| declares(l, &name)).map_or(1, |at| at + 1));
            Some(Dependency { name, kind, line })
        });
        packages.push(Package {
            name: package["name"].as_str()?.to_owned(),
            license: package["license"].as_str().map(str::to_owned),
            library: library.and_then(|target| target["src_path"].as_str()).map(|path| relative(path, root)),
            dependencies: dependencies.collect(),
            manifest,
        });
    }
    Some(packages)
}

fn relative(path: &str, root: &str) -> String {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}

/// Whether a line of a manifest declares a dependency.
pub(crate) fn declares(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '=', '.']))
}

/// The packages that `cargo tree` with these arguments names, each with its versions.
pub(crate) fn tree(checkout: &Checkout, arguments: &[&str]) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let fixed = ["tree", "--prefix", "none", "--no-dedupe", "--format", "{p}"];
    Ok(versions(&text(&mut checkout.cargo(&[&fixed, arguments].concat()))?))
}

/// Reads lines of `name vVERSION …`.
pub(crate) fn versions(tree: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next().and_then(|word| word.strip_prefix('v'))) {
            found.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use serde_json::json;

    use super::*;

    #[test]
    fn packages_are_read_with_the_places_of_their_dependencies() {
        let manifest = "[package]\nname = \"a\"\n\n[dependencies]\ntokio-util.workspace = true\ntokio = \"1\"\n";
        let source = Source { path: "crates/a/Cargo.toml".to_owned(), text: manifest.to_owned() };
        let metadata = json!({"packages": [{
            "name": "a", "manifest_path": "/r/crates/a/Cargo.toml", "license": "MIT",
            "targets": [
                {"kind": ["bin"], "src_path": "/r/crates/a/src/main.rs"},
                {"kind": ["lib"], "src_path": "/r/crates/a/src/lib.rs"},
            ],
            "dependencies": [{"name": "tokio", "kind": null}, {"name": "tokio-util", "kind": "dev"}],
        }]});
        let packages = read(&metadata, "/r/", &[source]).unwrap();
        assert_eq!(packages[0].library.as_deref(), Some("crates/a/src/lib.rs"));
        let dependencies: Vec<_> = packages[0].dependencies.iter().map(|d| (d.name.as_str(), d.kind, d.line)).collect();
        assert_eq!(dependencies, [("tokio", Kind::Normal, 6), ("tokio-util", Kind::Dev, 5)]);
    }

    #[test]
    fn a_tree_is_read_as_names_and_versions() {
        let found = versions("a v1.0.0\nb v2.0.0 (proc-macro)\n\na v0.9.1 (*)\n");
        assert_eq!(found["a"].iter().collect::<Vec<_>>(), ["0.9.1", "1.0.0"]);
        assert_eq!(found.len(), 2);
    }
}
