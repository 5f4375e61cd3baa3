//! The forge's stories, told by the real `runbook` binary on real services, real git and real HTTP; only GitHub is the
//! test kit's. `cargo xtask demo` and `cargo xtask e2e` start it.

mod demo;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

/// Deploys a bad release of the forge and shows what Runbook makes of it.
#[derive(Debug, Clone, Parser)]
#[command(name = "demo", version, about)]
struct Args {
    /// Which story to tell
    #[arg(long, value_enum, default_value_t = Scenario::BadRelease)]
    scenario: Scenario,
    /// What stdout carries
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Which services to run
    #[arg(long, value_enum, default_value_t = Services::StandIn)]
    services: Services,
    /// The Python that has the services' requirements, for `--services python`
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// v1.0.0 is deployed and healthy
    Good,
    /// v1.1.0, whose FastAPI answers 500, is deployed, noticed and rolled back
    BadRelease,
    /// Everything is stopped, a deploy is refused, a person resumes
    EmergencyStop,
    /// Each in turn
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The story, and the status issue as it stands
    Human,
    /// One JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Services {
    /// Small Rust programs with the same ports and answers
    StandIn,
    /// FastAPI, Flask and Gradio
    Python,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: failed to start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(demo::run(&args)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
