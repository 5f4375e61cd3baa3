//! `runbook.toml`: read into a tree that knows the place of everything, overlaid with the environment's tables,
//! interpolated once, and only then given types. So every error has file, line and column.
//!
//! `document` reads and overlays, `interpolate` fills variables in, `reader` gives types, `model` holds them,
//! `kinded` keeps the tables whose types a registry knows, `error` says what is wrong and where.

mod document;
mod error;
mod interpolate;
mod kinded;
mod model;
mod period;
mod reader;
mod schema;
mod tree;

pub use document::{Config, Document};
pub use error::{ConfigError, Snippet};
pub use kinded::Kinded;
pub use model::{
    CustomStage, DeployConfig, JournalConfig, JournalHome, MonitorConfig, PolicyConfig, ProjectConfig, RollbackConfig,
    ServiceConfig, StatusIssueConfig,
};
pub use period::Period;
pub use schema::config_schema;

#[cfg(test)]
mod tests;
