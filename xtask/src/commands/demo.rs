//! `cargo xtask demo`: builds what a story of the forge needs, and becomes the program that tells it.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use crate::tools::{Checkout, program, replace};

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    build(checkout)?;
    let mut command = program(checkout.program("forge"));
    command.args(arguments);
    Err(replace(command))
}

/// The storyteller, its stand-in services, and the `runbook` that it calls.
pub(super) fn build(checkout: &Checkout) -> Result<()> {
    checkout.build(&["build", "--package", "runbook-cli", "--package", "forge", "--bins"])
}
