//! `kind = "postgres"`: one read-only query, over PostgreSQL's own protocol (version 3.0, "Frontend/Backend Protocol" in
//! its manual). Messages and SCRAM are read and written by rust-postgres' codec.
//!
//! `probe` is what the runbook sees, `message` reads what a server says, `login` says who asks, `query` asks, `refusal`
//! tells what an error means.

mod login;
mod message;
mod probe;
mod query;
mod refusal;

pub use probe::PostgresProbe;
