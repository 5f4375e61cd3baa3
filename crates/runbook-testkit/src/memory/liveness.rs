//! Owners whose state the test decides.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use runbook_core::{
    Owner,
    ports::{Liveness, OwnerState},
};

/// Says of every owner what it was told; of itself, always that it is alive.
///
/// ```
/// use runbook_core::ports::{Liveness, OwnerState};
/// use runbook_testkit::FixedLiveness;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let first = FixedLiveness::process(1, OwnerState::Over);
/// let second = FixedLiveness::process(2, OwnerState::Over);
/// assert_eq!(second.owner_state(&first.me()).await, OwnerState::Over);
/// assert_eq!(second.owner_state(&second.me()).await, OwnerState::Alive);
/// # });
/// ```
#[derive(Debug)]
pub struct FixedLiveness {
    me: Owner,
    others: Mutex<OwnerState>,
}

impl FixedLiveness {
    /// This owner, who thinks so of all others.
    pub fn new(me: Owner, others: OwnerState) -> Self {
        Self { me, others: Mutex::new(others) }
    }

    /// A process with this id on a host of the test.
    pub fn process(pid: u32, others: OwnerState) -> Self {
        let boot_id = "00000000-0000-4000-8000-000000000000".to_owned();
        Self::new(Owner::Process { host: "test-host".to_owned(), boot_id, pid, start_time: u64::from(pid) }, others)
    }

    /// Changes what it says of others.
    pub fn set_others(&self, others: OwnerState) {
        *self.others.lock().unwrap_or_else(PoisonError::into_inner) = others;
    }
}

#[async_trait]
impl Liveness for FixedLiveness {
    fn me(&self) -> Owner {
        self.me.clone()
    }

    async fn owner_state(&self, owner: &Owner) -> OwnerState {
        if *owner == self.me {
            return OwnerState::Alive;
        }
        *self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
