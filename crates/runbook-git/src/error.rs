//! How libgit2's errors become the port's: what failed, in our words; libgit2's reason as the cause. No decisions here.

use runbook_core::{LeftBehind, ports::VersionError};

/// libgit2's reason, without the class and code that its own text carries.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

/// A refusal of ours: nothing was changed, and there is no deeper cause.
pub(crate) fn refused(message: impl Into<String>) -> VersionError {
    VersionError::Failed { message: message.into(), left: LeftBehind::NoChange, source: None }
}

/// For `map_err`: libgit2 could not do `what`, and nothing was changed by the attempt.
pub(crate) fn unable(what: impl Into<String>) -> impl FnOnce(git2::Error) -> VersionError {
    let message = format!("failed to {}", what.into());
    move |error| VersionError::Failed {
        message,
        left: LeftBehind::NoChange,
        source: Some(Box::new(Cause(error.message().to_owned()))),
    }
}

/// For `map_err`: a file operation could not do `what`, and nothing that anybody sees was changed by the attempt.
pub(crate) fn unwritten(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> VersionError {
    let message = format!("failed to {}", what.into());
    move |error| VersionError::Failed { message, left: LeftBehind::NoChange, source: Some(Box::new(error)) }
}

/// The version names something, but nothing that can be used.
pub(crate) fn unusable(version: &str, problem: impl Into<String>) -> VersionError {
    VersionError::Unusable { version: version.to_owned(), problem: problem.into() }
}
