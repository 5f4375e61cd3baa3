//! Which benches there are, and what is shown of them.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use super::{
    cold_start, engine,
    outcome::{Outcome, document, table},
    rollback,
};
use crate::tools::{Checkout, Format, Misuse, format_and_rest};

/// A bench; an error is a fault of its own, while a peer that is missing is told in the outcome.
type Bench = fn(&Checkout) -> Result<Outcome>;

const BENCHES: [(&str, Bench); 3] =
    [(cold_start::NAME, cold_start::run), (engine::NAME, engine::run), (rollback::NAME, rollback::run)];

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
        let outcome = bench(checkout)?;
        if let Err(why) = &outcome.result {
            eprintln!("SKIPPED {name}: {why}");
        }
        outcomes.push(outcome);
    }
    match format {
        Format::Json => println!("{:#}", document(&outcomes)),
        Format::Human => print!("{}", table(&outcomes)),
    }
    Ok(if outcomes.iter().all(|outcome| outcome.result.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
