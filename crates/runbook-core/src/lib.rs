//! core
pub mod event;
pub mod plan;
mod report;
pub mod state;
mod status;
mod words;

pub use report::{IssueRow, NotificationRow, ReleasesRow, Report, ReturnRow, RollbackRow, StageRow};
pub use status::{
    Permission, ServiceFacts, ServiceRow, StatusContext, StatusDocument, StatusView, SuggestedCommand, current_status,
    service_rows, status_of_rows,
};
pub use words::*;
