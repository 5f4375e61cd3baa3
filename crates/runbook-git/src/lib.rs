//! The repository as the runbook sees it: versions resolved, releases listed, trees exported, and a rollback recorded
//! as **a new commit on a new branch whose tree is the target's**, never as a revert that may be empty or may conflict.
//!
//! [`GitRepository`] implements [`VersionControl`](runbook_core::ports::VersionControl): libgit2 for everything local,
//! the user's own `git` for a push. It is no git client: it never touches the worktree, the index, HEAD or a branch that
//! exists, and it never forces, fetches or merges.
//!
//! ```
//! use runbook_core::ports::VersionControl;
//! use runbook_git::GitRepository;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let made = git2::Repository::init(folder.path())?;
//! # let somebody = git2::Signature::now("Ada", "ada@example.com")?;
//! # let tree = made.find_tree(made.treebuilder(None)?.write()?)?;
//! # let first = made.commit(Some("HEAD"), &somebody, &somebody, "first", &tree, &[])?;
//! # made.tag_lightweight("v1.2.3", &made.find_object(first, None)?, false)?;
//! # let path = folder.path();
//! let repository = GitRepository::open(path)?;
//!
//! let version = repository.resolve("v1.2.3").await?;
//! assert_eq!(version.release.id.as_str(), "v1.2.3");
//!
//! // A branch moves, so it is no version; and a typing error is answered with what was meant.
//! assert!(repository.resolve("main").await.is_err());
//! let error = repository.resolve("v1.2.2").await.unwrap_err().to_string();
//! assert!(error.contains("did you mean v1.2.3?"), "{error}");
//! # Ok(())
//! # }
//! ```

mod access;
mod checkout;
mod commits;
mod difference;
mod error;
mod export;
mod git;
mod history;
mod journal;
mod merge;
mod order;
mod remote;
mod repository;
mod resolve;
mod rollback;
mod selection;
mod tags;
mod url;

pub use access::{Access, RemoteAccess};
pub use journal::{GitJournal, JournalSettings};
pub use repository::GitRepository;
