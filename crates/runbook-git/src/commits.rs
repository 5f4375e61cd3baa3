//! Commits by their id, between git's words and the core's.

use std::collections::BTreeSet;

use git2::{Commit, ErrorCode, Oid, Repository};
use runbook_core::{CommitId, ports::VersionError};

use crate::error::{refused, unable};

/// The commit of that id, which must be here.
pub(crate) fn find_commit<'r>(repository: &'r Repository, id: &CommitId) -> Result<Commit<'r>, VersionError> {
    let not_found = || VersionError::NotFound { version: id.to_string(), hint: shallow_hint(repository) };
    // 64 digits are a SHA-256 id, which no repository that libgit2 could open here contains.
    let oid = Oid::from_str(id.as_str()).map_err(|_| not_found())?;
    repository.find_commit(oid).map_err(|error| match error.code() {
        ErrorCode::NotFound => not_found(),
        _ => unable(format!("read commit {}", id.short()))(error),
    })
}

/// An object id as the core's word for a commit.
pub(crate) fn commit_id(oid: Oid) -> Result<CommitId, VersionError> {
    CommitId::new(oid.to_string()).map_err(|error| refused(error.to_string()))
}

/// The commits at which a shallow history is cut off: what came before them is not here (gitformat-shallow).
pub(crate) fn cut_off(repository: &Repository) -> Result<BTreeSet<Oid>, VersionError> {
    let file = repository.commondir().join("shallow");
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(text.lines().filter_map(|line| Oid::from_str(line).ok()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(refused(format!("failed to read {}: {error}", file.display()))),
    }
}

/// What to do about a history that is not all here.
pub(crate) fn shallow_hint(repository: &Repository) -> Option<String> {
    repository.is_shallow().then(|| "the repository is shallow: git fetch --unshallow --tags".to_owned())
}
