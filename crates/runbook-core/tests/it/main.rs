//! The engine, its decisions and its folds, proved by whole runs over ports in memory and virtual time.
//!
//! `harness` is the world that the runs act on; each other module says in its first line what it guards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod causes;
mod checks;
mod commits;
mod effects;
mod folds;
mod harness;
mod kinds;
mod latch;
mod lock;
mod outbox;
mod plans;
mod published;
mod pull_requests;
mod records;
mod requests;
mod rollbacks;
mod spies;
mod stops;
mod stories;
mod totality;
mod watching;
mod words;
mod write_ahead;
