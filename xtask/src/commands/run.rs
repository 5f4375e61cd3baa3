//! `cargo xtask run`: the `runbook` of this checkout, with the caller's arguments, directory, signals and exit code.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use crate::tools::{Checkout, program, replace};

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    let runbook = checkout.program("runbook");
    // The first build takes minutes, and whoever waits wants to see why; after that cargo has nothing to say.
    let quiet: &[&str] = if runbook.is_file() { &["--quiet"] } else { &[] };
    checkout.build(&[&["build", "--package", "runbook-cli", "--bin", "runbook"], quiet].concat())?;
    let mut command = program(runbook);
    // Whoever is used to `cargo run -- …` writes it here too.
    let arguments = arguments.strip_prefix(&[OsString::from("--")]).unwrap_or(arguments);
    command.args(arguments);
    Err(replace(command))
}
