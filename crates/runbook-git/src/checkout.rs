//! Where the repository stands: branch, head, and what is changed in the worktree. Only reads; the index is not
//! refreshed either.

use git2::{ErrorCode, Repository, StatusOptions};
use runbook_core::ports::{Checkout, VersionError};

use crate::{commits::commit_id, error::unable};

/// How many changed paths are told.
const MOST_DIRTY: usize = 20;

/// Reads branch, head and changed paths.
pub(crate) fn checkout(repository: &Repository) -> Result<Checkout, VersionError> {
    let (branch, head) = match repository.head() {
        Ok(head) => {
            let detached = repository.head_detached().map_err(unable("read HEAD"))?;
            let branch = if detached { None } else { branch_name(head.name_bytes()) };
            let commit = head.peel_to_commit().map_err(unable("read the commit at HEAD"))?;
            (branch, Some(commit_id(commit.id())?))
        }
        Err(error) if error.code() == ErrorCode::UnbornBranch => {
            let head = repository.find_reference("HEAD").map_err(unable("read HEAD"))?;
            (head.symbolic_target_bytes().and_then(branch_name), None)
        }
        Err(error) => return Err(unable("read HEAD")(error)),
    };
    Ok(Checkout { branch, head, dirty: dirty(repository)? })
}

/// `refs/heads/feature/x` is the branch `feature/x`.
fn branch_name(reference: &[u8]) -> Option<String> {
    let name = String::from_utf8_lossy(reference);
    name.strip_prefix("refs/heads/").map(str::to_owned)
}

/// The first changed and untracked paths, in order; none in a bare repository, which has no worktree.
fn dirty(repository: &Repository) -> Result<Vec<String>, VersionError> {
    if repository.is_bare() {
        return Ok(Vec::new());
    }
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(false)
        .include_ignored(false)
        // Looking into submodules would open each of them.
        .exclude_submodules(true)
        .sort_case_sensitively(true);
    let statuses = repository.statuses(Some(&mut options)).map_err(unable("compare the worktree with HEAD"))?;
    let paths = statuses.iter().take(MOST_DIRTY).map(|entry| String::from_utf8_lossy(entry.path_bytes()).into_owned());
    Ok(paths.collect())
}
