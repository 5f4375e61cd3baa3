//! The status issue, over real HTTP, with leave from real runs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod comments;
mod contract;
mod refusals;
mod searching;
mod support;
mod updating;
