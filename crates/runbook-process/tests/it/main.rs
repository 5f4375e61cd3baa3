//! This crate against a real machine: real processes, real files, real ports.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at once")]

mod ci;
mod command_deployer;
mod command_probe;
mod journal;
mod machine;
mod orphans;
mod permit;
mod process_deployer;
mod registration;
mod survival;
mod trees;
