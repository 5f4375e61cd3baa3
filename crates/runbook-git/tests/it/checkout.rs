//! Where the repository stands, compared with what git says.

use runbook_core::ports::VersionControl;
use runbook_testkit::TempRepository;

use crate::support::{git, open};

#[tokio::test]
async fn a_branch_with_changes() {
    let repository = TempRepository::new();
    repository.write(".gitignore", "*.log\n");
    repository.write("kept", "1");
    repository.write("gone", "1");
    let head = repository.commit("first");
    repository.branch("feature/x");
    repository.switch("feature/x");
    repository.write("kept", "two");
    repository.remove("gone");
    repository.write("new/a", "1");
    repository.write("new/b", "1");
    repository.write("noise.log", "1");
    let index = std::fs::read(repository.path().join(".git/index")).unwrap();
    let checkout = open(&repository).checkout().await.unwrap();
    assert_eq!(checkout.branch.as_deref(), Some("feature/x"));
    assert_eq!(checkout.head, Some(head));
    assert_eq!(checkout.dirty, ["gone", "kept", "new/"]);
    assert_eq!(std::fs::read(repository.path().join(".git/index")).unwrap(), index, "looking does not write");
    let lines = git(repository.path(), &["status", "--porcelain"]);
    let told: Vec<&str> = lines.lines().map(|line| &line[3..]).collect();
    assert_eq!(told, checkout.dirty, "git tells the same");
}

#[tokio::test]
async fn a_detached_head_has_no_branch() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let first = repository.commit("first");
    repository.write("file", "2");
    repository.commit("second");
    repository.detach(&first);
    let checkout = open(&repository).checkout().await.unwrap();
    assert_eq!((checkout.branch, checkout.head, checkout.dirty), (None, Some(first), Vec::new()));
}

#[tokio::test]
async fn an_unborn_branch_has_no_head() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let checkout = open(&repository).checkout().await.unwrap();
    assert_eq!((checkout.branch.as_deref(), checkout.head), (Some("main"), None));
    assert_eq!(checkout.dirty, ["file"]);
}

#[tokio::test]
async fn a_bare_repository_is_never_dirty() {
    let (repository, bare) = (TempRepository::new(), TempRepository::bare());
    repository.write("file", "1");
    let head = repository.commit("first");
    repository.add_remote("origin", &bare);
    repository.push("origin", "refs/heads/main");
    let checkout = open(&bare).checkout().await.unwrap();
    assert_eq!((checkout.branch.as_deref(), checkout.head, checkout.dirty), (Some("main"), Some(head), Vec::new()));
}

#[tokio::test]
async fn twenty_changes_are_enough() {
    let repository = TempRepository::new();
    for at in 0..30 {
        repository.write(&format!("{at:02}"), "x");
    }
    let dirty = open(&repository).checkout().await.unwrap().dirty;
    assert_eq!((dirty.len(), dirty[0].as_str(), dirty[19].as_str()), (20, "00", "19"));
}
