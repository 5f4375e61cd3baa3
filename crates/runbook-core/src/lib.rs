//! The runbook itself: its words, events, folds, plans, decisions, engine and ports.
//!
//! A [`Request`] becomes a [`plan`], the [`engine`] carries it out through [`ports`], every fact becomes an
//! [`event`], and two folds in [`state`] are all the state there is. What could not be measured is `unknown`, and
//! unknown is never success. Adapters bring the outside world; nothing here opens a socket.
//!
//! Without the feature `engine` this crate is plain data, for whoever only reads reports, events and status:
//!
//! ```
//! use runbook_core::{Health, OperationalStatus, StatusReason, operational_status};
//!
//! let services = [
//!     StatusReason { name: "api", critical: true, health: Health::Healthy, because_of: None, maintenance: false },
//!     StatusReason { name: "search", critical: false, health: Health::Unknown, because_of: None, maintenance: false },
//! ];
//! let (status, reasons) = operational_status(services, false);
//! assert_eq!(status, OperationalStatus::Degraded);
//! assert_eq!(reasons, ["search is unknown"]);
//! ```

#[cfg(feature = "engine")]
pub mod config;
mod doctor;
#[cfg(feature = "engine")]
pub mod engine;
pub mod event;
pub mod plan;
#[cfg(feature = "engine")]
pub mod ports;
#[cfg(feature = "engine")]
pub mod redact;
#[cfg(feature = "engine")]
pub mod registry;
mod report;
#[cfg(feature = "engine")]
pub mod stages;
pub mod state;
mod status;
#[cfg(feature = "engine")]
pub mod watch;
mod words;

pub use doctor::{DoctorDocument, Finding, FindingLevel};
#[cfg(feature = "engine")]
pub use redact::{Redactor, Secret};
pub use report::{IssueRow, NotificationRow, ReleasesRow, Report};
pub use status::{
    Permission, ReturnRow, RollbackRow, ServiceFacts, ServiceRow, StageRow, StatusContext, StatusDocument, StatusView,
    SuggestedCommand, current_status, service_rows, status_of_rows,
};
pub use words::*;
