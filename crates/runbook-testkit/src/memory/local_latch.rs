//! The stop latch's fallback, in memory.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use runbook_core::{
    ports::{LocalLatch, LocalLatchError},
    state::Latch,
};

/// A latch that lives as long as its last clone: clones are other processes of the same machine.
#[derive(Debug, Clone, Default)]
pub struct MemoryLatch {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    latch: Option<Latch>,
    broken: bool,
}

impl MemoryLatch {
    /// A latch that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every call fail, as on a full or unreadable disk, or work again.
    pub fn set_broken(&self, broken: bool) {
        self.lock().broken = broken;
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn whole(&self, doing: &'static str) -> Result<MutexGuard<'_, Shared>, LocalLatchError> {
        let shared = self.lock();
        if shared.broken {
            let source = io::Error::other("as the test ordered");
            return Err(LocalLatchError { doing, place: "the memory of this test".to_owned(), source });
        }
        Ok(shared)
    }
}

#[async_trait]
impl LocalLatch for MemoryLatch {
    async fn set(&self, latch: &Latch) -> Result<(), LocalLatchError> {
        self.whole("set")?.latch.get_or_insert_with(|| latch.clone());
        Ok(())
    }

    async fn read(&self) -> Result<Option<Latch>, LocalLatchError> {
        Ok(self.whole("read")?.latch.clone())
    }

    async fn clear(&self) -> Result<(), LocalLatchError> {
        self.whole("lift")?.latch = None;
        Ok(())
    }
}
