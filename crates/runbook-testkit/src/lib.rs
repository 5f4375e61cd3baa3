//! kit
pub mod github;
