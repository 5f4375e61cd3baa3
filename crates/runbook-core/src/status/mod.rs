//! What a picture may show: [`StatusView`] holds all of it, and `runbook/status/v1` is its short form for programs.
//!
//! Nothing here is text for a certain place; the crate `runbook-render` turns a view into Markdown and chats.

mod commands;
mod context;
mod current;
mod document;
mod rows;
mod view;

pub use commands::{Permission, SuggestedCommand};
pub use context::{ServiceFacts, StatusContext};
pub(crate) use current::alerting_status;
pub use current::{current_status, status_of_rows};
pub use document::StatusDocument;
pub(crate) use rows::id_of;
pub use rows::{ReturnRow, RollbackRow, ServiceRow, StageRow, service_rows};
pub use view::StatusView;
