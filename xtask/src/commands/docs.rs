//! `cargo xtask docs`: the documentation of every library, without a warning. What a program's comments say is shown by
//! its `--help`, where `<NAME>` is no HTML.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use crate::{
    passes,
    tools::{Checkout, Misuse},
};

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    if !arguments.is_empty() {
        return Err(Misuse("docs takes no arguments".to_owned()).into());
    }
    let mut cargo = checkout.cargo(&["doc", "--workspace", "--no-deps", "--lib"]);
    if !passes(cargo.env("RUSTDOCFLAGS", "-Dwarnings"))? {
        return Ok(ExitCode::FAILURE);
    }
    println!("{}", checkout.target().join("doc/runbook_core/index.html").display());
    Ok(ExitCode::SUCCESS)
}
