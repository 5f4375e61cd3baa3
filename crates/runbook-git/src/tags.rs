//! Tags: those that name a commit, and the one that the runbook puts on one. A tag is never moved.

use git2::{ErrorCode, Object, ObjectType, Oid, Repository};
use runbook_core::{CommitId, ReleaseId, ports::VersionError};

use crate::{
    commits::find_commit,
    error::{refused, unable},
    order::natural,
};

/// A tag and the commit that it names, annotated tags peeled.
#[derive(Debug)]
pub(crate) struct Tag {
    /// Its name, without `refs/tags/`.
    pub(crate) name: ReleaseId,
    /// The commit.
    pub(crate) commit: Oid,
    /// When the commit was made, in seconds.
    pub(crate) time: i64,
}

/// All tags that name a commit and could be asked for by name. Tags of blobs and trees, and broken ones, are no releases.
pub(crate) fn tags(repository: &Repository) -> Result<Vec<Tag>, VersionError> {
    let mut found = Vec::new();
    for reference in repository.references_glob("refs/tags/*").map_err(unable("list the tags"))? {
        let reference = reference.map_err(unable("list the tags"))?;
        let name = reference.name().ok().and_then(|name| name.strip_prefix("refs/tags/"));
        let Some(Ok(name)) = name.map(ReleaseId::new) else { continue };
        if let Ok(commit) = reference.peel_to_commit() {
            found.push(Tag { name, commit: commit.id(), time: commit.time().seconds() });
        }
    }
    Ok(found)
}

/// The tag that best names a commit: one with a number in it before one like `latest`, then the smallest version.
pub(crate) fn name_of(repository: &Repository, commit: Oid) -> Result<Option<ReleaseId>, VersionError> {
    let moves = |name: &ReleaseId| !name.as_str().contains(|c: char| c.is_ascii_digit());
    let names = tags(repository)?.into_iter().filter(|tag| tag.commit == commit).map(|tag| tag.name);
    Ok(names.min_by(|a, b| moves(a).cmp(&moves(b)).then_with(|| natural(a.as_str(), b.as_str()))))
}

/// What the tag of that name leads to, annotated tags peeled; `None` when there is no such tag.
pub(crate) fn target<'r>(repository: &'r Repository, name: &ReleaseId) -> Result<Option<Object<'r>>, VersionError> {
    match repository.find_reference(&format!("refs/tags/{name}")) {
        Ok(reference) => {
            reference.peel(ObjectType::Any).map(Some).map_err(unable(format!("follow the tag {name} to its commit")))
        }
        // A name that no ref can have is the name of no tag.
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => Ok(None),
        Err(error) => Err(unable(format!("read the tag {name}"))(error)),
    }
}

/// Puts a lightweight tag on a commit. One that leads there already is left as it is.
pub(crate) fn tag(repository: &Repository, name: &ReleaseId, commit: &CommitId) -> Result<(), VersionError> {
    let commit = find_commit(repository, commit)?.id();
    let reference = format!("refs/tags/{name}");
    if !git2::Reference::is_valid_name(&reference) {
        return Err(refused(format!("{name:?} cannot be the name of a tag (see git check-ref-format)")));
    }
    match repository.reference(&reference, commit, false, "runbook: tag") {
        Ok(_) => Ok(()),
        Err(error) if error.code() == ErrorCode::Exists => match target(repository, name)? {
            Some(there) if there.id() == commit => Ok(()),
            there => Err(refused(format!(
                "the tag {name} exists and names {}, not {}; a tag is never moved, choose another name",
                there.map_or_else(|| "something else".to_owned(), |object| short(object.id())),
                short(commit),
            ))),
        },
        Err(error) => Err(unable(format!("write the tag {name}"))(error)),
    }
}

/// The first twelve digits, for people.
pub(crate) fn short(oid: Oid) -> String {
    oid.to_string()[..12].to_owned()
}
