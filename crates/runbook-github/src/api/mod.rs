//! Calls to GitHub's REST API: bounded in time and size, honest about what is not known afterwards, and never repeated
//! unless a repeat cannot change anything twice.

mod client;
mod failure;
mod limits;
mod wire;

pub(crate) use client::Api;
pub(crate) use failure::Failure;
pub(crate) use wire::{Comment, Issue, User};
