//! Calls to GitHub's REST API: bounded in time and size, honest about what is not known afterwards, and never repeated
//! unless a repeat cannot change anything twice.

mod auth;
mod client;
mod failure;
mod limits;
mod proxy;
mod seen;
mod wire;

pub(crate) use auth::{Allowed, Auth};
pub(crate) use client::{Api, Heard};
pub(crate) use failure::Failure;
pub use proxy::Proxies;
pub(crate) use wire::{Comment, Issue, Permission, User};
