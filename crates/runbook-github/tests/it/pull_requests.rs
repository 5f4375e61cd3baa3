//! The pull request of a rollback's branch: one, found again, with the list of what it takes back.

use runbook_core::{
    Difference, LeftBehind, Listed, Release, ReturnRow, Reverted, RollbackRow,
    event::Operation,
    ports::{ProposedRollback, PullRequestError, PullRequests, RollbackProposal},
};
use runbook_github::GitHubForge;
use runbook_testkit::{
    conformance::{self, permitted},
    github::{Fault, FaultKind, Level},
};

use crate::{forge::Scene, support::RUN};

const BRANCH: &str = "rollback/v1.0.0+1-20261123T101500Z";

/// A GitHub to which the branch of a rollback was pushed.
async fn pushed() -> Scene {
    let scene = Scene::new().await;
    let commit = scene.github.add_commit(Some(scene.commit().as_str()));
    scene.github.set_ref(&format!("refs/heads/{BRANCH}"), &commit);
    scene
}

fn proposal() -> RollbackProposal {
    let release = |id: &str| Release { id: id.parse().unwrap(), commit: None };
    let listed = |entry: &str, more| Listed { first: vec![entry.to_owned()], more };
    let difference = Difference {
        commits: listed("a1b2c3d Close #7 @octo", 2),
        files: listed("src/pool.rs", 0),
        irreversible: Listed::default(),
    };
    let way = ReturnRow { from: "v1.1.0".parse().ok(), to: "v1.0.0".parse().unwrap() };
    RollbackProposal {
        branch: BRANCH.to_owned(),
        to: release("v1.0.0"),
        environment: "production".parse().unwrap(),
        run: RUN.parse().unwrap(),
        run_url: Some("https://ci.example.com/7".to_owned()),
        rollback: RollbackRow {
            services: [("api".parse().unwrap(), way)].into(),
            reason: "api was unhealthy".to_owned(),
            automatic: true,
            branch: Some(BRANCH.to_owned()),
            pull_request: None,
            verified: false,
            taken_back: vec![Reverted { from: release("v1.1.0"), to: release("v1.0.0"), difference, unknown: None }],
            suspects: Vec::new(),
        },
    }
}

async fn propose(forge: &GitHubForge) -> Result<ProposedRollback, PullRequestError> {
    let operation = Operation::OpenPullRequest { branch: BRANCH.to_owned() };
    permitted(operation, async |permit| forge.propose(&permit, &proposal()).await).await
}

#[tokio::test]
async fn it_keeps_the_contract_and_lists_what_it_takes_back() {
    let scene = pushed().await;
    conformance::pull_requests(&scene.forge, &proposal()).await;
    let opened = scene.github.pull_requests();
    assert_eq!(opened.len(), 1);
    assert_eq!((opened[0].head.as_str(), opened[0].base.as_str()), (BRANCH, "main"));
    let issue = scene.github.issue(opened[0].number).unwrap();
    assert_eq!(issue.title, "Roll back production to v1.0.0");
    let body = issue.body.unwrap();
    for part in
        ["v1.1.0 → v1.0.0", "3 commits and 1 file", "… and 2 more commits", "`src/pool.rs`", "automatic", "(api)"]
    {
        assert!(body.contains(part), "{part:?} is missing in {body}");
    }
    assert!(!body.contains("#7") && !body.contains("@octo"), "a commit's words call nobody and close nothing: {body}");
}

#[tokio::test]
async fn a_lost_answer_and_a_closed_one_lead_to_no_second() {
    let scene = pushed().await;
    scene.github.fail(Fault::new(FaultKind::LostResponse).on("POST", "/pulls"));
    let first = propose(&scene.forge).await.unwrap();
    assert!(first.created, "it is there, though nobody said so");
    scene.github.close_issue(first.number);
    let again = propose(&scene.forge).await.unwrap();
    assert_eq!((again.number, again.created), (first.number, false), "what people closed stays closed");
    assert!(!scene.github.issue(first.number).unwrap().open);
    assert_eq!(scene.github.pull_requests().len(), 1);
}

#[tokio::test]
async fn what_github_refuses_says_what_mends_it() {
    let scene = pushed().await;
    let error = propose(&scene.with("pull_requests", Level::Read)).await.unwrap_err();
    assert!(error.message.contains("grant `pull-requests: write`"), "{}", error.message);
    assert!(error.message.contains("Allow GitHub Actions to create"), "{}", error.message);
    assert_eq!(error.left, LeftBehind::NoChange);

    let bare = Scene::new().await;
    let error = propose(&bare.forge).await.unwrap_err();
    assert!(error.message.contains("422"), "the branch is not there: {}", error.message);

    scene.github.fail(Fault::status(500, "oops").on("GET", "/pulls").always());
    propose(&scene.forge).await.unwrap_err();
    assert!(scene.github.pull_requests().is_empty(), "a list that failed is no empty list");

    scene.github.heal();
    scene.github.fail(Fault::new(FaultKind::LostRequest).on("POST", "/pulls"));
    let error = propose(&scene.forge).await.unwrap_err();
    assert_eq!(error.left, LeftBehind::Unknown, "not listed yet is not the same as not made");
}
