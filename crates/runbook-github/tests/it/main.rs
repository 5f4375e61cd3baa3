//! The status issue, over real HTTP, with leave from real runs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod apps;
mod comments;
mod contract;
mod doctor;
mod emulated;
mod events;
mod exactly_once;
mod forge;
mod issue_commands;
mod proxies;
mod pull_requests;
mod refusals;
mod searching;
mod steady;
mod support;
mod updating;
mod webhooks;
