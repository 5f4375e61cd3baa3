//! What the tests stand on: `world` is a repository and a machine, `service` what runs on it, `ran` what a command did,
//! `frozen` a world to go back to, `disk` a disk that gets full, `wait` patience with an end.

mod disk;
mod frozen;
mod ran;
mod service;
mod wait;
mod world;

pub(crate) use disk::Disk;
pub(crate) use ran::{Ran, stage};
pub(crate) use service::Service;
pub(crate) use wait::{LONGEST, until};
pub(crate) use world::{CONFIG, World, end};
