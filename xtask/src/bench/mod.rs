//! `cargo xtask bench`: release builds measured beside what people use without Runbook, in turns, on this machine.
//!
//! `measure` times, `outcome` tells, `scratch` is where it happens, `exporter` is what runs beside it, and
//! each bench is a file of its own.

mod cold_start;
mod command;
mod engine;
mod exporter;
mod journal;
mod measure;
mod outcome;
mod probe;
mod rollback;
mod scratch;
mod services;

pub(crate) use command::start;
