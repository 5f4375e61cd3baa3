//! Files that several processes share: written whole or not at all, guarded by locks of the kernel.

mod atomic;
mod holders;
mod lock;
mod state_dir;

pub(crate) use atomic::{sync_folder, write_atomically};
pub(crate) use holders::holders;
pub(crate) use lock::{FileLock, is_held};
pub use state_dir::{StateDirError, prepare_state_dir};
