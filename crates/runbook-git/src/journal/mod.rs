//! The journal in git: each append is a commit on `refs/runbook/journal/<environment>` that holds a batch of events.
//!
//! `port` is the adapter, `layout` what stands in a commit, `store` the reading and writing of commits, `guard` what keeps
//! processes of this machine apart, `shared` the way to a remote.
//!
//! Nothing below `refs/runbook/` is ever deleted or moved back: a lock that is released, a latch that is lifted and a
//! volume that ends are appends too. Worktree, index, HEAD and branches are never touched, and plain `git log` reads it.

mod guard;
mod layout;
mod port;
mod shared;
mod store;

pub use port::{GitJournal, JournalSettings};
