//! What is known of a service beside its health, in words: its cause, maintenance, alerts, certificate, comparison and
//! suspects (`service`), and its last hours as figures and signs (`share`).
//!
//! Words only: how many of them a place shows is decided by its level of detail, and they are not yet escaped.

mod service;
mod share;

pub(crate) use service::{Depth, Fact, FactKind, because, facts, maintenance, release_before, suspects, taken_back};
pub(crate) use share::{coverage_percent, observed, percent, sparkline};
