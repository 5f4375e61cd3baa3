//! Runs that are killed with SIGKILL, wherever that can happen, and what must be true afterwards.
//!
//! `scripts` deploy, and keep a log of what they did; `kill` is the hand that kills, `truth` what must hold after it. The
//! others are the places: after each event (`events`), inside each effect (`effects`), at each call of GitHub's API
//! (`calls`), and anywhere (`random`).

mod calls;
mod effects;
mod events;
pub(crate) mod kill;
mod random;
mod scripts;
mod truth;
