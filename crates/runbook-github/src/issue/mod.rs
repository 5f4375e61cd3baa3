//! The status issue: found by its hidden marker, made once, kept current, never duplicated.
//!
//! `settings` is what it is built with, `tracker` the port, `upsert` the way of one update, `find` how the issue is told
//! from all others, and `comment` how a comment is posted at most once.

mod comment;
mod find;
mod settings;
mod tracker;
mod upsert;

pub(crate) use find::carries;
pub use settings::{Deadlines, IssueSettings, SettingsError};
pub use tracker::StatusIssue;
pub(crate) use upsert::same_text;
