//! Probes against real sockets: one faulty server for each way in which a service can misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod authority;
mod bodies;
mod build;
mod conditions;
mod databases;
mod dns;
mod faults;
mod grpc;
mod history;
mod history_processes;
mod history_series;
mod http2;
mod https;
mod icmp;
mod mysql;
mod postgres;
mod redirects;
mod redis;
mod registry;
mod secrets;
mod server;
mod support;
mod tcp;
mod tls;
