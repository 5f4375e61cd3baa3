//! Lists of releases, and of the commits between them.

use runbook_core::ports::VersionControl;
use runbook_testkit::TempRepository;

use crate::support::{git, open};

#[tokio::test]
async fn releases_come_newest_first() {
    let repository = TempRepository::new();
    let mut commits = Vec::new();
    for version in ["v1.9.0", "v1.10.0", "web/v1.0.0"] {
        repository.write("version", version);
        commits.push(repository.commit(version));
        repository.annotated_tag(version, "released");
    }
    repository.tag("v1.11.0");
    repository.tag("nightly");
    let blob = repository.git().blob(b"a key").unwrap();
    repository.git().reference("refs/tags/v-key", blob, false, "").unwrap();
    let releases = open(&repository).releases("v*").await.unwrap();
    let names: Vec<&str> = releases.iter().map(|release| release.id.as_str()).collect();
    assert_eq!(names, ["v1.11.0", "v1.10.0", "v1.9.0"], "tags of blobs are no releases");
    assert_eq!(releases[1].commit.as_ref(), Some(&commits[1]), "annotated tags are followed to their commit");
    let all = open(&repository).releases("*").await.unwrap();
    assert!(all.iter().any(|release| release.id.as_str() == "web/v1.0.0"), "as in git tag --list, * crosses slashes");
    let error = open(&repository).releases("v[").await.unwrap_err().to_string();
    assert!(error.starts_with("the pattern \"v[\" is not a glob: "), "{error}");
}

#[tokio::test]
async fn a_thousand_releases_are_enough() {
    let repository = TempRepository::new();
    repository.write("file", "x");
    repository.commit("first");
    for at in 0..1_005 {
        repository.tag(&format!("v{at}"));
    }
    let releases = open(&repository).releases("*").await.unwrap();
    assert_eq!((releases.len(), releases[0].id.as_str(), releases[999].id.as_str()), (1_000, "v1004", "v5"));
}

#[tokio::test]
async fn the_commits_between_are_those_of_git() {
    let repository = TempRepository::new();
    let commit = |subject: &str| {
        repository.write("file", subject);
        repository.commit(subject)
    };
    commit("base");
    let from = commit("only in from \u{1b}[31m");
    repository.branch("old");
    git(repository.path(), &["checkout", "-q", "-b", "new", "HEAD~1"]);
    commit("one");
    let to = commit("two");
    let told = open(&repository).between(&from, &to).await.unwrap();
    let range = format!("{from}...{to}");
    let by_git = git(repository.path(), &["log", "--format=%H %s", &range]);
    let expected: Vec<String> =
        by_git.lines().map(|line| format!("{}{}", &line[..12], line[40..].replace('\u{1b}', ""))).collect();
    assert_eq!(told, expected);
    assert_eq!(told.len(), 3);
    assert!(told[0].ends_with(" two"), "newest first: {told:?}");
    assert_eq!(open(&repository).between(&to, &to).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn histories_without_a_common_beginning_differ_in_everything() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let one = repository.commit("one");
    git(repository.path(), &["checkout", "-q", "--orphan", "other"]);
    repository.write("file", "2");
    let other = repository.commit("other");
    assert_eq!(open(&repository).between(&one, &other).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_hundred_commits_are_enough() {
    let repository = TempRepository::new();
    repository.write("file", "x");
    let first = repository.commit("first");
    for at in 0..105 {
        repository.write("file", at.to_string());
        repository.commit(&format!("change {at}"));
    }
    let told = open(&repository).between(&repository.head(), &first).await.unwrap();
    assert_eq!(told.len(), 100);
    assert!(told[0].ends_with(" change 104") && told[99].ends_with(" change 5"), "{told:?}");
}
