//! Port: whether the owner of a run still exists.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::words::Owner;

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerState {
    /// It is provably gone: a lock of its run may be taken over.
    Over,
    /// It exists.
    Alive,
    /// Nobody here can tell, such as for a process on another host.
    Unknown,
}

/// Answers whether an owner is over. `Unknown` is never treated as over.
#[async_trait]
pub trait Liveness: Debug + Send + Sync {
    /// Who this process is.
    fn me(&self) -> Owner;

    /// Whether `owner` still exists.
    async fn owner_state(&self, owner: &Owner) -> OwnerState;
}
