//! `cargo xtask contract`: Runbook held against what others wrote about the services that it talks to.
//!
//! `command` knows which parts there are, `parts` installs what `xtask/contract` pins, `programs` builds and runs the tests
//! that produce what is checked, `check` is one thing that holds or not. Each part is a file of its own, and each hands its
//! evidence to a script of `xtask/contract`, which knows the other's format.

mod act;
mod chats;
mod check;
mod command;
mod emulate;
mod openapi;
mod parts;
mod programs;
mod webhooks;
mod workflows;

pub(crate) use command::start;
