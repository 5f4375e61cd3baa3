//! One file for each family of commands. Each asks the engine and hands what came back to the output.

mod act;
mod dispatch;
mod history;
mod init;
mod lock;
mod look;
mod monitoring;
mod recover;
mod runs;
mod schema;
mod stage;

pub(crate) use dispatch::run;
