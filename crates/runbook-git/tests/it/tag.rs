//! The tag that the runbook puts on a commit.

use runbook_core::{
    LeftBehind, ReleaseId,
    ports::{VersionControl, VersionError},
};
use runbook_testkit::TempRepository;

use crate::support::{git, open, permit};

#[tokio::test]
async fn a_tag_is_made_once_and_never_moved() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let first = repository.commit("first");
    repository.write("file", "2");
    let second = repository.commit("second");
    let (port, permit) = (open(&repository), permit().await);
    let name = ReleaseId::new("good/2026-01-01").unwrap();
    port.tag(&permit, &name, &first).await.unwrap();
    port.tag(&permit, &name, &first).await.expect("a repeat finds it made");
    assert_eq!(git(repository.path(), &["cat-file", "-t", "refs/tags/good/2026-01-01"]), "commit\n", "lightweight");
    let error = port.tag(&permit, &name, &second).await.unwrap_err();
    let VersionError::Failed { message, left: LeftBehind::NoChange, .. } = error else { panic!("{error:?}") };
    assert!(message.starts_with("the tag good/2026-01-01 exists and names "), "{message}");
    assert_eq!(repository.find_ref("refs/tags/good/2026-01-01"), Some(first));
}

#[tokio::test]
async fn an_annotated_tag_of_the_same_commit_will_do() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let first = repository.commit("first");
    repository.annotated_tag("v1", "released");
    open(&repository).tag(&*permit().await, &ReleaseId::new("v1").unwrap(), &first).await.unwrap();
}

#[tokio::test]
async fn names_and_commits_that_cannot_be_are_refused() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let first = repository.commit("first");
    let (port, permit) = (open(&repository), permit().await);
    let error = port.tag(&permit, &ReleaseId::new("a.lock").unwrap(), &first).await.unwrap_err().to_string();
    assert!(error.contains("cannot be the name of a tag"), "{error}");
    let nowhere = runbook_core::CommitId::new("0123456789".repeat(4)).unwrap();
    let error = port.tag(&permit, &ReleaseId::new("v1").unwrap(), &nowhere).await.unwrap_err();
    assert!(matches!(error, VersionError::NotFound { .. }), "{error:?}");
}
