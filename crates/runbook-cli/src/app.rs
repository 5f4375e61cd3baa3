//! The application as a value: a registry of kinds, and a `main` that needs nothing else.

use std::{ffi::OsString, process::ExitCode as Process};

use clap::Parser;
use runbook_core::{ExitCode, registry::Registry};

use crate::{
    args::Args,
    commands,
    fault::Fault,
    output::{Format, Output, Verbosity},
    world::redactor_of_variables,
};

/// The command line of Runbook, with whatever kinds were registered.
#[derive(Debug, Clone)]
pub struct App {
    registry: Registry,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// The built-in stages, probes, deployers, CI and notifiers.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        runbook_health::register(&mut registry);
        runbook_process::register(&mut registry);
        runbook_notify::register(&mut registry);
        Self { registry }
    }

    /// Adds kinds. A kind that is there already is replaced.
    #[must_use]
    pub fn register(mut self, add: impl FnOnce(&mut Registry)) -> Self {
        add(&mut self.registry);
        self
    }

    /// Runs with the arguments of this process, and returns its exit code.
    pub fn main(self) -> Process {
        Process::from(self.run(std::env::args_os()).code())
    }

    /// Runs with these arguments; the first is the program's name.
    pub fn run(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let args = match Args::try_parse_from(&arguments) {
            Ok(args) => args,
            Err(error) => return misused(&arguments, &error),
        };
        let output = Output::new(args.global.format, args.global.color, args.global.verbosity());
        start_log(output.verbosity());
        // One thread is enough for waiting, and starts faster than a pool.
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return output.fault(&Fault::internal(format!("failed to start: {error}"))),
        };
        let code = runtime.block_on(commands::run(&args, &self.registry, &output));
        // A blocking look-up that still hangs must not keep the process.
        runtime.shutdown_background();
        match code {
            Ok(code) => code,
            Err(fault) => output.fault(&fault.redacted(&redactor_of_variables())),
        }
    }
}

/// Arguments that cannot be used, or a question about them.
fn misused(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    let format = wanted_format(arguments);
    if format == Format::Human || matches!(error.kind(), DisplayHelp | DisplayVersion) {
        // Nothing is left to do when the terminal is gone.
        let _ = error.print();
        return match error.kind() {
            DisplayHelp | DisplayVersion => ExitCode::Succeeded,
            DisplayHelpOnMissingArgumentOrSubcommand => ExitCode::Usage,
            _ => ExitCode::Usage,
        };
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let output = Output::new(format, clap::ColorChoice::Never, Verbosity::Quiet);
    let general = "`runbook --help` lists commands and options";
    let hint = similar(error).map_or_else(|| general.to_owned(), |near| format!("did you mean `{near}`? {general}"));
    output.fault(&Fault::usage(message).hint(hint).redacted(&redactor_of_variables()))
}

/// What may have been meant by a mistyped word.
fn similar(error: &clap::Error) -> Option<String> {
    use clap::error::{
        ContextKind::{SuggestedArg, SuggestedSubcommand, SuggestedValue},
        ContextValue,
    };
    [SuggestedSubcommand, SuggestedArg, SuggestedValue].into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(near) => Some(near.clone()),
        // The best guess stands last.
        ContextValue::Strings(near) => near.last().cloned(),
        _ => None,
    })
}

/// The format that was asked for, as far as can be told from arguments that do not parse.
fn wanted_format(arguments: &[OsString]) -> Format {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let value = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--format") {
        Some("") => words.get(at + 1).copied(),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    match value {
        Some("json") => Format::Json,
        Some("events") => Format::Events,
        _ => Format::Human,
    }
}

fn start_log(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet | Verbosity::Normal => return,
        Verbosity::Verbose => "runbook=debug,warn",
        Verbosity::Trace => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    // A second start in one process (tests, embedding) keeps the first log.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
