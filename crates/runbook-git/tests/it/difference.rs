//! What a return takes back, held against what the real git says of the same two commits.

use runbook_core::ports::{VersionControl, VersionError};
use runbook_testkit::TempRepository;

use crate::support::{git, open, patterns};

#[tokio::test]
async fn commits_and_files_are_those_that_git_names() {
    let repository = TempRepository::new();
    for file in ["kept", "gone", "changed"] {
        repository.write(file, "1");
    }
    let to = repository.commit("base");
    repository.write("changed", "2");
    repository.write("deep/er/new", "2");
    repository.commit("change and add");
    git(repository.path(), &["rm", "-q", "gone"]);
    git(repository.path(), &["commit", "-q", "-m", "remove"]);
    let from = repository.head();
    let found = open(&repository).difference(&from, &to, &[]).await.unwrap();
    let range = format!("{to}..{from}");
    let commits = git(repository.path(), &["log", "--format=%H %s", &range]);
    let commits: Vec<String> = commits.lines().map(|line| format!("{}{}", &line[..12], &line[40..])).collect();
    assert_eq!(found.commits.first, commits);
    let files = git(repository.path(), &["diff", "--name-only", to.as_str(), from.as_str()]);
    assert_eq!(found.files.first, files.lines().collect::<Vec<_>>());
    assert_eq!((found.commits.count(), found.files.count()), (2, 3));
    assert!(found.irreversible.is_empty());
    // Seen from the other side nothing but the files is there to be taken back.
    let other = open(&repository).difference(&to, &from, &[]).await.unwrap();
    assert_eq!((other.commits.count(), other.files.count()), (0, 3));
}

#[tokio::test]
async fn marks_are_found_by_path_and_by_trailer() {
    let repository = TempRepository::new();
    repository.write("db/migrations/1.sql", "create");
    let to = repository.commit("base");
    repository.write("app", "2");
    repository.commit("Change\n\nIrreversible: in the body, so it is no trailer\n\nSigned-off-by: a <a@b>");
    repository.write("app", "3");
    repository.commit("Send the letters\n\nBody.\n\nSigned-off-by: a <a@b>\nirreversible: they are in the post\n");
    git(repository.path(), &["rm", "-q", "db/migrations/1.sql"]);
    git(repository.path(), &["commit", "-q", "-m", "squash migrations"]);
    let from = repository.head();
    let found = open(&repository).difference(&from, &to, &patterns(&["**/migrations/*.sql"])).await.unwrap();
    let marked = &found.irreversible.first;
    assert_eq!(marked.len(), 2, "{marked:?}");
    assert_eq!(marked[0], "db/migrations/1.sql (**/migrations/*.sql)", "what a return brings back counts too");
    assert!(marked[1].ends_with(" (Irreversible: they are in the post)"), "{marked:?}");
    let unmarked = open(&repository).difference(&from, &to, &patterns(&["migrations/"])).await.unwrap();
    assert_eq!(unmarked.irreversible.count(), 1, "patterns begin at the root");
}

#[tokio::test]
async fn a_long_list_is_cut_and_counted_and_a_mark_at_its_end_is_found() {
    let repository = TempRepository::new();
    repository.write("app", "0");
    let to = repository.commit("base");
    for at in 0..30 {
        repository.write(&format!("file-{at:02}"), "x");
        repository.commit(if at == 0 { "first\n\nIrreversible: yes" } else { "next" });
    }
    let found = open(&repository).difference(&repository.head(), &to, &patterns(&["file-29"])).await.unwrap();
    assert_eq!((found.commits.first.len(), found.commits.more), (20, 10));
    assert_eq!((found.files.first.len(), found.files.more), (20, 10));
    assert_eq!(found.irreversible.count(), 2, "{found:?}");
}

#[tokio::test]
async fn a_history_that_is_cut_off_is_no_answer() {
    let (origin, clone) = (TempRepository::new(), tempfile::tempdir().unwrap());
    origin.write("app", "1");
    let to = origin.commit("base");
    origin.tag("v1");
    for at in 0..3 {
        origin.write("app", format!("{at}"));
        origin.commit("next");
    }
    let url = format!("file://{}", origin.path().display());
    let at = clone.path();
    git(at, &["clone", "-q", "--depth=1", &url, "here"]);
    let here = at.join("here");
    let shallow = runbook_git::GitRepository::open(&here).unwrap();
    let error = shallow.difference(&origin.head(), &to, &[]).await.unwrap_err();
    assert!(matches!(error, VersionError::NotFound { .. }), "the older commit is not here: {error:?}");
    git(&here, &["fetch", "-q", "--depth=1", "origin", "tag", "v1"]);
    let error = shallow.difference(&origin.head(), &to, &[]).await.unwrap_err().to_string();
    assert!(error.contains("cut off") && error.contains("git fetch --unshallow"), "{error}");
    git(&here, &["fetch", "-q", "--unshallow"]);
    assert_eq!(shallow.difference(&origin.head(), &to, &[]).await.unwrap().commits.count(), 3);
}

#[tokio::test]
async fn a_pattern_that_is_none_is_refused_by_name() {
    let repository = TempRepository::new();
    repository.write("app", "1");
    let commit = repository.commit("base");
    let error = open(&repository).difference(&commit, &commit, &patterns(&["../x"])).await.unwrap_err();
    assert!(error.to_string().contains("\"../x\""), "{error}");
}
