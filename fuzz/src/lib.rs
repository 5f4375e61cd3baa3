//! What must hold of the parsers whatever people write: no panic, no hang, and a few promises that are asserted here.
//!
//! Each target is a function of bytes, so that whatever makes bytes can drive it: `cargo xtask fuzz` and cargo-fuzz do by
//! libFuzzer. `condition` reads and judges, `configuration` reads `runbook.toml` and builds its probes. Nothing here opens
//! a socket, reads a file or keeps anything between two inputs.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod condition;
mod configuration;

pub use condition::condition;
pub use configuration::configuration;
