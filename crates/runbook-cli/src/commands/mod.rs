//! One file for each family of commands. Each asks the engine and hands what came back to the output.

mod act;
mod answer;
mod dispatch;
mod doctor;
mod event;
mod history;
mod init;
mod lock;
mod look;
mod monitoring;
mod patience;
mod recover;
mod repeat;
mod runs;
mod schema;
mod stage;
mod workflow;

pub(crate) use dispatch::run;
