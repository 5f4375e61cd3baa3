//! The program that `cargo xtask bench rollback` times as a whole: it opens a repository, resolves a version and
//! records one rollback to it, as the stage `rollback` does. Arguments: REPOSITORY VERSION BRANCH.

use std::{error::Error, path::Path};

use runbook_core::{
    event::Operation,
    ports::{RollbackBranch, VersionControl},
};
use runbook_git::GitRepository;
use runbook_testkit::conformance::permitted;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [folder, version, branch] = arguments.as_slice() else {
        println!("see `cargo xtask bench rollback`");
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(roll_back(Path::new(folder), version, branch))
}

async fn roll_back(folder: &Path, version: &str, branch: &str) -> Result<(), Box<dyn Error>> {
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
    let operation = Operation::RollbackBranch { branch: branch.to_owned(), to: resolved.release };
    permitted(operation, async |permit| repository.rollback_branch(&permit, &rollback).await).await?;
    Ok(())
}
