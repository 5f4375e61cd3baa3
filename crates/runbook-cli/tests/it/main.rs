//! The real `runbook`, started as people and CI start it: exit codes, words, documents, and what is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on shall panic, and say what it found"
)]

mod acted;
mod actions;
mod bench;
mod chats;
mod concurrency;
mod configuration;
mod crash;
mod disk;
mod doctor;
mod dry_run;
mod environments;
mod events;
mod exit_codes;
mod forge;
mod formats;
mod gate;
mod github;
mod help;
mod history;
mod init;
mod journal;
mod published;
mod recovery;
mod rollback;
mod schemas;
mod secrets;
mod signals;
mod stages;
mod state_directory;
mod templates;
mod versions;
mod workflow;
