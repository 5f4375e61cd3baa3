//! One version of each crate that is compiled, and one TLS stack.

use std::collections::{BTreeMap, BTreeSet};

use super::super::finding::Finding;

/// Where the reasons are.
const OWN: &str = "xtask/src/tidy/rules/versions.rs";

/// Crates that may be there twice, with the reason.
const TWICE: [(&str, &str); 14] = [
    ("base64", "octocrab and jsonwebtoken have not moved to 0.23"),
    ("block-buffer", "with sha2"),
    ("core-foundation", "on macOS only: hickory-resolver's system-configuration has not moved to 0.10"),
    ("cpufeatures", "sha2 0.10 and the generator of rand differ"),
    ("crypto-common", "with sha2"),
    ("digest", "with sha2"),
    ("getrandom", "octocrab and jsonwebtoken have not moved to 0.4"),
    ("hashbrown", "sqlx-core's hashlink has not moved to 0.17"),
    ("hmac", "with sha2"),
    ("pem", "jsonwebtoken has not moved to 4, on which the rcgen of the test kit stands"),
    ("sha2", "octocrab stands on 0.10, postgres-protocol on 0.11"),
    ("syn", "at compile time only: some derive macros have not moved to 3"),
    ("synstructure", "at compile time only: with syn"),
    ("untrusted", "aws-lc-rs and rustls-webpki differ; a few hundred lines of code"),
];

/// Other TLS stacks than rustls with aws-lc-rs.
const OTHER_TLS: [&str; 5] = ["ring", "openssl", "openssl-sys", "native-tls", "boring"];

/// Nothing is compiled in two versions without a reason, and no reason outlives what it was for.
pub(crate) fn single(compiled: &BTreeMap<String, BTreeSet<String>>) -> Vec<Finding> {
    let is_known = |name: &str| TWICE.iter().any(|(known, _)| *known == name);
    let twice = compiled.iter().filter(|(name, versions)| versions.len() > 1 && !is_known(name));
    let is_single = |name: &str| compiled.get(name).is_none_or(|versions| versions.len() < 2);
    let outlived = TWICE.iter().filter(|(name, _)| is_single(name));
    twice
        .map(|(name, versions)| unexplained(name, versions))
        .chain(outlived.map(|(name, reason)| Finding {
            file: OWN.to_owned(),
            line: 1,
            what: format!("{name} is no longer compiled twice ({reason})"),
            why: "an exception that is not needed hides the next one",
            mend: "take it out of the table".to_owned(),
        }))
        .collect()
}

fn unexplained(name: &str, versions: &BTreeSet<String>) -> Finding {
    let all: Vec<&str> = versions.iter().map(String::as_str).collect();
    let oldest = all.first().copied().unwrap_or_default();
    Finding {
        file: "Cargo.lock".to_owned(),
        line: 1,
        what: format!("{name} is compiled in {} versions: {}", all.len(), all.join(", ")),
        why: "two versions are built, shipped and patched apart, and their types do not fit together",
        mend: format!(
            "see who wants it (`cargo tree -i {name}@{oldest}`); if it has to stay, give the reason in {OWN}"
        ),
    }
}

/// No second TLS stack is compiled. One that is merely listed in Cargo.lock, for a feature that is off, is no harm.
pub(crate) fn one_tls(compiled: &BTreeMap<String, BTreeSet<String>>) -> Vec<Finding> {
    let others = OTHER_TLS.iter().filter(|name| compiled.contains_key(**name));
    others
        .map(|name| Finding {
            file: "Cargo.toml".to_owned(),
            line: 1,
            what: format!("{name} is compiled"),
            why: "TLS is rustls with aws-lc-rs everywhere: one set of roots, one set of faults",
            mend: format!("turn off what brings it (`cargo tree -i {name} -e normal,features --target all`)"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::super::graph::versions, *};

    /// A tree in which every exception is needed.
    fn tree(more: &str) -> BTreeMap<String, BTreeSet<String>> {
        let known: String = TWICE.iter().map(|(name, _)| format!("{name} v1.0.0\n{name} v2.0.0\n")).collect();
        versions(&(known + more))
    }

    #[test]
    fn a_second_version_needs_a_reason() {
        assert_eq!(single(&tree("hyper v1.0.0\n")), []);
        let findings = single(&tree("hyper v1.0.0\nhyper v0.14.3\n"));
        assert!(
            findings.len() == 1 && findings[0].what == "hyper is compiled in 2 versions: 0.14.3, 1.0.0",
            "{findings:?}"
        );
    }

    #[test]
    fn an_exception_that_is_not_needed_is_found() {
        let mut tree = tree("");
        tree.remove("syn");
        let findings = single(&tree);
        assert!(findings.len() == 1 && findings[0].what.starts_with("syn is no longer"), "{findings:?}");
    }

    #[test]
    fn the_pillars_have_no_exception() {
        for pillar in ["hyper", "reqwest", "rustls", "rand", "tokio"] {
            assert!(!TWICE.iter().any(|(name, _)| *name == pillar), "{pillar}");
        }
    }

    #[test]
    fn a_second_tls_stack_is_found() {
        assert_eq!(one_tls(&versions("rustls v0.23.0\naws-lc-rs v1.0.0\n")), []);
        assert_eq!(one_tls(&versions("rustls v0.23.0\nring v0.17.0\nopenssl-sys v0.9.0\n")).len(), 2);
    }
}
