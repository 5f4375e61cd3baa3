//! What a person reads, as snapshots; and what must hold of it whatever a view says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end at the first surprise")]

mod budget;
mod chats;
mod comment;
mod escapes;
mod findings;
mod issue;
mod monitoring;
mod overrides;
mod payloads;
mod pull_requests;
mod replies;
mod reports;
mod terminal;
mod views;
mod workflow;
