//! Probes against real sockets: one faulty server for each way in which a service can misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod bodies;
mod build;
mod conditions;
mod faults;
mod redirects;
mod registry;
mod secrets;
mod server;
mod support;
mod tcp;
mod tls;
