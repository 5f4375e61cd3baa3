//! The history of readings in one SQLite file, which several processes may write at once: [`SqliteHistory`].
//!
//! It implements [`History`](runbook_core::ports::History). It is a projection: what is lost of it comes back from the
//! journal as far as the journal knows, and what nobody kept is unobserved, never up. It decides nothing and draws
//! nothing.
//!
//! # What is kept
//!
//! | table | a row | for how long, see [`Retention`] |
//! | --- | --- | --- |
//! | `sample` | one reading | `raw` |
//! | `rollup` of width 1, 60, 1440 | what the samples of one minute, hour, day (UTC) add up to | `minutes`, `hours`, `days` |
//! | `look` | what the journal says of one service after one run | `days` |
//! | `learned` | how far the journal of an environment was taken in | for good |
//!
//! What the figures mean is said at [`SqliteHistory`].

mod bins;
mod compact;
mod fault;
mod file;
mod learn;
mod minutes;
mod record;
mod retention;
mod samples;
mod schema;
mod series;
mod sqlite;
mod tally;

pub use retention::Retention;
pub use sqlite::SqliteHistory;
