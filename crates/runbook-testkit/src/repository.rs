//! A real git repository in a temporary folder, which owes nothing to the user's git configuration.
//!
//! Author, dates, branch name and line ends are given here; hooks, signing and excludes of the machine are not asked.
#![allow(clippy::expect_used, reason = "a test cannot go on without its repository, and says what failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
};

use git2::{
    BranchType, IndexAddOption, ObjectType, Oid, Repository, RepositoryInitOptions, ResetType, Signature, Time,
    build::CheckoutBuilder,
};
use runbook_core::CommitId;
use tempfile::TempDir;

/// The first commit's time: 2026-01-01T00:00:00Z, in seconds since the epoch. Each commit is a minute later.
const FIRST_COMMIT: i64 = 1_767_225_600;

/// A git repository that is deleted when this is dropped. Its branch is `main`; commits are a minute apart.
///
/// Every method panics, with what it tried, when git or the file system refuses.
///
/// ```
/// use runbook_testkit::TempRepository;
///
/// let repository = TempRepository::new();
/// repository.write("src/main.rs", "fn main() {}");
/// let first = repository.commit("a first commit");
/// repository.tag("v1.0.0");
/// repository.remove("src/main.rs");
/// assert_ne!(repository.commit("nothing left"), first);
/// ```
pub struct TempRepository {
    folder: TempDir,
    git: Repository,
    clock: AtomicI64,
}

impl std::fmt::Debug for TempRepository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TempRepository").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Default for TempRepository {
    fn default() -> Self {
        Self::new()
    }
}

impl TempRepository {
    /// An empty repository with a worktree and no commits.
    pub fn new() -> Self {
        Self::init(false)
    }

    /// A bare repository, to push to.
    pub fn bare() -> Self {
        Self::init(true)
    }

    fn init(bare: bool) -> Self {
        let folder = TempDir::with_prefix("runbook-").expect("failed to make a temporary folder");
        let mut options = RepositoryInitOptions::new();
        options.initial_head("main").external_template(false).bare(bare);
        let git = Repository::init_opts(folder.path(), &options).expect("failed to make a repository");
        let mut config = git.config().expect("failed to open the repository's configuration");
        // The user's own settings would otherwise change bytes on their way into the repository.
        for (key, value) in [("core.autocrlf", "false"), ("commit.gpgsign", "false"), ("core.fsmonitor", "false")] {
            config.set_str(key, value).expect("failed to configure the repository");
        }
        for (key, value) in [("user.name", "Test"), ("user.email", "test@example.invalid")] {
            config.set_str(key, value).expect("failed to configure the repository");
        }
        Self { folder, git, clock: AtomicI64::new(FIRST_COMMIT) }
    }

    /// The worktree; for a bare repository, the repository itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The repository, for what has no method here.
    pub fn git(&self) -> &Repository {
        &self.git
    }

    /// Writes a file, with its folders.
    #[track_caller]
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.place(path);
        fs::write(&file, text).unwrap_or_else(|error| panic!("failed to write {}: {error}", file.display()));
    }

    /// Writes `n` small files, each with a content of its own, under `files/`, a hundred in a folder.
    #[track_caller]
    pub fn fill(&self, n: usize) {
        for at in 0..n {
            self.write(&format!("files/{:04}/{at:06}.txt", at / 100), format!("file {at}\n"));
        }
    }

    /// Removes a file or a folder.
    #[track_caller]
    pub fn remove(&self, path: &str) {
        let place = self.path().join(path);
        let removed = if place.is_dir() { fs::remove_dir_all(&place) } else { fs::remove_file(&place) };
        removed.unwrap_or_else(|error| panic!("failed to remove {}: {error}", place.display()));
    }

    /// Makes a file executable.
    #[cfg(unix)]
    #[track_caller]
    pub fn executable(&self, path: &str) {
        use std::os::unix::fs::PermissionsExt;

        let file = self.path().join(path);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
            .unwrap_or_else(|error| panic!("failed to make {} executable: {error}", file.display()));
    }

    /// Makes a symbolic link at `path` to `target`.
    #[cfg(unix)]
    #[track_caller]
    pub fn symlink(&self, target: &str, path: &str) {
        let link = self.place(path);
        std::os::unix::fs::symlink(target, &link)
            .unwrap_or_else(|error| panic!("failed to link {}: {error}", link.display()));
    }

    /// Commits the whole worktree, also what the user's machine would ignore, and returns the commit.
    #[track_caller]
    pub fn commit(&self, message: &str) -> CommitId {
        let mut index = self.git.index().expect("failed to open the index");
        index.add_all(["*"], IndexAddOption::FORCE, None).expect("failed to add the worktree");
        index.update_all(["*"], None).expect("failed to take removed files out of the index");
        index.write().expect("failed to write the index");
        let tree = index.write_tree().expect("failed to write a tree");
        let tree = self.git.find_tree(tree).expect("failed to find the tree that was just written");
        let parent = self.git.head().ok().map(|head| head.peel_to_commit().expect("the head is no commit"));
        let author = self.author();
        let parents: Vec<_> = parent.iter().collect();
        let commit = self.git.commit(Some("HEAD"), &author, &author, message, &tree, &parents);
        id(commit.expect("failed to commit"))
    }

    /// The current commit.
    #[track_caller]
    pub fn head(&self) -> CommitId {
        let commit = self.git.head().and_then(|head| head.peel_to_commit()).expect("the branch has no commits");
        id(commit.id())
    }

    /// Puts a lightweight tag on the current commit.
    #[track_caller]
    pub fn tag(&self, name: &str) {
        let head = self.head_object();
        self.git.tag_lightweight(name, &head, false).unwrap_or_else(|error| panic!("failed to tag {name}: {error}"));
    }

    /// Puts an annotated tag on the current commit.
    #[track_caller]
    pub fn annotated_tag(&self, name: &str, message: &str) {
        let head = self.head_object();
        self.git
            .tag(name, &head, &self.author(), message, false)
            .unwrap_or_else(|error| panic!("failed to tag {name}: {error}"));
    }

    /// Makes a branch at the current commit, without going there.
    #[track_caller]
    pub fn branch(&self, name: &str) {
        let head = self.git.head().and_then(|head| head.peel_to_commit()).expect("the branch has no commits");
        self.git.branch(name, &head, false).unwrap_or_else(|error| panic!("failed to make branch {name}: {error}"));
    }

    /// Goes to a branch; changes in the worktree are lost.
    #[track_caller]
    pub fn switch(&self, branch: &str) {
        let found = self.git.find_branch(branch, BranchType::Local);
        let name = found.unwrap_or_else(|error| panic!("there is no branch {branch}: {error}")).into_reference();
        let name = name.name().expect("the branch's name is not UTF-8").to_owned();
        self.git.set_head(&name).unwrap_or_else(|error| panic!("failed to go to {branch}: {error}"));
        self.checkout();
    }

    /// Leaves every branch: HEAD is this commit; changes in the worktree are lost.
    #[track_caller]
    pub fn detach(&self, commit: &CommitId) {
        self.git.set_head_detached(oid(commit)).unwrap_or_else(|error| panic!("failed to go to {commit}: {error}"));
        self.checkout();
    }

    /// Moves the current branch to this commit, as a force-push by somebody else would; changes in the worktree are lost.
    #[track_caller]
    pub fn reset(&self, commit: &CommitId) {
        let object = self.git.find_object(oid(commit), Some(ObjectType::Commit));
        let object = object.unwrap_or_else(|error| panic!("there is no commit {commit}: {error}"));
        self.git.reset(&object, ResetType::Hard, None).unwrap_or_else(|error| panic!("failed to reset: {error}"));
    }

    /// Adds another repository as a remote.
    #[track_caller]
    pub fn add_remote(&self, name: &str, other: &Self) {
        let url = other.path().to_str().expect("the temporary folder's path is not UTF-8");
        self.git.remote(name, url).unwrap_or_else(|error| panic!("failed to add remote {name}: {error}"));
    }

    /// Pushes a refspec, such as `refs/heads/main`, to a remote on this machine.
    #[track_caller]
    pub fn push(&self, remote: &str, refspec: &str) {
        let found = self.git.find_remote(remote);
        let mut found = found.unwrap_or_else(|error| panic!("there is no remote {remote}: {error}"));
        found.push(&[refspec], None).unwrap_or_else(|error| panic!("failed to push {refspec} to {remote}: {error}"));
    }

    /// The commit of a ref, by its full name; `None` when there is no such ref.
    pub fn find_ref(&self, name: &str) -> Option<CommitId> {
        self.git.find_reference(name).ok()?.peel_to_commit().ok().map(|commit| id(commit.id()))
    }

    /// The bytes of a file in a commit; `None` when it is not there.
    pub fn file_at(&self, commit: &CommitId, path: &str) -> Option<Vec<u8>> {
        let tree = self.git.find_commit(oid(commit)).ok()?.tree().ok()?;
        let entry = tree.get_path(Path::new(path)).ok()?;
        entry.to_object(&self.git).ok()?.as_blob().map(|blob| blob.content().to_vec())
    }

    /// Makes the folders of a path in the worktree.
    #[track_caller]
    fn place(&self, path: &str) -> PathBuf {
        let place = self.path().join(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).unwrap_or_else(|error| panic!("failed to make {}: {error}", folder.display()));
        }
        place
    }

    fn checkout(&self) {
        self.git.checkout_head(Some(CheckoutBuilder::new().force())).expect("failed to write the worktree");
    }

    fn head_object(&self) -> git2::Object<'_> {
        self.git.head().and_then(|head| head.peel(ObjectType::Commit)).expect("the branch has no commits")
    }

    fn author(&self) -> Signature<'static> {
        let time = Time::new(self.clock.fetch_add(60, Ordering::SeqCst), 0);
        Signature::new("Test", "test@example.invalid", &time).expect("a constant signature is valid")
    }
}

fn id(oid: Oid) -> CommitId {
    CommitId::new(oid.to_string()).expect("git writes full ids in lower-case hex")
}

fn oid(commit: &CommitId) -> Oid {
    Oid::from_str(commit.as_str()).expect("a commit id is hex")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_follow_one_another_in_time_and_keep_bytes() {
        let repository = TempRepository::new();
        repository.write(".gitignore", "*.log\n");
        repository.write("a.log", "kept although ignored");
        repository.write("windows.txt", "one\r\ntwo\r\n");
        let first = repository.commit("first");
        repository.remove("a.log");
        let second = repository.commit("second");

        let time = |commit: &CommitId| repository.git().find_commit(oid(commit)).map(|c| c.time().seconds()).ok();
        assert_eq!(time(&first), Some(FIRST_COMMIT));
        assert_eq!(time(&second), Some(FIRST_COMMIT + 60));
        assert_eq!(repository.file_at(&first, "windows.txt").as_deref(), Some(b"one\r\ntwo\r\n".as_slice()));
        assert!(repository.file_at(&first, "a.log").is_some());
        assert!(repository.file_at(&second, "a.log").is_none());
        assert_eq!(repository.head(), second);
    }

    #[cfg(unix)]
    #[test]
    fn modes_and_links_are_committed() {
        let repository = TempRepository::new();
        repository.write("run.sh", "#!/bin/sh\n");
        repository.executable("run.sh");
        repository.symlink("run.sh", "link");
        let commit = repository.commit("modes");
        let tree = repository.git().find_commit(oid(&commit)).and_then(|c| c.tree()).expect("a tree");
        let mode = |name: &str| tree.get_name(name).map(|entry| entry.filemode());
        assert_eq!((mode("run.sh"), mode("link")), (Some(0o100_755), Some(0o120_000)));
    }

    #[test]
    fn branches_tags_and_remotes() {
        let (repository, remote) = (TempRepository::new(), TempRepository::bare());
        repository.fill(120);
        let first = repository.commit("first");
        repository.tag("v1");
        repository.annotated_tag("v1-signed", "as a tag object");
        repository.branch("side");
        repository.write("more", "");
        let second = repository.commit("second");
        repository.switch("side");
        assert_eq!(repository.head(), first);
        assert!(!repository.path().join("more").exists());
        assert_eq!(repository.find_ref("refs/tags/v1-signed"), Some(first.clone()));
        repository.add_remote("origin", &remote);
        repository.push("origin", "refs/heads/main");
        assert_eq!(remote.find_ref("refs/heads/main"), Some(second.clone()));
        repository.switch("main");
        repository.reset(&first);
        assert_eq!(repository.find_ref("refs/heads/main"), Some(first));
        repository.detach(&second);
        assert_eq!(repository.git().head_detached().ok(), Some(true));
    }
}
