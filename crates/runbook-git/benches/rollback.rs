//! What `cargo xtask bench rollback` measures: opens a repository, resolves a version and records one rollback to it,
//! as the stage `rollback` does. Prints what that took, as JSON. Arguments: HOW REPOSITORY VERSION BRANCH.
//!
//! HOW `run`: the process has asked the repository before, as a run has that made a plan. HOW `process`: it has not,
//! and is itself what is timed.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use runbook_core::{
    Release, ReleaseId,
    engine::Permit,
    event::Operation,
    ports::{RollbackBranch, VersionControl},
};
use runbook_git::GitRepository;
use runbook_testkit::conformance::permitted;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [how, folder, version, branch] = arguments.as_slice() else {
        println!("see `cargo xtask bench rollback`");
        return Ok(());
    };
    let folder = Path::new(folder);
    // As the face does it: one thread is enough for waiting.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let took = runtime.block_on(roll_back(how, folder, version, branch))?;
    println!("{}", json!({ "took_ms": took.as_secs_f64() * 1e3 }));
    Ok(())
}

async fn roll_back(how: &str, folder: &Path, version: &str, branch: &str) -> Result<Duration, Box<dyn Error>> {
    if how == "run" {
        GitRepository::open(folder)?.resolve(version).await?;
    }
    // Leave is the engine's to give, and no part of the commit.
    let to = Release { id: ReleaseId::new(version)?, commit: None };
    let operation = Operation::RollbackBranch { branch: branch.to_owned(), to };
    permitted(operation, async |permit| record(&permit, folder, version, branch).await).await
}

async fn record(permit: &Permit, folder: &Path, version: &str, branch: &str) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    let repository = GitRepository::open(folder)?;
    let resolved = repository.resolve(version).await?;
    let rollback = RollbackBranch {
        branch: branch.to_owned(),
        to: resolved.commit,
        keep: vec![".github/workflows/".to_owned(), "runbook.toml".to_owned()],
        only: Vec::new(),
        message: format!("Roll back to {version}"),
        push_to: None,
    };
    repository.rollback_branch(permit, &rollback).await?;
    Ok(started.elapsed())
}
