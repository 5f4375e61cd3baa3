//! Finding the repository: from within, bare, linked, and where there is none.

use runbook_core::ports::VersionControl;
use runbook_git::GitRepository;
use runbook_testkit::TempRepository;

use crate::support::{git, open};

#[tokio::test]
async fn it_is_found_from_a_folder_within() {
    let repository = TempRepository::new();
    repository.write("deep/er/file", "x");
    let head = repository.commit("first");
    let found = GitRepository::open(repository.path().join("deep/er")).unwrap();
    assert_eq!(found.checkout().await.unwrap().head, Some(head));
    assert_eq!(found.root(), repository.path().canonicalize().unwrap());
}

#[test]
fn no_repository_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let error = GitRepository::open(folder.path()).unwrap_err().to_string();
    assert_eq!(error, format!("{} is not in a git repository; run this inside a clone", folder.path().display()));
}

#[test]
fn a_format_that_cannot_be_read_is_told_with_what_mends_it() {
    let repository = TempRepository::new();
    git(repository.path(), &["config", "core.repositoryFormatVersion", "1"]);
    git(repository.path(), &["config", "extensions.partialClone", "origin"]);
    let error = GitRepository::open(repository.path()).unwrap_err().to_string();
    assert!(error.ends_with("; a partial clone cannot be read, clone without --filter"), "{error}");
}

#[tokio::test]
async fn a_linked_worktree_has_a_branch_of_its_own() {
    let repository = TempRepository::new();
    repository.write("file", "x");
    repository.commit("first");
    let folder = tempfile::tempdir().unwrap();
    let linked = folder.path().join("linked");
    git(repository.path(), &["worktree", "add", "-q", "-b", "beside", linked.to_str().unwrap()]);
    std::fs::write(linked.join("new"), "x").unwrap();
    let checkout = GitRepository::open(&linked).unwrap().checkout().await.unwrap();
    assert_eq!((checkout.branch.as_deref(), checkout.dirty), (Some("beside"), vec!["new".to_owned()]));
    assert_eq!(open(&repository).checkout().await.unwrap().branch.as_deref(), Some("main"));
}

#[tokio::test]
async fn what_others_did_since_is_seen() {
    let repository = TempRepository::new();
    let opened = open(&repository);
    assert!(opened.resolve("v1").await.is_err());
    repository.write("file", "x");
    let head = repository.commit("first");
    repository.tag("v1");
    assert_eq!(opened.resolve("v1").await.unwrap().commit, head);
}
