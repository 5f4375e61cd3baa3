//! The journal's home in a file: `file` is the port, `store` the bytes.

mod file;
mod store;

pub use file::FileJournal;
