//! Says what an event asks for: `parse_event NAME FILE [CONTEXT]` prints one line of JSON.
//!
//! FILE holds the payload, as `GITHUB_EVENT_PATH` does; CONTEXT is a file with the fields of
//! [`EventContext`](runbook_github::event::EventContext) as JSON. It ends with 1 when the payload cannot be read.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::{error::Error, fs, path::Path, process::ExitCode};

use runbook_core::engine::with_causes;
use runbook_github::event::{Event, EventContext};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Result<String, Box<dyn Error>> {
    let (name, file, context) = match arguments.as_slice() {
        [name, file] => (name, file, EventContext::default()),
        [name, file, context] => (name, file, serde_json::from_slice(&fs::read(context)?)?),
        _ => return Err("usage: parse_event NAME FILE [CONTEXT]".into()),
    };
    let event = Event::open(name, Path::new(file))?;
    Ok(serde_json::to_string(&event.asks(&context))?)
}
