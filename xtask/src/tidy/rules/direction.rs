//! Dependencies point one way: faces on adapters, adapters on render, all on the core. Only faces know the terminal.

use super::{
    super::{
        finding::Finding,
        graph::{Kind, Package},
    },
    roles::Role,
};

const TERMINAL: [&str; 7] =
    ["anyhow", "clap", "clap_complete", "anstream", "anstyle", "indicatif", "annotate-snippets"];

/// No package of the workspace is built on one that its role may not use.
pub(crate) fn one_way(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(role) = Role::of(package) else {
            findings.push(Finding {
                file: package.manifest.clone(),
                line: 1,
                what: format!("{} has no place in the architecture", package.name),
                why: "a crate without a role may depend on anything, and soon does",
                mend: "give it a role in xtask/src/tidy/rules/roles.rs".to_owned(),
            });
            continue;
        };
        for dependency in &package.dependencies {
            let Some(other) = packages.iter().find(|other| other.name == dependency.name).and_then(Role::of) else {
                continue;
            };
            // Tests may stand on anything but xtask; its own stand on nothing, or it would not build in seconds.
            let for_tests = dependency.kind == Kind::Dev && role != Role::Xtask && other != Role::Xtask;
            if !for_tests && !role.may_use(other) {
                findings.push(Finding {
                    file: package.manifest.clone(),
                    line: dependency.line,
                    what: format!("{} ({role:?}) is built on {} ({other:?})", package.name, dependency.name),
                    why: "each outside world can be replaced only as long as nothing beside or above it is built in",
                    mend: "let a port of runbook-core stand between them, and a face join them".to_owned(),
                });
            }
        }
    }
    findings
}

/// No library depends on what is for terminals, or on errors that no program can match.
pub(crate) fn terminal(packages: &[Package]) -> Vec<Finding> {
    let libraries = packages.iter().filter(|package| !Role::of(package).is_some_and(Role::knows_terminal));
    let dependencies = libraries.flat_map(|package| package.dependencies.iter().map(move |found| (package, found)));
    dependencies
        .filter(|(_, found)| found.kind == Kind::Normal && TERMINAL.contains(&found.name.as_str()))
        .map(|(package, found)| Finding {
            file: package.manifest.clone(),
            line: found.line,
            what: format!("{} depends on {}", package.name, found.name),
            why: "a library is used where there is no terminal, by programs that match on its errors",
            mend: "return data and a thiserror enum; the face shows them".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::super::graph::Dependency, *};

    fn package(name: &str, folder: &str, dependencies: &[(&str, Kind)]) -> Package {
        Package {
            name: name.to_owned(),
            manifest: format!("{folder}/{name}/Cargo.toml"),
            license: None,
            library: None,
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: *kind, line: 7 })
                .collect(),
        }
    }

    fn house(name: &str, dependency: &str, kind: Kind) -> Vec<Package> {
        let others = [
            "runbook-core",
            "runbook-render",
            "runbook-git",
            "runbook-github",
            "runbook-cli",
            "runbook-testkit",
            "xtask",
        ];
        let mut packages = vec![package(name, "crates", &[(dependency, kind)])];
        packages.extend(others.iter().filter(|other| **other != name).map(|other| package(other, "crates", &[])));
        packages
    }

    #[test]
    fn what_points_the_wrong_way_is_found() {
        for (from, to) in [
            ("runbook-github", "runbook-git"),
            ("runbook-core", "runbook-render"),
            ("runbook-render", "runbook-git"),
            ("runbook-git", "runbook-cli"),
            ("runbook-cli", "runbook-testkit"),
            ("xtask", "runbook-core"),
        ] {
            let findings = one_way(&house(from, to, Kind::Normal));
            assert_eq!(findings.len(), 1, "{from} → {to}: {findings:?}");
            assert_eq!(
                (findings[0].file.as_str(), findings[0].line),
                (format!("crates/{from}/Cargo.toml").as_str(), 7)
            );
        }
        assert_eq!(one_way(&house("xtask", "runbook-core", Kind::Dev)).len(), 1, "not even for its tests");
    }

    #[test]
    fn what_points_the_right_way_is_not() {
        for (from, to) in
            [("runbook-github", "runbook-render"), ("runbook-cli", "runbook-git"), ("runbook-git", "serde")]
        {
            assert_eq!(one_way(&house(from, to, Kind::Normal)), [], "{from} → {to}");
        }
        assert_eq!(one_way(&house("runbook-git", "runbook-testkit", Kind::Dev)), []);
        assert_eq!(one_way(&[package("anything", "examples", &[])]), []);
    }

    #[test]
    fn a_new_crate_needs_a_role() {
        let findings = one_way(&[package("runbook-new", "crates", &[])]);
        assert!(findings[0].what.contains("runbook-new has no place"), "{findings:?}");
    }

    #[test]
    fn a_library_that_knows_the_terminal_is_found() {
        assert_eq!(terminal(&house("runbook-git", "anyhow", Kind::Normal)).len(), 1);
        assert_eq!(terminal(&house("runbook-core", "clap", Kind::Normal)).len(), 1);
        assert_eq!(terminal(&house("runbook-cli", "clap", Kind::Normal)), []);
        assert_eq!(terminal(&house("runbook-git", "anyhow", Kind::Dev)), []);
    }
}
