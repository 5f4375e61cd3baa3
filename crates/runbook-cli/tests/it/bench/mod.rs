//! What the tests stand on: `world` is a repository and a machine, `service` what runs on it, `ran` what a command did.

mod ran;
mod service;
mod world;

pub(crate) use ran::{Ran, stage};
pub(crate) use service::Service;
pub(crate) use world::{CONFIG, World, end};
