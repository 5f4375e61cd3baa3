//! Reads what the rules look at, asks each of them and shows what they found.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use super::{
    finding::Finding,
    graph::{packages, tree},
    rules,
    tree::sources,
};
use crate::tools::{Checkout, Misuse};

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    if !arguments.is_empty() {
        return Err(Misuse("tidy takes no arguments".to_owned()).into());
    }
    let sources = sources(checkout.root())?;
    let packages = packages(checkout, &sources)?;
    let core = tree(checkout, &["--package", "runbook-core", "--edges", "normal"])?;
    let bare = tree(checkout, &["--package", "runbook-core", "--edges", "normal", "--no-default-features"])?;
    let compiled = tree(checkout, &["--workspace", "--edges", "normal,build", "--target", "all"])?;
    let root = checkout.root().to_string_lossy();
    let home = std::env::var("HOME").unwrap_or_default();
    let rules: [(&str, Vec<Finding>); 15] = [
        ("the core depends on no outside world", rules::core::outside_world(&core)),
        ("the core without its engine is plain data", rules::core::plain_data(&bare)),
        ("the core's sources name no socket", rules::core::sockets(&sources)),
        ("dependencies point one way", rules::direction::one_way(&packages)),
        ("only faces know the terminal", rules::direction::terminal(&packages)),
        ("only faces read variables", rules::variables::only_faces(&sources)),
        ("files stay short", rules::length::short(&sources)),
        ("fronts hold no logic", rules::fronts::no_logic(&sources)),
        ("front pages have a doctest", rules::fronts::doctests(&packages, &sources)),
        ("one version of each crate", rules::versions::single(&compiled)),
        ("one TLS stack", rules::versions::one_tls(&compiled)),
        ("what is declared is used", rules::declared::used(&packages, &sources)),
        ("licences are there", rules::licences::present(&packages, &sources)),
        ("no trace of a machine", rules::machine::traces(&sources, &[&root, &home])),
        ("every channel has its templates", rules::templates::present(&sources)),
    ];
    let mut found = 0;
    for (name, findings) in &rules {
        let sign = if findings.is_empty() { "✓" } else { "✗" };
        println!("{sign} {name}");
        for finding in findings {
            println!("  {finding}");
        }
        found += findings.len();
    }
    println!("\n{} rules over {} files: {found} finding(s)", rules.len(), sources.len());
    Ok(if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
