//! What can be asked of GitHub about itself: is the token taken, what may it do, is the schedule on and on time, do the
//! clocks agree. Every call reads; none changes anything.
//!
//! `examine` is the round, `need` what a token is needed for, `access` asks who is let in and what they may do, `clock`
//! compares clocks, `schedule` looks at the workflow and its scheduled runs, `judge` turns failures into findings, `wire`
//! is what is read of GitHub's answers.

mod access;
mod clock;
mod examine;
mod judge;
mod need;
mod schedule;
mod wire;

pub use examine::{Questions, examine, unasked};
pub use need::{Need, Permission};
