//! `runbook.toml`: read into a tree that knows the place of everything, overlaid with the environment's tables,
//! interpolated once, and only then given types. So every error has file, line and column.
//!
//! `document` reads and overlays, `interpolate` fills variables in, `reader` gives types, `tables` reads the tables that
//! hold others, `check` checks what types cannot say, `model` and `watching` hold the result, `workflow` says what the generated workflow needs, `kinded` keeps the tables whose types a registry knows, `error` says what is wrong and where.

mod check;
mod document;
mod error;
mod github;
mod interpolate;
mod keep;
mod kinded;
mod model;
mod period;
mod reader;
mod schema;
mod tables;
mod tree;
mod watching;
mod workflow;

pub use document::{Config, Document};
pub use error::{ConfigError, Snippet};
pub use github::GithubConfig;
pub use keep::{Keep, KeepError};
pub use kinded::Kinded;
pub use model::{
    CustomStage, DeployConfig, Irreversible, JournalConfig, JournalHome, PolicyConfig, ProjectConfig, RecordConfig,
    RollbackConfig, ServiceConfig, StatusIssueConfig,
};
pub use period::Period;
pub use schema::config_schema;
pub use watching::{BaselineConfig, ControlConfig, HistoryConfig, MonitorConfig, SlowerIs};
pub use workflow::{NamedVariables, WorkflowConfig, WorkflowInstall, WorkflowLayout};

#[cfg(test)]
mod tests;
