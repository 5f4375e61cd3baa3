//! In which form, and how much.

use clap::ValueEnum;

/// What stdout carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A summary for people; progress goes to stderr
    Human,
    /// One JSON document at the end
    Json,
    /// JSON lines as things happen, and one document at the end
    Events,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Only the end.
    Quiet,
    /// Steps and the end.
    Normal,
    /// What stages say too, and the log.
    Verbose,
    /// Everything.
    Trace,
}
