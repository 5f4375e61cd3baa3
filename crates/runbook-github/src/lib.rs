//! The forge: GitHub's side of Runbook.
//!
//! [`StatusIssue`] keeps exactly one status issue current, [`ActionsEnvironment`] tells what GitHub Actions says about
//! the job that runs, and [`outputs`] and [`commands`] hand summaries, outputs and warnings back to it.
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
pub mod commands;
mod issue;
pub mod outputs;
mod repository;

pub use actions::ActionsEnvironment;
pub use issue::{Deadlines, IssueSettings, SettingsError, StatusIssue};
pub use repository::RepositoryError;
