//! The forge: GitHub's side of Runbook.
//!
//! A [`Connection`] is the way to one repository at one GitHub, with a token or as a GitHub App. [`StatusIssue`] keeps
//! exactly one status issue current there, [`ActionsEnvironment`] tells what GitHub Actions says about the job that runs,
//! and [`outputs`] and [`commands`] hand summaries, outputs and warnings back to it.
//!
//! It renders nothing (that is `runbook-render`), decides nothing (that is `runbook-core`), and knows no other forge.
//!
//! ```
//! use runbook_core::{ActorKind, registry::Lookup};
//! use runbook_github::ActionsEnvironment;
//!
//! let variables = Lookup::fixed([
//!     ("GITHUB_ACTIONS", "true"),
//!     ("GITHUB_REPOSITORY", "octo/forge"),
//!     ("GITHUB_RUN_ID", "42"),
//!     ("GITHUB_EVENT_NAME", "workflow_dispatch"),
//!     ("GITHUB_ACTOR", "mona"),
//! ]);
//! let actions = ActionsEnvironment::from(&variables).expect("all that must be set is set");
//! assert_eq!(actions.origin().run_url.as_deref(), Some("https://github.com/octo/forge/actions/runs/42"));
//! assert_eq!(actions.actor().kind, ActorKind::Person);
//! ```

mod actions;
mod api;
mod checks;
pub mod commands;
mod connection;
mod deployments;
pub mod doctor;
pub mod event;
mod forge;
mod issue;
mod issue_command;
pub mod outputs;
mod pull_requests;
mod repository;

pub use actions::ActionsEnvironment;
pub use api::Proxies;
pub use connection::{AppCredentials, Connection, ConnectionSettings, Credentials};
pub use forge::GitHubForge;
pub use issue::{Deadlines, IssueSettings, SettingsError, StatusIssue};
pub use issue_command::{CommandDesk, CommandError, CommentRef, Reaction, Standing, USAGE as COMMAND_USAGE};
pub use repository::RepositoryError;
