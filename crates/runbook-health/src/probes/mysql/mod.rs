//! `kind = "mysql"`: one read-only query to MySQL or MariaDB, over their own protocol ("Client/Server Protocol" in MySQL's
//! source documentation and in MariaDB's).
//!
//! `probe` is what the runbook sees, `packets` frames the connection, `fields` reads what is inside, `greeting` is the
//! server's first word, `login` says who asks, `scramble` hides the password, `query` asks, `refusal` tells what an error
//! means.

mod fields;
mod greeting;
mod login;
mod packets;
mod probe;
mod query;
mod refusal;
mod scramble;

pub use probe::MySqlProbe;
