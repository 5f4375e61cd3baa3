//! `keep` and `only` over any trees, against a model that looks at every path; and what they do not read.

use std::{collections::BTreeMap, fs};

use git2::Oid;
use globset::GlobBuilder;
use proptest::prelude::*;
use runbook_core::ports::{RollbackBranch, VersionControl};
use runbook_testkit::TempRepository;

use crate::support::{
    EXECUTABLE, FILE, Files, commit, commit_tree, files, git, open, patterns, permit, raw_tree, rollback_to,
};

type Tree = BTreeMap<String, (u32, String)>;

/// Whether a pattern matches a path or a folder that it is in.
fn matches(patterns: &[String], path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let prefixes: Vec<&str> = ends.map(|end| &path[..end]).collect();
    patterns.iter().any(|pattern| {
        let glob = GlobBuilder::new(pattern.trim_end_matches('/')).literal_separator(true).build().unwrap();
        prefixes.iter().any(|prefix| glob.compile_matcher().is_match(prefix))
    })
}

/// The rollback by its definition: every path asked, one by one.
fn model(head: &Tree, target: &Tree, only: &[String], keep: &[String]) -> Tree {
    let takes = |path: &str| (only.is_empty() || matches(only, path)) && !matches(keep, path);
    let returned = target.iter().filter(|(path, _)| takes(path));
    let stayed = head.iter().filter(|(path, _)| !takes(path));
    returned.chain(stayed).map(|(path, file)| (path.clone(), file.clone())).collect()
}

/// Folders are called a, b, c and files x, y, z, so that no file on one side is a folder on the other: there, two files
/// can exclude one another, and a test of its own says which wins.
fn trees() -> impl Strategy<Value = Tree> {
    let file = (prop_oneof![Just(FILE), Just(EXECUTABLE)], "[12]");
    prop::collection::btree_map("([abc]/){0,3}[xyz]", file, 0..12)
}

fn some_patterns() -> impl Strategy<Value = Vec<String>> {
    let pattern = prop_oneof![
        "([abc]/){0,2}[abcxyz]/?",
        "([abc*]/){0,2}[xy*]",
        "([abc]/)?\\*\\*/[xyz]",
        "[ab]/\\*\\*",
        "\\{a,b/c\\}/[xy]",
        "\\[ab\\]/[abx?]",
    ];
    prop::collection::vec(pattern, 0..3)
}

fn borrowed(tree: &Tree) -> Files<'_> {
    tree.iter().map(|(path, (mode, content))| (path.as_str(), (*mode, content.as_str()))).collect()
}

#[test]
fn every_path_comes_from_where_its_definition_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let permit = runtime.block_on(permit());
    let repository = TempRepository::new();
    let number = std::cell::Cell::new(0);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) };
    let cases = (trees(), trees(), some_patterns(), some_patterns());
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&cases, |(target, head, only, keep)| {
        let to = commit(repository.git(), &borrowed(&target));
        commit(repository.git(), &borrowed(&head));
        let expected = commit(repository.git(), &borrowed(&model(&head, &target, &only, &keep)));
        number.set(number.get() + 1);
        repository
            .git()
            .reset(&repository.git().revparse_single("HEAD~1").unwrap(), git2::ResetType::Soft, None)
            .unwrap();
        let rollback = RollbackBranch { branch: format!("rollback/{}", number.get()), only, keep, ..rollback_to(&to) };
        let made = runtime.block_on(open(&repository).rollback_branch(&permit, &rollback)).unwrap();
        let tree = |id: &str| repository.git().find_commit(Oid::from_str(id).unwrap()).unwrap().tree_id();
        prop_assert_eq!(tree(made.commit.as_str()), tree(expected.as_str()));
        Ok(())
    });
    result.unwrap();
    git(repository.path(), &["fsck", "--strict", "--no-dangling"]);
}

#[tokio::test]
async fn where_a_file_is_a_folder_on_the_other_side_what_is_selected_wins() {
    type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], &'static str);
    let cases: [Case; 5] = [
        ("a", "a/b", &["a/b"], &[], "a/b"),
        ("a/b", "a", &["a/b"], &[], ""),
        ("a/b", "a", &[], &["a/b"], "a/b"),
        ("a", "a/b", &[], &["a/b"], ""),
        ("a/b", "a", &[], &["a/c"], "a"),
    ];
    let permit = permit().await;
    for (head, target, only, keep, expected) in cases {
        let repository = TempRepository::new();
        let to = commit(repository.git(), &files(&[(target, "target")]));
        commit(repository.git(), &files(&[(head, "head")]));
        let rollback = RollbackBranch { only: patterns(only), keep: patterns(keep), ..rollback_to(&to) };
        let made = open(&repository).rollback_branch(&permit, &rollback).await.unwrap();
        let told = git(repository.path(), &["ls-tree", "-r", "--name-only", made.commit.as_str()]);
        assert_eq!(told.trim(), expected, "head {head}, target {target}, only {only:?}, keep {keep:?}");
    }
}

#[tokio::test]
async fn subtrees_that_no_pattern_can_reach_are_not_read() {
    let repository = TempRepository::new();
    let target =
        commit(repository.git(), &files(&[("services/api/x", "1"), ("web/y", "1"), (".github/workflows/a", "1")]));
    commit(repository.git(), &files(&[("services/api/x", "2"), ("web/y", "2"), (".github/workflows/a", "2")]));
    // Without these, reading them would fail: both trees of `web`, and that of `services/api`, are gone.
    for folder in ["HEAD:web", "HEAD~1:web", "HEAD:services/api", "HEAD~1:services/api"] {
        let id = git(repository.path(), &["rev-parse", folder]);
        fs::remove_file(repository.path().join(format!(".git/objects/{}/{}", &id[..2], id[2..].trim()))).unwrap();
    }
    let permit = permit().await;
    let keep = patterns(&[".github/workflows/", "runbook.toml"]);
    let rollback = RollbackBranch { keep, ..rollback_to(&target) };
    let made = open(&repository).rollback_branch(&permit, &rollback).await.unwrap();
    assert_eq!(repository.file_at(&made.commit, ".github/workflows/a").unwrap(), b"2");
}

#[tokio::test]
async fn odd_modes_of_old_repositories_return_as_they_were() {
    let repository = TempRepository::new();
    let blob = |content: &str| repository.git().blob(content.as_bytes()).unwrap();
    let tree = raw_tree(repository.git(), &[(0o100_664, b"old", blob("1")), (FILE, b"runbook.toml", blob("1"))]);
    let target = commit_tree(repository.git(), tree);
    commit(repository.git(), &files(&[("runbook.toml", "2")]));
    let permit = permit().await;
    let rollback = RollbackBranch { keep: patterns(&["runbook.toml"]), ..rollback_to(&target) };
    let made = open(&repository).rollback_branch(&permit, &rollback).await.unwrap();
    let made_tree =
        repository.git().revparse_single(&format!("{}^{{tree}}", made.commit)).unwrap().peel_to_tree().unwrap();
    assert_eq!(made_tree.get_name("old").unwrap().filemode_raw(), 0o100_664);
    assert_eq!(repository.file_at(&made.commit, "runbook.toml").unwrap(), b"2");
}

#[tokio::test]
async fn a_pattern_that_is_none_changes_nothing() {
    let repository = TempRepository::new();
    let target = commit(repository.git(), &files(&[("x", "1")]));
    let rollback = RollbackBranch { keep: patterns(&["src/["]), ..rollback_to(&target) };
    let error = open(&repository).rollback_branch(&*permit().await, &rollback).await.unwrap_err().to_string();
    assert!(error.starts_with("the pattern \"src/[\" is not a glob: "), "{error}");
    assert_eq!(repository.find_ref(&format!("refs/heads/{}", rollback.branch)), None);
}
