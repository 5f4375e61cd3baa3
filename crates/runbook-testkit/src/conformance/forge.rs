//! What every forge promises: checks, deployments, pull requests.

use runbook_core::{
    CommitId, DeploymentState, Release,
    event::Operation,
    ports::{
        CheckState, Checks, DeploymentRecord, Deployments, ProposedRollback, PullRequests, RecordedDeployment,
        RollbackProposal,
    },
};

use super::permitted;

/// Drives checks through their contract: of `commit`, `passed` names what passed and `failed` what failed.
///
/// # Panics
/// At the first broken promise.
pub async fn checks(checks: &dyn Checks, commit: &CommitId, passed: &str, failed: &str) {
    for look in ["first", "second"] {
        let found = match checks.of(commit).await {
            Ok(found) => found,
            Err(error) => panic!("the {look} look at checks that can be read must work, but gave {error:?}"),
        };
        for (name, state) in [(passed, CheckState::Passed), (failed, CheckState::Failed)] {
            let named: Vec<_> = found.iter().filter(|check| check.name == name).collect();
            assert!(!named.is_empty(), "the {look} look must see {name:?}: {found:?}");
            assert!(named.iter().all(|check| check.state == state), "{name:?} must have {state}: {named:?}");
        }
    }
}

/// Drives deployments, of which nobody has told this one yet, through their contract.
///
/// # Panics
/// At the first broken promise.
pub async fn deployments(deployments: &dyn Deployments, record: &DeploymentRecord) {
    let began = DeploymentRecord { state: DeploymentState::InProgress, known_id: None, ..record.clone() };
    let first = told(deployments, &began).await;
    assert!(first.created, "the first record must make the deployment: {first:?}");
    let again = told(deployments, &began).await;
    assert!(again.id == first.id && !again.created, "the same record must find it by run and task: {again:?}");
    let ended = DeploymentRecord { state: DeploymentState::Success, known_id: Some(first.id), ..record.clone() };
    let known = told(deployments, &ended).await;
    assert!(known.id == first.id && !known.created, "a record by id must go to that deployment: {known:?}");
    let lost = DeploymentRecord { known_id: Some(first.id + 1_000_000), ..ended };
    let found = told(deployments, &lost).await;
    assert!(
        found.id == first.id && !found.created,
        "a record whose id is gone must find it by run and task: {found:?}"
    );
}

async fn told(deployments: &dyn Deployments, record: &DeploymentRecord) -> RecordedDeployment {
    let release = Release { id: record.release.clone(), commit: Some(record.commit.clone()) };
    let operation = Operation::RecordDeployment { release, task: record.task, state: record.state };
    match permitted(operation, async |permit| deployments.record(&permit, record).await).await {
        Ok(recorded) => recorded,
        Err(error) => panic!("a deployment must be told, but gave {error:?}"),
    }
}

/// Drives pull requests, of which there is none for this branch yet, through their contract.
///
/// # Panics
/// At the first broken promise.
pub async fn pull_requests(pull_requests: &dyn PullRequests, proposal: &RollbackProposal) {
    let first = proposed(pull_requests, proposal).await;
    assert!(first.created, "the first proposal must open a pull request: {first:?}");
    assert!(first.url.starts_with("http"), "a pull request must have a page: {first:?}");
    let again = proposed(pull_requests, proposal).await;
    assert!(again.number == first.number && !again.created, "a branch must have one pull request: {again:?}");
}

async fn proposed(pull_requests: &dyn PullRequests, proposal: &RollbackProposal) -> ProposedRollback {
    let operation = Operation::OpenPullRequest { branch: proposal.branch.clone() };
    match permitted(operation, async |permit| pull_requests.propose(&permit, proposal).await).await {
        Ok(proposed) => proposed,
        Err(error) => panic!("a rollback must be proposed, but gave {error:?}"),
    }
}
