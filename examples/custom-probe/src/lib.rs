//! A kind of probe of one's own: [`DiskSpace`] measures how much room a file system has left. The program beside it
//! registers the kind, and a closure as another one, and keeps every command of Runbook.
//!
//! ```
//! use custom_probe::DiskSpace;
//! use runbook_core::registry::Registry;
//!
//! let mut registry = Registry::default();
//! registry.probe::<DiskSpace>();
//! assert!(registry.schemas()["probe"].contains_key("disk-space"), "with its keys, for editors");
//! ```

mod disk_space;

pub use disk_space::{Counted, DiskSpace, DiskSpaceSettings};
