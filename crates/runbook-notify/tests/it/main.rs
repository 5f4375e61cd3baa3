//! The chats, against a real HTTP server, with leave from real runs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod building;
mod sending;
mod support;
