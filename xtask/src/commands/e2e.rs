//! `cargo xtask e2e`: the story of the bad release on the real FastAPI, Flask and Gradio, in a Python environment that
//! is made once and renewed when `requirements.txt` changes.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use super::demo;
use crate::tools::{Checkout, environment, program, replace};

const REQUIREMENTS: &str = "examples/forge/services/requirements.txt";

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    // The slow part of a first run is the build, the part that may be missing is Python: so that comes first.
    let python = environment(&checkout.target().join("forge-venv"), &checkout.root().join(REQUIREMENTS))?;
    demo::build(checkout)?;
    let mut command = program(checkout.program("forge"));
    command.args(["--services", "python", "--scenario", "bad-release", "--python"]).arg(python).args(arguments);
    Err(replace(command))
}
