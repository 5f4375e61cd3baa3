//! `cargo xtask …`: what is done from a checkout. This file knows the commands' names and nothing of their work, which
//! is a file each in `commands`, `contract`, `tidy` and `bench`.

mod bench;
mod commands;
mod contract;
mod tidy;
mod tools;

use std::{
    ffi::OsString,
    process::{Command as Process, ExitCode},
};

use anyhow::Result;
use tools::{Checkout, Misuse};

/// A command of `cargo xtask`.
struct Command {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    start: fn(&Checkout, &[OsString]) -> Result<ExitCode>,
}

const COMMANDS: [Command; 9] = [
    Command {
        name: "run",
        arguments: "ARGUMENTS…",
        summary: "builds runbook and runs it with these arguments, as CI of this repository does",
        start: commands::run::start,
    },
    Command {
        name: "demo",
        arguments: "[--scenario good|bad-release|emergency-stop|all] [--format human|json]",
        summary: "tells a story of the forge on stand-ins for its services, in seconds",
        start: commands::demo::start,
    },
    Command {
        name: "e2e",
        arguments: "[--format human|json]",
        summary: "tells the story of the bad release on the real FastAPI, Flask and Gradio",
        start: commands::e2e::start,
    },
    Command {
        name: "test",
        arguments: "[FILTER]",
        summary: "runs every test, doctest and example; says what building and testing took",
        start: commands::test::start,
    },
    Command {
        name: "fuzz",
        arguments: "[condition|configuration] [INPUT…] [--seconds N]",
        summary: "feeds the parsers what nobody thought of, 30 s each; or one of them these files",
        start: commands::fuzz::start,
    },
    Command {
        name: "contract",
        arguments: "[act|chats|emulate|openapi|webhooks|workflows]… [--format human|json]",
        summary: "holds what is sent, read and generated against what others wrote about it",
        start: contract::start,
    },
    Command {
        name: "tidy",
        arguments: "",
        summary: "holds what the architecture promises: dependencies, files, duplicates, licences",
        start: tidy::start,
    },
    Command {
        name: "docs",
        arguments: "",
        summary: "builds the documentation of every library; a warning is an error",
        start: commands::docs::start,
    },
    Command {
        name: "bench",
        arguments: "[cold-start|engine|probe|probe-tls|rollback|services] [--format human|json]",
        summary: "measures release builds beside their peers, in turns",
        start: bench::start,
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next();
    let rest: Vec<OsString> = arguments.collect();
    let name = name.as_deref().map(|name| name.to_string_lossy());
    let done = match name.as_deref() {
        None | Some("help" | "--help" | "-h") => {
            print!("{}", help());
            return ExitCode::SUCCESS;
        }
        Some(name) => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => Checkout::find().and_then(|checkout| (command.start)(&checkout, &rest)),
            None => Err(Misuse(format!("there is no command {name:?}; `cargo xtask` lists what there is")).into()),
        },
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(if error.is::<Misuse>() { 2 } else { 1 })
    })
}

fn help() -> String {
    let mut text = "What is done from a checkout of Runbook\n\nUsage: cargo xtask COMMAND [ARGUMENTS]\n\n".to_owned();
    for Command { name, arguments, summary, .. } in COMMANDS {
        let call = format!("{name} {arguments}");
        text.push_str(&format!("  {}\n          {summary}\n", call.trim_end()));
    }
    text.push_str(
        "\nIt exits 0 when all went well, 1 when something did not, 2 when it was called wrongly; run, demo and e2e\n",
    );
    text.push_str("exit as the program does that they start.\n");
    text
}

/// Starts a program whose output is not ours to change.
fn passes(process: &mut Process) -> Result<bool> {
    Ok(tools::status(process)?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_has_a_line_for_every_command() {
        let text = help();
        for command in COMMANDS {
            assert!(text.contains(&format!("\n  {}", command.name)) && text.contains(command.summary), "{text}");
        }
        assert!(text.lines().all(|line| line.len() <= 120), "{text}");
    }
}
