//! `kind = "redis"`: one command that reads, to Redis, Valkey or whatever else speaks their protocol (RESP, version 2).
//!
//! `settings` is what people write, `command` what may be asked, `probe` what the runbook sees, `reply` reads what a
//! server says, `refusal` tells what an error means.

mod command;
mod probe;
mod refusal;
mod reply;
mod settings;

pub use probe::RedisProbe;
pub use settings::RedisSettings;
