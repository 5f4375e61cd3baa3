//! Which benches there are, and what is shown of them.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use super::{
    cold_start, engine, journal,
    outcome::{Outcome, document, table},
    probe, rollback, services,
};
use crate::tools::{Checkout, Format, Misuse, format_and_rest};

/// A bench with its cases; an error is a fault of its own, while a peer that is missing is told in the outcome.
type Bench = fn(&Checkout) -> Result<Vec<Outcome>>;

const BENCHES: [(&str, Bench); 7] = [
    (cold_start::NAME, |checkout| Ok(vec![cold_start::run(checkout)?])),
    (engine::NAME, |checkout| Ok(vec![engine::run(checkout)?])),
    (journal::NAME, journal::run),
    (probe::PLAIN, probe::plain),
    (probe::SECURE, probe::secure),
    (rollback::NAME, rollback::run),
    (services::NAME, services::run),
];

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    let (format, names) = format_and_rest(arguments)?;
    let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Misuse(format!("there is no bench {unknown:?}; there are {}", known.join(", "))).into());
    }
    let wanted = BENCHES.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name));
    let mut outcomes = Vec::new();
    for (name, bench) in wanted {
        eprintln!("bench {name}");
        let measured = bench(checkout)?;
        for why in measured.iter().filter_map(|outcome| outcome.result.as_ref().err()) {
            eprintln!("SKIPPED {name}: {why}");
        }
        outcomes.extend(measured);
    }
    match format {
        Format::Json => println!("{:#}", document(&outcomes)),
        Format::Human => print!("{}", table(&outcomes)),
    }
    Ok(if outcomes.iter().all(|outcome| outcome.result.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
