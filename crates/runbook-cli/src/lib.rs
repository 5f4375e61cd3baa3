//! The terminal and CI face of Runbook, as a value that can be embedded: [`App`] parses arguments, asks the engine,
//! shows what came back and ends with a published exit code. It decides nothing.
//!
//! A tool of one's own adds stages, probes or deployers and keeps every command:
//!
//! ```no_run
//! use runbook_cli::App;
//! use runbook_core::{Outcome, plan::Access, ports::stage_fn};
//!
//! fn main() -> std::process::ExitCode {
//!     let freeze = stage_fn(Access::ReadOnly, |_| Box::pin(async { Ok(Outcome::Passed) }));
//!     App::new().register(|registry| {
//!         registry.stage_value("freeze", freeze);
//!     })
//!     .main()
//! }
//! ```

mod app;
mod args;
mod commands;
mod fault;
mod github_workflow;
mod journal;
mod output;
mod project;
mod signals;
mod templates;
mod world;

pub use app::App;
pub use fault::{ErrorDocument, Fault};
