//! What lies between versions: the list of releases, and the commits between two of them. Only reads.

use git2::{ErrorCode, Repository, Sort};
use globset::Glob;
use runbook_core::{CommitId, Release, ports::VersionError};

use crate::{
    commits::{commit_id, find_commit},
    error::{refused, unable},
    order::natural,
    tags::{short, tags},
};

/// How many releases are told.
const MOST_RELEASES: usize = 1_000;
/// How many commits between two releases are told.
const MOST_COMMITS: usize = 100;
/// How much of a subject is told, in characters.
const LONGEST_SUBJECT: usize = 200;

/// The tags that match a glob, newest commit first. As in `git tag --list`, a `*` crosses slashes.
pub(crate) fn releases(repository: &Repository, pattern: &str) -> Result<Vec<Release>, VersionError> {
    let glob = Glob::new(pattern)
        .map_err(|error| refused(format!("the pattern {pattern:?} is not a glob: {}", error.kind())))?
        .compile_matcher();
    let mut found = tags(repository)?;
    found.retain(|tag| glob.is_match(tag.name.as_str()));
    found.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| natural(b.name.as_str(), a.name.as_str())));
    let newest = found.into_iter().take(MOST_RELEASES);
    newest.map(|tag| Ok(Release { id: tag.name, commit: Some(commit_id(tag.commit)?) })).collect()
}

/// The commits that only one of the two reaches (`git log from...to`), newest first, as `<short id> <subject>`.
pub(crate) fn between(repository: &Repository, from: &CommitId, to: &CommitId) -> Result<Vec<String>, VersionError> {
    let (from, to) = (find_commit(repository, from)?.id(), find_commit(repository, to)?.id());
    let walk = || -> Result<Vec<String>, git2::Error> {
        let mut walk = repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(from)?;
        walk.push(to)?;
        match repository.merge_bases(from, to) {
            Ok(bases) => bases.iter().try_for_each(|base| walk.hide(*base))?,
            // Histories with nothing in common: all of both lies between them.
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Err(error) => return Err(error),
        }
        let line = |oid| {
            let commit = repository.find_commit(oid)?;
            Ok(format!("{} {}", short(oid), subject(commit.summary_bytes().unwrap_or_default())))
        };
        walk.take(MOST_COMMITS).map(|oid| oid.and_then(line)).collect()
    };
    walk().map_err(unable(format!("list the commits between {} and {}", short(from), short(to))))
}

/// A subject as one harmless line: no control characters, no marks that turn the direction of reading.
pub(crate) fn subject(bytes: &[u8]) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control() && !turns(*c)).take(LONGEST_SUBJECT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_command_a_terminal() {
        assert_eq!(subject(b"fix \x1b[31mred\x07\r\xff"), "fix [31mred\u{fffd}");
        assert_eq!(subject("a\u{202e}b\u{85}c".as_bytes()), "abc");
        assert_eq!(subject(&[b'x'; 1_000]).len(), LONGEST_SUBJECT);
    }
}
