//! The rollback commit: its tree is the target's, its parent the head, and nothing else in the repository moves.

use std::fs;

use runbook_core::{
    CommitId, LeftBehind,
    ports::{RollbackBranch, RollbackCommit, VersionControl, VersionError},
};
use runbook_git::GitRepository;
use runbook_testkit::TempRepository;

use crate::support::{
    EXECUTABLE, FILE, Files, LINK, SUBMODULE, commit, files, git, open, patterns, permit, rollback_to, try_git,
};

async fn roll_back(repository: &TempRepository, rollback: &RollbackBranch) -> Result<RollbackCommit, VersionError> {
    open(repository).rollback_branch(&*permit().await, rollback).await
}

async fn refusal(repository: &TempRepository, rollback: &RollbackBranch) -> String {
    let error = roll_back(repository, rollback).await.unwrap_err();
    assert!(matches!(error, VersionError::Failed { left: LeftBehind::NoChange, .. }), "{error:?}");
    error.to_string()
}

fn trees_equal(repository: &TempRepository, one: &CommitId, other: &CommitId) -> bool {
    try_git(repository.path(), &["diff", "--quiet", "--no-ext-diff", one.as_str(), other.as_str()]).status.success()
}

/// All refs but the rollback's, HEAD, the index's bytes and the worktree's state: what must not change.
fn surroundings(repository: &TempRepository) -> (String, String, Vec<u8>, String) {
    let path = repository.path();
    let refs = git(path, &["for-each-ref", "--format=%(refname) %(objectname)", "--exclude=refs/heads/rollback/"]);
    // A look at the status may write the index, so the bytes are taken first.
    let index = fs::read(path.join(".git/index")).unwrap_or_default();
    let head = fs::read_to_string(path.join(".git/HEAD")).unwrap();
    (refs, head, index, git(path, &["--no-optional-locks", "status", "--porcelain=v2", "--untracked-files=all"]))
}

#[tokio::test]
async fn the_tree_is_the_targets_to_the_bit_and_nothing_else_moves() {
    let repository = TempRepository::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    let target = commit(
        repository.git(),
        &Files::from([
            (".gitattributes", (FILE, "*.bin filter=lfs\n")),
            ("big.bin", (FILE, pointer)),
            ("bin/run", (EXECUTABLE, "#!/bin/sh\n")),
            ("link", (LINK, "bin/run")),
            ("vendor/sub", (SUBMODULE, "0123456789012345678901234567890123456789")),
        ]),
    );
    let head = commit(repository.git(), &Files::from([("bin/run", (FILE, "changed")), ("added", (FILE, "x"))]));
    git(repository.path(), &["reset", "-q", "--hard"]);
    repository.write("staged", "not yet committed");
    git(repository.path(), &["add", "staged"]);
    repository.write("added", "not yet staged");
    repository.write("untracked", "x");
    let before = surroundings(&repository);

    let made = roll_back(&repository, &rollback_to(&target)).await.unwrap();

    assert_eq!(surroundings(&repository), before);
    assert!(trees_equal(&repository, &target, &made.commit));
    let shown = |what: &str| git(repository.path(), &["rev-parse", what]).trim().to_owned();
    assert_eq!(shown(&format!("{}^{{tree}}", made.commit)), shown(&format!("{target}^{{tree}}")), "the same object");
    assert_eq!(shown(&format!("{}^@", made.commit)), head.as_str(), "the head is its one parent");
    assert_eq!(shown("refs/heads/rollback/v1.0.0-20260101T000000Z"), made.commit.as_str());
    assert_eq!(made.not_pushed, None);
    let told = git(repository.path(), &["log", "-1", "--format=%an <%ae>%n%cn%n%B", made.commit.as_str()]);
    assert_eq!(told.trim_end(), "Test <test@example.invalid>\nTest\nRoll back to v1.0.0\n\nbecause of a test");
    git(repository.path(), &["fsck", "--strict", "--no-dangling"]);
}

#[tokio::test]
async fn after_a_squash_merge_the_revert_would_be_empty_and_the_rollback_is_not() {
    let repository = TempRepository::new();
    let path = repository.path();
    repository.write("app", "good\n");
    let good = repository.commit("good");
    repository.branch("feature");
    repository.switch("feature");
    repository.write("app", "bad\n");
    let bad = repository.commit("bad");
    repository.switch("main");
    git(path, &["merge", "-q", "--squash", "feature"]);
    git(path, &["commit", "-q", "-m", "squashed"]);
    // Somebody took the change back by hand; then the revert of the feature's own commit has nothing to do.
    git(path, &["revert", "--no-edit", "HEAD"]);
    repository.write("other", "since then\n");
    repository.commit("since then");
    let revert = try_git(path, &["revert", "--no-edit", bad.as_str()]);
    assert!(!revert.status.success(), "the revert is empty: {revert:?}");
    git(path, &["reset", "-q", "--hard"]);
    let made = roll_back(&repository, &rollback_to(&good)).await.unwrap();
    assert!(trees_equal(&repository, &good, &made.commit));
}

#[tokio::test]
async fn where_a_revert_conflicts_the_rollback_does_not() {
    let repository = TempRepository::new();
    let path = repository.path();
    repository.write("app", "one\n");
    repository.write("moved", "content that moves\n");
    let good = repository.commit("good");
    repository.write("app", "two\n");
    repository.remove("moved");
    let bad = repository.commit("bad");
    repository.write("app", "three\n");
    repository.write("moved/inside", "a folder now\n");
    repository.commit("built on bad");
    let revert = try_git(path, &["revert", "--no-edit", bad.as_str()]);
    assert!(!revert.status.success(), "the revert conflicts");
    git(path, &["revert", "--abort"]);
    let made = roll_back(&repository, &rollback_to(&good)).await.unwrap();
    assert!(trees_equal(&repository, &good, &made.commit));
    git(path, &["merge", "-q", "--ff-only", &made.branch]);
    assert_eq!(fs::read_to_string(path.join("app")).unwrap(), "one\n", "and it merges forward");
}

#[tokio::test]
async fn what_is_kept_is_as_at_the_head_also_where_that_is_nothing() {
    let repository = TempRepository::new();
    let target = commit(
        repository.git(),
        &files(&[(".github/workflows/old.yml", "old"), (".github/CODEOWNERS", "old"), ("app", "good")]),
    );
    commit(
        repository.git(),
        &files(&[
            (".github/workflows/new.yml", "new"),
            ("runbook.toml", "schema = 1"),
            ("app", "bad"),
            ("more", "bad"),
        ]),
    );
    let keep = patterns(&[".github/workflows/", "runbook.toml"]);
    let made = roll_back(&repository, &RollbackBranch { keep, ..rollback_to(&target) }).await.unwrap();
    let told = git(repository.path(), &["ls-tree", "-r", "--name-only", made.commit.as_str()]);
    assert_eq!(told, ".github/CODEOWNERS\n.github/workflows/new.yml\napp\nrunbook.toml\n");
    assert_eq!(repository.file_at(&made.commit, "app").unwrap(), b"good");
    assert_eq!(repository.file_at(&made.commit, ".github/workflows/new.yml").unwrap(), b"new");
    git(repository.path(), &["fsck", "--strict", "--no-dangling"]);
}

#[tokio::test]
async fn one_component_returns_and_the_others_stay() {
    let repository = TempRepository::new();
    let target = commit(
        repository.git(),
        &Files::from([
            ("services/api/run", (EXECUTABLE, "good")),
            ("services/api/gone-since", (FILE, "good")),
            ("services/web/run", (FILE, "good")),
        ]),
    );
    let head = commit(
        repository.git(),
        &files(&[
            ("services/api/run", "bad"),
            ("services/api/new", "bad"),
            ("services/web/run", "better"),
            ("new", "x"),
        ]),
    );
    let only = patterns(&["services/api"]);
    let made = roll_back(&repository, &RollbackBranch { only, ..rollback_to(&target) }).await.unwrap();
    let diff = |with: &CommitId, at: &str| {
        try_git(repository.path(), &["diff", "--quiet", with.as_str(), made.commit.as_str(), "--", at]).status.success()
    };
    assert!(diff(&target, "services/api"), "all of it is the target's: modes, what came back, what went");
    assert!(diff(&head, ":!services/api"), "all the rest is the head's");
}

#[tokio::test]
async fn the_same_rollback_twice_is_one() {
    let repository = TempRepository::new();
    repository.write("app", "good");
    let good = repository.commit("good");
    repository.write("app", "bad");
    repository.commit("bad");
    let rollback = rollback_to(&good);
    let made = roll_back(&repository, &rollback).await.unwrap();
    assert_eq!(roll_back(&repository, &rollback).await.unwrap(), made);

    // With another head it is another rollback, and the branch stays where it is.
    repository.write("app", "worse");
    repository.commit("worse");
    let told = refusal(&repository, &rollback).await;
    assert!(told.contains("is another rollback or has other parents; an existing branch is never moved"), "{told}");
    assert_eq!(repository.find_ref(&format!("refs/heads/{}", made.branch)), Some(made.commit));
}

#[tokio::test]
async fn many_at_once_make_one_commit() {
    let repository = TempRepository::new();
    repository.write("app", "good");
    let good = repository.commit("good");
    repository.write("app", "bad");
    repository.commit("bad");
    let permit = permit().await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (port, permit, rollback) = (open(&repository), permit.clone(), rollback_to(&good));
            tokio::spawn(async move { port.rollback_branch(&permit, &rollback).await })
        })
        .collect();
    let at = |made: RollbackCommit| made.commit;
    let mut commits = Vec::new();
    for task in tasks {
        commits.push(at(task.await.unwrap().unwrap()));
    }
    commits.dedup();
    let branch = repository.find_ref(&format!("refs/heads/{}", rollback_to(&good).branch));
    assert_eq!(commits, Vec::from_iter(branch));
}

#[tokio::test]
async fn names_that_no_branch_can_have_are_refused() {
    let repository = TempRepository::new();
    repository.write("app", "good");
    let good = repository.commit("good");
    for name in ["-f", "--force", "HEAD", "", "a..b", "a b", "a~1", "rollback/", "x.lock", "a\nb"] {
        let told = refusal(&repository, &RollbackBranch { branch: name.to_owned(), ..rollback_to(&good) }).await;
        assert_eq!(told, format!("{name:?} cannot be the name of a branch (see git check-ref-format)"));
    }
    repository.branch("rollback");
    let told = refusal(&repository, &rollback_to(&good)).await;
    assert!(told.starts_with("failed to make the branch rollback/v1.0.0-20260101T000000Z"), "{told}");
}

#[tokio::test]
async fn without_commits_there_is_nothing_to_roll_back_from() {
    let repository = TempRepository::new();
    repository.write("app", "good");
    let good = repository.commit("good");
    git(repository.path(), &["checkout", "-q", "--orphan", "unborn"]);
    let told = refusal(&repository, &rollback_to(&good)).await;
    assert_eq!(told, "there are no commits at HEAD yet, so there is nothing to roll back from");
}

#[tokio::test]
async fn a_target_that_is_not_here_is_not_found() {
    let repository = TempRepository::new();
    repository.write("app", "good");
    repository.commit("good");
    let error = roll_back(&repository, &rollback_to(&CommitId::new("b".repeat(40)).unwrap())).await.unwrap_err();
    assert!(matches!(error, VersionError::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn bare_detached_and_linked_repositories_roll_back_too() {
    let (repository, bare) = (TempRepository::new(), TempRepository::bare());
    repository.write("app", "good");
    let good = repository.commit("good");
    repository.write("app", "bad");
    let bad = repository.commit("bad");
    repository.add_remote("origin", &bare);
    repository.push("origin", "refs/heads/main");
    let folder = tempfile::tempdir().unwrap();
    let linked = folder.path().join("linked");
    git(repository.path(), &["worktree", "add", "-q", "--detach", linked.to_str().unwrap(), "HEAD"]);
    let permit = permit().await;
    for (at, port) in [open(&bare), GitRepository::open(&linked).unwrap()].into_iter().enumerate() {
        let rollback = RollbackBranch { branch: format!("rollback/{at}"), ..rollback_to(&good) };
        let made = port.rollback_branch(&permit, &rollback).await.unwrap();
        let lines =
            git(port.root(), &["rev-parse", &format!("{}^@", made.commit), &format!("{}^{{tree}}", made.commit)]);
        let tree = git(repository.path(), &["rev-parse", &format!("{good}^{{tree}}")]);
        assert_eq!(lines, format!("{bad}\n{tree}"));
    }
    assert_eq!(git(&linked, &["status", "--porcelain"]), "");
}
