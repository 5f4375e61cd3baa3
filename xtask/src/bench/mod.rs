//! `cargo xtask bench`: release builds measured beside what people use without Runbook, in turns, on this machine.
//!
//! `measure` times, `outcome` tells, `scratch` is where it happens, and each bench is a file of its own.

mod cold_start;
mod command;
mod engine;
mod measure;
mod outcome;
mod rollback;
mod scratch;

pub(crate) use command::start;
