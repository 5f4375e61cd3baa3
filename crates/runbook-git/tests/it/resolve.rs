//! From a version to a commit: what is taken, what is refused, and what a person is told.

use std::collections::HashMap;

use git2::{ObjectType, Oid};
use runbook_core::ports::{VersionControl, VersionError};
use runbook_git::GitRepository;
use runbook_testkit::TempRepository;

use crate::support::{git, open};

async fn refusal(repository: &TempRepository, version: &str) -> String {
    let error = open(repository).resolve(version).await.unwrap_err();
    assert!(!matches!(error, VersionError::Failed { .. }), "{version} is not there, and nothing failed: {error:?}");
    error.to_string()
}

/// A repository with the tag `v1.2.3` on its second commit.
fn tagged() -> TempRepository {
    let repository = TempRepository::new();
    repository.write("file", "1");
    repository.commit("first");
    repository.write("file", "2");
    repository.commit("second");
    repository.tag("v1.2.3");
    repository
}

#[tokio::test]
async fn tags_of_both_kinds_lead_to_their_commit() {
    let repository = tagged();
    repository.annotated_tag("v1.2.4", "released");
    for version in ["v1.2.3", "v1.2.4"] {
        let resolved = open(&repository).resolve(version).await.unwrap();
        assert_eq!(resolved.commit, repository.head());
        assert_eq!(resolved.release.commit, Some(repository.head()));
        assert_eq!(resolved.release.id.as_str(), version);
    }
}

#[tokio::test]
async fn a_tag_of_a_tag_leads_to_the_commit() {
    let repository = tagged();
    repository.annotated_tag("inner", "released");
    git(repository.path(), &["-c", "advice.nestedTag=false", "tag", "-m", "again", "outer", "inner"]);
    assert_eq!(open(&repository).resolve("outer").await.unwrap().commit, repository.head());
}

#[tokio::test]
async fn a_commit_is_called_by_its_tag_or_by_twelve_digits() {
    let repository = tagged();
    let port = open(&repository);
    let head = repository.head();
    let release = port.resolve(head.as_str()).await.unwrap().release;
    assert_eq!(release.id.as_str(), "v1.2.3");
    for name in ["v1.10.0", "latest"] {
        repository.tag(name);
    }
    let seven = &head.as_str()[..7];
    assert_eq!(port.resolve(seven).await.unwrap().release.id.as_str(), "v1.2.3", "the smallest version, not `latest`");
    assert_eq!(port.resolve(&seven.to_uppercase()).await.unwrap().commit, head);
    let first = git(repository.path(), &["rev-parse", "HEAD~1"]);
    assert_eq!(port.resolve(first.trim()).await.unwrap().release.id.as_str(), &first[..12]);
}

#[tokio::test]
async fn where_a_tag_and_a_commit_match_the_tag_wins() {
    let repository = tagged();
    let first = git(repository.path(), &["rev-parse", "HEAD~1"]);
    repository.tag(&first[..8]);
    let resolved = open(&repository).resolve(&first[..8]).await.unwrap();
    assert_eq!((resolved.commit, resolved.release.id.as_str()), (repository.head(), &first[..8]));
}

#[tokio::test]
async fn the_id_of_an_annotated_tag_leads_to_its_commit() {
    let repository = tagged();
    repository.annotated_tag("v2.0.0", "released");
    let id = git(repository.path(), &["rev-parse", "refs/tags/v2.0.0"]);
    assert_eq!(open(&repository).resolve(id.trim()).await.unwrap().commit, repository.head());
}

#[tokio::test]
async fn what_moves_is_no_version() {
    let repository = tagged();
    repository.branch("feature/x");
    for moving in ["main", "HEAD", "feature/x", "refs/heads/main"] {
        let told = refusal(&repository, moving).await;
        assert!(told.contains("a branch moves and is no version, give a tag or a commit"), "{told}");
    }
}

#[tokio::test]
async fn options_ranges_and_paths_are_refused_unread() {
    let repository = tagged();
    for bad in [
        "--upload-pack=touch pwned",
        "-v1.2.3",
        "v1.2.3..main",
        "v1.2.3~1",
        "v1.2.3^{tree}",
        "HEAD:file",
        "/etc",
        "@{-1}",
        "v1 2",
        "",
    ] {
        let told = refusal(&repository, bad).await;
        let expected = format!(
            "version {bad:?} could be an option, a range or a path; give a tag, or a commit of at least seven hex digits"
        );
        assert_eq!(told, expected);
    }
    for not_here in ["refs/tags/v1.2.3", "tags/v1.2.3", "file", "@", "a//b", "x.lock"] {
        let error = open(&repository).resolve(not_here).await.unwrap_err();
        assert!(matches!(error, VersionError::NotFound { .. }), "{not_here}: {error:?}");
    }
}

#[tokio::test]
async fn a_tag_of_a_blob_or_tree_is_unusable() {
    let repository = tagged();
    let blob = repository.git().blob(b"a key").unwrap();
    repository.git().reference("refs/tags/key", blob, false, "").unwrap();
    git(repository.path(), &["tag", "-m", "annotated", "folder", "HEAD^{tree}"]);
    assert_eq!(refusal(&repository, "key").await, r#"version "key" is a tag of a blob, not of a commit"#);
    assert_eq!(refusal(&repository, "folder").await, r#"version "folder" is a tag of a tree, not of a commit"#);
    let id = blob.to_string();
    assert_eq!(refusal(&repository, &id).await, format!("version {id:?} is the id of a blob, not of a commit"));
}

#[tokio::test]
async fn a_slip_is_answered_with_what_was_meant() {
    let repository = tagged();
    insta::assert_snapshot!(refusal(&repository, "1.2.3").await, @r#"version "1.2.3" was not found; did you mean v1.2.3?"#);
    insta::assert_snapshot!(refusal(&repository, "release-9").await, @r#"version "release-9" was not found"#);
    insta::assert_snapshot!(refusal(&repository, "abc12").await, @r#"version "abc12" was not found; a commit needs at least seven hex digits"#);
    let short = &repository.head().as_str()[..6].to_owned();
    assert!(refusal(&repository, short).await.ends_with("a commit needs at least seven hex digits"));
    let longer = format!("{}0", repository.head());
    assert_eq!(refusal(&repository, &longer).await, format!("version {longer:?} was not found"));
}

#[tokio::test]
async fn a_repository_without_tags_says_so() {
    let repository = TempRepository::new();
    insta::assert_snapshot!(refusal(&repository, "v1.2.3").await, @r#"version "v1.2.3" was not found; there are no tags here: git fetch --tags"#);
}

#[tokio::test]
async fn a_shallow_clone_says_how_to_get_the_rest() {
    let repository = tagged();
    let first = git(repository.path(), &["rev-parse", "HEAD~1"]);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.path().display());
    git(folder.path(), &["clone", "-q", "--depth=1", "--no-tags", &url, "clone"]);
    let clone = GitRepository::open(folder.path().join("clone")).unwrap();
    let shallow = "the repository is shallow: git fetch --unshallow --tags";
    for version in ["v1.2.3", first.trim()] {
        let told = clone.resolve(version).await.unwrap_err().to_string();
        assert_eq!(told, format!("version {version:?} was not found; {shallow}"));
    }
    assert_eq!(clone.resolve(repository.head().as_str()).await.unwrap().commit, repository.head());
    let gone = runbook_core::CommitId::new(first.trim()).unwrap();
    let told = clone.export(&gone, &folder.path().join("export")).await.unwrap_err().to_string();
    assert!(told.ends_with(shallow), "{told}");
}

/// An object whose id begins with the same seven digits as one of `known`, made by trying.
fn collide(known: &mut HashMap<String, Vec<u8>>, kind: ObjectType, body: impl Fn(u32) -> String) -> (Vec<u8>, Vec<u8>) {
    for at in 0.. {
        let bytes = body(at).into_bytes();
        let id = Oid::hash_object(kind, &bytes).unwrap().to_string();
        if let Some(other) = known.get(&id[..7]) {
            return (other.clone(), bytes);
        }
        if kind == ObjectType::Commit {
            known.insert(id[..7].to_owned(), bytes);
        }
    }
    unreachable!("seven digits collide long before the numbers end")
}

#[tokio::test]
async fn an_ambiguous_beginning_is_refused_with_what_it_may_mean() {
    let repository = tagged();
    let odb = repository.git().odb().unwrap();
    let tree = repository.git().treebuilder(None).unwrap().write().unwrap();
    let who = "Test <test@example.invalid> 1767225600 +0000";
    let body = |at: u32| format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nattempt {at}\n");
    let mut known = HashMap::new();
    let (one, other) = collide(&mut known, ObjectType::Commit, body);
    let mut ids = [one, other].map(|bytes| odb.write(ObjectType::Commit, &bytes).unwrap().to_string());
    ids.sort();
    let prefix = &ids[0][..7];
    assert_eq!(
        refusal(&repository, prefix).await,
        format!("version {prefix:?} is ambiguous: {}, {}; give more digits", &ids[0][..12], &ids[1][..12])
    );
    assert_eq!(open(&repository).resolve(&ids[1]).await.unwrap().commit.as_str(), ids[1]);

    // A blob that begins alike is no version, so it does not stand in the way.
    let (commit, blob) = collide(&mut known, ObjectType::Blob, |at| format!("blob {at}"));
    let commit = odb.write(ObjectType::Commit, &commit).unwrap().to_string();
    odb.write(ObjectType::Blob, &blob).unwrap();
    assert_eq!(open(&repository).resolve(&commit[..7]).await.unwrap().commit.as_str(), commit);
}
