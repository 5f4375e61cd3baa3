//! `cargo xtask test`: every test, doctest and example, with plain cargo; building is told from testing.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::tools::{Checkout, Misuse, Summary};

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    if arguments.len() > 1 || arguments.iter().any(|argument| argument.to_string_lossy().starts_with('-')) {
        return Err(Misuse("test takes one word at most: a part of the names of the tests to run".to_owned()).into());
    }
    let started = Instant::now();
    // Tests start the programs of other packages, which `cargo test` alone would not build.
    checkout.build(&["build", "--workspace", "--bins", "--examples"])?;
    checkout.build(&["test", "--workspace", "--no-run"])?;
    let built = started.elapsed();
    let (passed, summary) = test(checkout, arguments)?;
    println!("\nbuild: {}", seconds(built));
    println!("tests: {}", seconds(started.elapsed() - built));
    println!("{} passed, {} failed, {} ignored", summary.passed, summary.failed, summary.ignored);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs all tests, also after one has failed, shows what they print and sums it up.
fn test(checkout: &Checkout, filter: &[OsString]) -> Result<(bool, Summary)> {
    let mut cargo = checkout.cargo(&["test", "--workspace", "--no-fail-fast"]);
    cargo.arg("--").args(filter).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = cargo.spawn().context("failed to start cargo")?;
    let mut summary = Summary::default();
    if let Some(stdout) = running.stdout.take() {
        let mut shown = std::io::stdout();
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.context("failed to read what the tests print")?;
            summary.read(&String::from_utf8_lossy(&line));
            // A reader that went away does not end the tests.
            let _ = shown.write_all(&line).and_then(|()| shown.write_all(b"\n"));
        }
    }
    let status = running.wait().context("failed to wait for cargo")?;
    Ok((status.success(), summary))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
