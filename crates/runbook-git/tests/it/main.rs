//! The port against real repositories, and against what the real `git` says about them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it cannot go on")]

mod checkout;
mod difference;
mod export;
mod history;
mod journal;
mod merge;
mod opening;
mod push;
mod resolve;
mod rollback;
mod support;
mod tag;
mod transports;
