//! A tree as files: exact, whole or not at all, and harmless.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use git2::Oid;
use runbook_core::{CommitId, ports::VersionControl};
use runbook_testkit::TempRepository;

use crate::support::{EXECUTABLE, FILE, Files, LINK, SUBMODULE, commit, commit_tree, git, open, raw_tree};

const MARKER: &str = ".runbook-export";
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";

fn everything() -> Files<'static> {
    Files::from([
        (".gitattributes", (FILE, "*.bin filter=lfs\n*.txt text eol=crlf\n* filter=evil ident\n")),
        ("big.bin", (FILE, POINTER)),
        ("bin/run", (EXECUTABLE, "#!/bin/sh\n")),
        ("deep/er/lines.txt", (FILE, "a\nb\n$Id$\n")),
        ("elsewhere", (LINK, "../../etc/passwd")),
        ("link", (LINK, "bin/run")),
        ("vendor/sub", (SUBMODULE, "0123456789012345678901234567890123456789")),
    ])
}

/// What stands in a folder: path, mode (of a link and a folder: its kind) and content.
fn listing(root: &Path) -> Vec<(String, u32, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let kind = fs::symlink_metadata(&path).unwrap();
            if kind.is_symlink() {
                found.push((name, LINK, fs::read_link(&path).unwrap().to_str().unwrap().to_owned()));
            } else if kind.is_dir() {
                folders.push(path);
            } else {
                let mode = if kind.permissions().mode() & 0o100 == 0 { FILE } else { EXECUTABLE };
                found.push((name, mode, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// No folder, and nothing hidden beside it.
fn assert_nothing_left(parent: &Path) {
    let left: Vec<_> = fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn the_files_are_those_of_the_commit_to_the_byte() {
    let repository = TempRepository::new();
    let head = commit(repository.git(), &everything());
    let folder = tempfile::tempdir().unwrap();
    let touched = folder.path().join("touched");
    git(repository.path(), &["config", "filter.evil.smudge", &format!("touch {}", touched.display())]);
    let export = folder.path().join("new/export");
    open(&repository).export(&head, &export).await.unwrap();
    let expected: Vec<_> = everything()
        .into_iter()
        .filter(|(_, (mode, _))| *mode != SUBMODULE)
        .map(|(path, (mode, content))| (path.to_owned(), mode, content.to_owned()))
        .collect();
    let mut found = listing(&export);
    found.retain(|(path, ..)| path != MARKER);
    assert_eq!(found, expected);
    assert_eq!(fs::read_to_string(export.join(MARKER)).unwrap(), format!("{head}\n"));
    assert!(fs::read_dir(export.join("vendor/sub")).unwrap().next().is_none(), "a submodule is an empty folder");
    assert!(!touched.exists(), "nothing from the repository was executed");
}

#[tokio::test]
async fn a_complete_export_is_left_as_it_is() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let first = repository.commit("first");
    repository.write("file", "2");
    let second = repository.commit("second");
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export");
    fs::create_dir(&export).unwrap();
    let port = open(&repository);
    port.export(&first, &export).await.expect("an empty folder is as good as none");
    fs::write(export.join("service.log"), "running").unwrap();
    let before = fs::metadata(export.join("file")).unwrap().ino();
    port.export(&first, &export).await.unwrap();
    assert_eq!(fs::metadata(export.join("file")).unwrap().ino(), before, "not written again");
    assert!(export.join("service.log").exists());
    let error = port.export(&second, &export).await.unwrap_err().to_string();
    let short = second.short();
    assert_eq!(error, format!("{} is not empty and does not hold {short}; choose another folder", export.display()));
    assert_eq!(fs::read_to_string(export.join("file")).unwrap(), "1");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_refused() {
    let repository = TempRepository::new();
    repository.write("file", "1");
    let head = repository.commit("first");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine"), "1").unwrap();
    let error = open(&repository).export(&head, folder.path()).await.unwrap_err().to_string();
    assert!(error.contains(" is not empty "), "{error}");
    assert_eq!(listing(folder.path()), [("mine".to_owned(), FILE, "1".to_owned())]);
}

#[tokio::test]
async fn exporters_at_the_same_time_all_succeed() {
    let repository = TempRepository::new();
    repository.fill(300);
    let head = repository.commit("first");
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export");
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (port, head, export) = (open(&repository), head.clone(), export.clone());
            tokio::spawn(async move { port.export(&head, &export).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(listing(&export).len(), 301);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_refused() {
    for name in ["..", ".", ".git", ".GIT", "git~1", "a/../../b"] {
        let repository = TempRepository::new();
        let blob = repository.git().blob(b"pwned").unwrap();
        let tree = raw_tree(repository.git(), &[(FILE, name.as_bytes(), blob)]);
        let head = commit_tree(repository.git(), tree);
        let folder = tempfile::tempdir().unwrap();
        let error = open(&repository).export(&head, &folder.path().join("export")).await.unwrap_err().to_string();
        assert_eq!(error, format!("the commit holds a file named {name:?}, which no export may write"));
        assert_nothing_left(folder.path());
    }
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let repository = TempRepository::new();
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::create_dir(&victim).unwrap();
    let link = repository.git().blob(victim.to_str().unwrap().as_bytes()).unwrap();
    let blob = repository.git().blob(b"pwned").unwrap();
    let inner = raw_tree(repository.git(), &[(FILE, b"file", blob)]);
    for entries in
        [[(LINK, &b"a"[..], link), (0o040_000, b"a", inner)], [(0o040_000, &b"a"[..], inner), (LINK, b"a", link)]]
    {
        let head = commit_tree(repository.git(), raw_tree(repository.git(), &entries));
        assert!(open(&repository).export(&head, &folder.path().join("export")).await.is_err());
        assert_nothing_left(&victim);
        assert!(!folder.path().join("export").exists());
    }
}

#[tokio::test]
async fn a_commit_that_is_not_whole_leaves_nothing() {
    let repository = TempRepository::new();
    let present = repository.git().blob(b"here").unwrap();
    let absent = Oid::from_str("0123456789012345678901234567890123456789").unwrap();
    let tree = raw_tree(repository.git(), &[(FILE, b"a", present), (FILE, b"b", absent)]);
    let head = commit_tree(repository.git(), tree);
    let folder = tempfile::tempdir().unwrap();
    let error = open(&repository).export(&head, &folder.path().join("export")).await.unwrap_err().to_string();
    assert_eq!(error, "failed to read b of the commit");
    assert_nothing_left(folder.path());
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_not_found() {
    let repository = TempRepository::new();
    let nowhere = CommitId::new("a".repeat(40)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = open(&repository).export(&nowhere, &folder.path().join("export")).await.unwrap_err().to_string();
    assert_eq!(error, format!("version \"{nowhere}\" was not found"));
    assert_nothing_left(folder.path());
}

#[tokio::test]
async fn a_file_named_like_the_marker_is_told() {
    let repository = TempRepository::new();
    repository.write(MARKER, "mine");
    let head = repository.commit("first");
    let folder = tempfile::tempdir().unwrap();
    let error = open(&repository).export(&head, &folder.path().join("export")).await.unwrap_err().to_string();
    assert!(error.contains(&format!("is there a file {MARKER} in the repository?")), "{error}");
    assert_nothing_left(folder.path());
}
