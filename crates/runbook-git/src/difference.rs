//! What a return from one release to another takes back: commits, files, and what its owner marked as irreversible.
//! Only reads.

use git2::{Commit, Delta, Repository, Sort};
use runbook_core::{CommitId, Difference, ports::VersionError};

use crate::{
    commits::{cut_off, find_commit},
    error::{refused, unable},
    history::subject,
    selection::Patterns,
    tags::short,
};

/// How many commits are looked at; with more, nobody can tell whether one of them is marked.
const MOST_COMMITS: usize = 10_000;
/// The trailer that marks a commit (git-interpret-trailers); its value says why.
const TRAILER: &str = "Irreversible";

pub(crate) fn difference(
    repository: &Repository,
    from: &CommitId,
    to: &CommitId,
    irreversible: &[String],
) -> Result<Difference, VersionError> {
    let patterns = Patterns::new(irreversible)?;
    let (from, to) = (find_commit(repository, from)?, find_commit(repository, to)?);
    let mut found = Difference::default();
    files(repository, &from, &to, &patterns, &mut found)?;
    commits(repository, &from, &to, &mut found)?;
    Ok(found)
}

/// The files whose content or mode a return changes. Trees that agree are not read.
fn files(
    repository: &Repository,
    from: &Commit<'_>,
    to: &Commit<'_>,
    patterns: &Patterns,
    found: &mut Difference,
) -> Result<(), VersionError> {
    let diff = from.tree().and_then(|from| repository.diff_tree_to_tree(Some(&to.tree()?), Some(&from), None));
    let diff = diff.map_err(unable(format!("compare {} with {}", short(from.id()), short(to.id()))))?;
    for delta in diff.deltas() {
        // A return brings back what was deleted, so the old name counts.
        let file = if delta.status() == Delta::Deleted { delta.old_file() } else { delta.new_file() };
        let path = String::from_utf8_lossy(file.path_bytes().unwrap_or_default());
        found.files.push(|| subject(path.as_bytes()));
        if let Some(pattern) = patterns.first_match(&path) {
            found.irreversible.push(|| format!("{} ({pattern})", subject(path.as_bytes())));
        }
    }
    Ok(())
}

/// The commits that only `from` reaches.
fn commits(
    repository: &Repository,
    from: &Commit<'_>,
    to: &Commit<'_>,
    found: &mut Difference,
) -> Result<(), VersionError> {
    let cut_off = cut_off(repository)?;
    let failed = || unable(format!("list the commits from {} to {}", short(to.id()), short(from.id())));
    let walk = || -> Result<_, git2::Error> {
        let mut walk = repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(from.id())?;
        walk.hide(to.id())?;
        Ok(walk)
    };
    for id in walk().map_err(failed())? {
        let commit = id.and_then(|id| repository.find_commit(id)).map_err(failed())?;
        let id = short(commit.id());
        if cut_off.contains(&commit.id()) {
            return Err(refused(format!(
                "the history is cut off at {id}, so not all that lies between is here: git fetch --unshallow --tags"
            )));
        }
        if found.commits.count() == MOST_COMMITS {
            return Err(refused(format!("more than {MOST_COMMITS} commits lie between")));
        }
        found.commits.push(|| format!("{id} {}", subject(commit.summary_bytes().unwrap_or_default())));
        for why in marks(&commit) {
            found.irreversible.push(|| format!("{id} ({TRAILER}: {})", subject(why.as_bytes())));
        }
    }
    Ok(())
}

/// The values of the trailers that mark a commit.
fn marks(commit: &Commit<'_>) -> Vec<String> {
    let message = String::from_utf8_lossy(commit.message_raw_bytes());
    let Ok(trailers) = git2::message_trailers_strs(&message) else { return Vec::new() };
    let marked = trailers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(TRAILER));
    marked.map(|(_, value)| value.to_owned()).collect()
}
