//! The core knows no outside world, and without its engine it is plain data.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{finding::Finding, rust::built_lines, tree::Source};

const MANIFEST: &str = "crates/runbook-core/Cargo.toml";

/// Crates that speak to something outside of the process, or to people. `mio` and `socket2` are what tokio's features
/// `net`, `process` and `signal` bring.
const OUTSIDE: [&str; 24] = [
    "reqwest",
    "hyper",
    "hyper-util",
    "h2",
    "axum",
    "tonic",
    "octocrab",
    "rustls",
    "tokio-rustls",
    "native-tls",
    "openssl",
    "git2",
    "libgit2-sys",
    "gix",
    "rusqlite",
    "libsqlite3-sys",
    "socket2",
    "mio",
    "handlebars",
    "clap",
    "anyhow",
    "indicatif",
    "anstream",
    "rustix",
];

/// What only an engine needs.
const ENGINE: [&str; 10] =
    ["tokio", "tokio-util", "async-trait", "futures", "toml", "schemars", "rand", "regex", "aho-corasick", "tracing"];

const SOCKETS: [&str; 8] = [
    "tokio::net",
    "tokio::process",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "ToSocketAddrs",
    "std::process::Command",
];

/// With its default features, the core compiles nothing that reaches outside.
pub(crate) fn outside_world(tree: &BTreeMap<String, BTreeSet<String>>) -> Vec<Finding> {
    let why = "the decisions can be tested, replayed and hosted elsewhere only while the core does no I/O of its own";
    let mend = "move what needs it into an adapter, behind a port; `cargo tree -p runbook-core -e normal,features -i";
    found(tree, &OUTSIDE, "with its default features", why, mend)
}

/// Without default features, it is plain data.
pub(crate) fn plain_data(tree: &BTreeMap<String, BTreeSet<String>>) -> Vec<Finding> {
    let why = "a dashboard or an agent's client reads a runbook with serde alone";
    let mend = "make it optional and part of `engine`; `cargo tree -p runbook-core -e normal --no-default-features -i";
    found(tree, &ENGINE, "without default features", why, mend)
}

fn found(
    tree: &BTreeMap<String, BTreeSet<String>>,
    unwanted: &[&str],
    features: &str,
    why: &'static str,
    mend: &str,
) -> Vec<Finding> {
    let compiled = unwanted.iter().filter(|name| tree.contains_key(**name));
    compiled
        .map(|name| Finding {
            file: MANIFEST.to_owned(),
            line: 1,
            what: format!("runbook-core {features} compiles {name}"),
            why,
            mend: format!("{mend} {name}` shows the way to it"),
        })
        .collect()
}

/// Its sources name no socket and start no process.
pub(crate) fn sockets(sources: &[Source]) -> Vec<Finding> {
    let core = sources.iter().filter(|source| source.path.starts_with("crates/runbook-core/src/"));
    let lines = core.flat_map(|source| built_lines(&source.text, true).into_iter().map(move |line| (source, line)));
    let named = lines.filter_map(|(source, (number, line))| {
        let name = SOCKETS.iter().find(|name| line.contains(**name))?;
        Some(Finding {
            file: source.path.clone(),
            line: number,
            what: format!("the core names {name}"),
            why: "tokio offers sockets to all who use its runtime; the core's only outside worlds are its ports",
            mend: "move it into an adapter, behind a port".to_owned(),
        })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::{super::super::graph::versions, *};

    #[test]
    fn a_core_that_reaches_outside_is_found() {
        let findings = outside_world(&versions("runbook-core v0.1.0\nserde v1.0.0\nreqwest v0.13.0\nhyper v1.0.0\n"));
        assert!(findings.len() == 2 && findings[0].what.ends_with("compiles reqwest"), "{findings:?}");
        assert_eq!(outside_world(&versions("runbook-core v0.1.0\ntokio v1.0.0\n")), []);
    }

    #[test]
    fn a_core_that_needs_a_runtime_for_data_is_found() {
        let findings = plain_data(&versions("serde v1.0.0\ntokio v1.0.0\n"));
        assert!(findings.len() == 1 && findings[0].mend.contains("--no-default-features -i tokio`"), "{findings:?}");
        assert_eq!(plain_data(&versions("serde v1.0.0\nsha2 v0.11.0\n")), []);
    }

    #[test]
    fn a_socket_in_the_core_is_found() {
        let file = |path: &str| Source {
            path: path.to_owned(),
            text: "//! Not TcpStream.\nuse tokio::net::TcpStream;\n".to_owned(),
        };
        let findings = sockets(&[file("crates/runbook-core/src/a.rs"), file("crates/runbook-health/src/a.rs")]);
        assert!(findings.len() == 1 && findings[0].line == 2, "{findings:?}");
    }
}
