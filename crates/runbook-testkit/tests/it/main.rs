//! The kit itself, driven by real clients.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step of a test should stop it")]

mod client;
mod conformance;
mod github_arranged;
mod github_exchanges;
mod github_faults;
mod github_issues;
mod github_octocrab;
mod github_pulls;
mod github_refusals;
mod github_repository;
mod history;
mod parts;
mod targets;
