//! A rollback as the repository keeps it: one new commit on one new branch. Its tree is made from trees, not from
//! differences, so nothing can conflict and nothing can come out empty; its parent is the head, so it merges forward.

use std::time::Duration;

use git2::{Commit, Config, ErrorCode, Oid, Repository, Signature};
use runbook_core::{
    CommitId,
    ports::{RollbackBranch, VersionError},
};

use crate::{
    commits::{commit_id, find_commit},
    error::{refused, unable},
    merge::merge,
    selection::Selection,
    tags::short,
};

/// How often the branch is tried for, while another process holds git's lock on it, and the pause between.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Makes commit and branch, or finds that they were made already.
pub(crate) fn record(repository: &Repository, rollback: &RollbackBranch) -> Result<CommitId, VersionError> {
    let branch = &rollback.branch;
    let reference = format!("refs/heads/{branch}");
    if branch.starts_with('-') || branch == "HEAD" || !git2::Reference::is_valid_name(&reference) {
        return Err(refused(format!("{branch:?} cannot be the name of a branch (see git check-ref-format)")));
    }
    let head = head(repository)?;
    let tree = tree(repository, rollback, &head)?;
    if let Some(made) = made_before(repository, &reference, head.id(), tree)? {
        return commit_id(made);
    }
    let commit = commit(repository, &rollback.message, &head, tree).map_err(unable("write the rollback commit"))?;
    let note = format!("runbook: rollback to {}", rollback.to.short());
    let mut tries = 0;
    loop {
        let Err(error) = repository.reference(&reference, commit, false, &note) else { return commit_id(commit) };
        // Somebody made it in this very moment; the same rollback made twice is one rollback.
        if let Some(made) = made_before(repository, &reference, head.id(), tree)? {
            return commit_id(made);
        }
        tries += 1;
        if error.code() == ErrorCode::Exists {
            return Err(unable(format!("make the branch {branch}; a branch with a part of its name may exist"))(error));
        }
        if tries > LOCK_TRIES {
            return Err(unable(format!("make the branch {branch}"))(error));
        }
        pause();
    }
}

/// Waits for whoever holds git's lock on the reference: it is held for a moment only.
#[allow(clippy::disallowed_methods, reason = "this runs on a thread for blocking work, under a deadline")]
fn pause() {
    std::thread::sleep(LOCK_PAUSE);
}

/// The head, which becomes the parent.
fn head(repository: &Repository) -> Result<Commit<'_>, VersionError> {
    let head = repository.head().map_err(|error| match error.code() {
        ErrorCode::UnbornBranch => refused("there are no commits at HEAD yet, so there is nothing to roll back from"),
        _ => unable("read HEAD")(error),
    })?;
    head.peel_to_commit().map_err(unable("read the commit at HEAD"))
}

/// The tree that the commit gets: the target's own, or one in which some paths are the head's.
fn tree(repository: &Repository, rollback: &RollbackBranch, head: &Commit<'_>) -> Result<Oid, VersionError> {
    let target = find_commit(repository, &rollback.to)?;
    let selection = Selection::new(&rollback.only, &rollback.keep)?;
    if selection.is_everything() {
        return Ok(target.tree_id());
    }
    let made = head.tree().and_then(|head| merge(repository, &selection, &head, &target.tree()?));
    made.map_err(unable(format!("make the tree of the rollback to {}", rollback.to.short())))
}

/// The commit at the branch, when it is this rollback; `None` when there is no such branch.
fn made_before(repository: &Repository, reference: &str, parent: Oid, tree: Oid) -> Result<Option<Oid>, VersionError> {
    let found = match repository.find_reference(reference) {
        Ok(found) => found,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(unable(format!("read {reference}"))(error)),
    };
    let commit = found.peel_to_commit().map_err(unable(format!("read the commit at {reference}")))?;
    if commit.tree_id() == tree && commit.parent_ids().eq([parent]) {
        return Ok(Some(commit.id()));
    }
    Err(refused(format!(
        "{reference} exists at {} and is another rollback or has other parents; an existing branch is never moved, \
         choose another name",
        short(commit.id())
    )))
}

fn commit(repository: &Repository, message: &str, parent: &Commit<'_>, tree: Oid) -> Result<Oid, git2::Error> {
    let author = author(&repository.config()?)?;
    let tree = repository.find_tree(tree)?;
    repository.commit(None, &author, &author, message, &tree, &[parent])
}

/// Who made the commit: the configured user, where name and address are configured; else the runbook itself.
fn author(config: &Config) -> Result<Signature<'static>, git2::Error> {
    let configured =
        || Signature::now(&config.get_string("user.name").ok()?, &config.get_string("user.email").ok()?).ok();
    configured().map_or_else(|| Signature::now("runbook", "runbook@localhost"), Ok)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn the_author_is_the_configured_user_or_the_runbook() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let name = |text: &str| {
            std::fs::write(&file, text).unwrap();
            author(&Config::open(&file).unwrap()).unwrap().to_string()
        };
        assert_eq!(name("[user]\nname = Ada\nemail = ada@example.com\n"), "Ada <ada@example.com>");
        assert_eq!(name("[user]\nname = Ada\n"), "runbook <runbook@localhost>", "half a name is none");
        assert_eq!(name("[user]\nname = <>\nemail = x\n"), "runbook <runbook@localhost>", "nor is an impossible one");
    }
}
