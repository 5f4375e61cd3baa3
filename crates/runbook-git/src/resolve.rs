//! From a version, as people write it, to one commit. A version is a tag or a commit: never a branch, a range, a path
//! or an option, because what it names must not change between a plan and its execution.

use git2::{Commit, ErrorCode, Object, ObjectType, Oid, Repository};
use runbook_core::{
    Release, ReleaseId,
    ports::{Resolved, VersionError},
};

use crate::{
    commits::{commit_id, shallow_hint},
    error::{unable, unusable},
    order::natural,
    tags::{self, short},
};

/// How few digits of a commit are enough: what `git` itself shortens to, and no accident such as `cafe`.
const FEWEST_DIGITS: usize = 7;
/// How many meanings of an ambiguous id are told.
const MOST_CANDIDATES: usize = 5;

/// Resolves a version. Where a tag and a commit match, the tag wins: somebody gave it that name on purpose.
pub(crate) fn resolve(repository: &Repository, version: &str) -> Result<Resolved, VersionError> {
    let name = ReleaseId::new(version).map_err(|_| {
        unusable(version, "could be an option, a range or a path; give a tag, or a commit of at least seven hex digits")
    })?;
    if let Some(object) = tags::target(repository, &name)? {
        let commit = commit_of(version, "is a tag of", object)?;
        return resolved(name, commit.id());
    }
    let Some(commit) = by_digits(repository, version)? else {
        return Err(VersionError::NotFound { version: version.to_owned(), hint: hint(repository, version) });
    };
    let id = commit_id(commit)?;
    let name = match tags::name_of(repository, commit)? {
        Some(tag) => tag,
        None => ReleaseId::new(id.short()).map_err(|error| unusable(version, error.to_string()))?,
    };
    resolved(name, commit)
}

fn resolved(id: ReleaseId, commit: Oid) -> Result<Resolved, VersionError> {
    let commit = commit_id(commit)?;
    Ok(Resolved { release: Release { id, commit: Some(commit.clone()) }, commit })
}

/// The object as a commit, or what it is instead.
fn commit_of<'r>(version: &str, what: &str, object: Object<'r>) -> Result<Commit<'r>, VersionError> {
    let kind = object.kind().map_or("strange object", |kind| kind.str());
    object.into_commit().map_err(|_| unusable(version, format!("{what} a {kind}, not of a commit")))
}

/// Finds a commit by its id or the beginning of it; an annotated tag's own id leads to the tag's commit.
fn by_digits(repository: &Repository, version: &str) -> Result<Option<Oid>, VersionError> {
    let hex = version.len() >= FEWEST_DIGITS && version.len() <= 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
    if !hex {
        return Ok(None);
    }
    let digits = version.to_ascii_lowercase();
    match repository.find_object_by_prefix(&digits, None) {
        Ok(object) => {
            let object = peel(object);
            Ok(Some(commit_of(version, "is the id of", object)?.id()))
        }
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) if error.code() == ErrorCode::Ambiguous => ambiguous(repository, version, &digits),
        Err(error) => Err(unable(format!("look for commit {digits}"))(error)),
    }
}

/// Follows an annotated tag; peeling to "any" would also turn a commit into its tree.
fn peel(object: Object<'_>) -> Object<'_> {
    if object.kind() != Some(ObjectType::Tag) {
        return object;
    }
    object.peel(ObjectType::Any).unwrap_or(object)
}

/// Several objects begin with these digits. Where only one of them is a commit, that one is meant; else all are told.
fn ambiguous(repository: &Repository, version: &str, digits: &str) -> Result<Option<Oid>, VersionError> {
    let mut matching = Vec::new();
    let all = repository.odb().and_then(|odb| {
        odb.foreach(|oid| {
            if oid.to_string().starts_with(digits) {
                matching.push(*oid);
            }
            true
        })
    });
    all.map_err(unable("list the objects of the repository"))?;
    matching.sort_unstable();
    // An object that is loose and packed, or in two packs, is told twice.
    matching.dedup();
    let commits: Vec<Commit<'_>> = matching.iter().filter_map(|oid| repository.find_commit(*oid).ok()).collect();
    match commits.as_slice() {
        [] => Err(unusable(version, "is the beginning of several objects, none of them a commit")),
        [only] => Ok(Some(only.id())),
        several => {
            let ids = several.iter().take(MOST_CANDIDATES).map(|commit| short(commit.id())).collect::<Vec<_>>();
            let more = if several.len() > ids.len() { " and others" } else { "" };
            Err(unusable(version, format!("is ambiguous: {}{more}; give more digits", ids.join(", "))))
        }
    }
}

/// What may have been meant by a version that is not there.
fn hint(repository: &Repository, version: &str) -> Option<String> {
    let mut hints = Vec::new();
    let names: Vec<ReleaseId> =
        tags::tags(repository).map(|tags| tags.into_iter().map(|tag| tag.name).collect()).unwrap_or_default();
    if let Some(near) = nearest(version, names.iter().map(ReleaseId::as_str)) {
        hints.push(format!("did you mean {near}?"));
    }
    if is_moving(repository, version) {
        hints.push("a branch moves and is no version, give a tag or a commit".to_owned());
    } else if version.len() < FEWEST_DIGITS && version.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        hints.push("a commit needs at least seven hex digits".to_owned());
    }
    match shallow_hint(repository) {
        Some(shallow) => hints.push(shallow),
        None if names.is_empty() => hints.push("there are no tags here: git fetch --tags".to_owned()),
        None => {}
    }
    if hints.is_empty() { None } else { Some(hints.join("; ")) }
}

/// Whether the name is HEAD or a branch, here or on a remote.
fn is_moving(repository: &Repository, name: &str) -> bool {
    let places = ["refs/heads/", "refs/remotes/", "refs/remotes/origin/", ""];
    name == "HEAD" || places.iter().any(|place| repository.find_reference(&format!("{place}{name}")).is_ok())
}

/// The tag that differs least from what was asked, where that is little enough to be a slip; of several, the newest.
fn nearest<'n>(version: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let slip = (version.chars().count() / 3).clamp(1, 3);
    let near = names.map(|name| (strsim::osa_distance(version, name), name)).filter(|(distance, _)| *distance <= slip);
    near.min_by(|a, b| a.0.cmp(&b.0).then_with(|| natural(b.1, a.1))).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_a_slip_is_guessed() {
        let tags = || ["v1.2.3", "v1.2.4", "v2.0.0", "nightly"].into_iter();
        assert_eq!(nearest("1.2.3", tags()), Some("v1.2.3"));
        assert_eq!(nearest("v1.2.33", tags()), Some("v1.2.3"));
        assert_eq!(nearest("v1.2.9", tags()), Some("v1.2.4"), "of equals, the newest");
        assert_eq!(nearest("nigthly", tags()), Some("nightly"));
        assert_eq!(nearest("release-7", tags()), None);
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
