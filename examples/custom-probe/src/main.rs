//! Two kinds of probe of one's own, and every command of Runbook: `cargo run -p custom-probe -- --help`.
//!
//! `disk-space` has settings, so it is a type with a `ProbeDefinition`; `drain` has none, so a closure is enough. The
//! configuration names both as it names the built-in ones:
//!
//! ```toml
//! [[service.probe]]
//! kind = "disk-space"
//! path = "/var/lib/shop"
//! at_least = 5
//! degrade_below = 15
//!
//! [[service.probe]]
//! kind = "drain"
//! ```

use std::{path::Path, process::ExitCode};

use custom_probe::DiskSpace;
use runbook_cli::App;
use runbook_core::{
    Health, Reading,
    ports::{ProbeError, probe_fn},
};

/// While it is there, in the folder that the program is started in, somebody takes the machine out of service.
const DRAIN: &str = "DRAIN";

fn main() -> ExitCode {
    let drain = probe_fn("drain", || {
        Box::pin(async {
            match Path::new(DRAIN).try_exists() {
                Ok(true) => Ok(Reading::new(Health::Degraded, format!("there is a file {DRAIN}"))),
                Ok(false) => Ok(Reading::new(Health::Healthy, format!("there is no file {DRAIN}"))),
                // Not being able to look is no finding.
                Err(error) => Err(ProbeError::new(format!("failed to look for a file {DRAIN}: {error}"))),
            }
        })
    });
    App::new()
        .register(|registry| {
            registry.probe::<DiskSpace>().probe_value("drain", drain);
        })
        .main()
}
