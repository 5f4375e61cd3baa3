//! The client that the adapters use understands every answer.

use octocrab::{
    Octocrab,
    models::{IssueState, issues::IssueStateReason},
    params::{self, repos::Reference},
};
use runbook_testkit::github::{FakeGitHub, Fault, FaultKind};

fn octocrab(github: &FakeGitHub) -> Octocrab {
    Octocrab::builder()
        .base_uri(github.url())
        .unwrap()
        .personal_token(github.token())
        .add_retry_config(octocrab::service::middleware::retry::RetryConfig::None)
        .build()
        .unwrap()
}

#[tokio::test]
async fn issues() {
    let github = FakeGitHub::start().await;
    let crab = octocrab(&github);
    let issues = crab.issues("octo-org", "octo-repo");
    let made = issues.create("Status").body("hello").labels(vec!["runbook".to_owned()]).send().await.unwrap();
    assert_eq!((made.number, made.state, made.body.as_deref()), (1, IssueState::Open, Some("hello")));
    assert_eq!(made.labels[0].name, "runbook");
    for at in 0..40 {
        github.add_issue(&format!("noise {at}"), "", &[], "octocat");
    }
    github.add_pull_request("a change", "", "octocat");

    let page = issues.list().state(params::State::All).per_page(25).send().await.unwrap();
    assert_eq!((page.items.len(), page.number_of_pages()), (25, Some(2)));
    let all = crab.all_pages(page).await.unwrap();
    assert_eq!(all.len(), 42);
    assert_eq!(all.iter().filter(|issue| issue.pull_request.is_some()).count(), 1);

    let closed =
        issues.update(1).state(IssueState::Closed).state_reason(IssueStateReason::NotPlanned).send().await.unwrap();
    assert_eq!((closed.state, closed.state_reason), (IssueState::Closed, Some(IssueStateReason::NotPlanned)));
    assert_eq!(closed.closed_by.unwrap().login, "runbook[bot]");
    let reopened = issues.update(1).state(IssueState::Open).body("new").send().await.unwrap();
    assert_eq!(reopened.state_reason, Some(IssueStateReason::Reopened));
    assert_eq!(issues.get(1).await.unwrap().body.as_deref(), Some("new"));
}

#[tokio::test]
async fn comments_labels_and_reactions() {
    let github = FakeGitHub::start().await;
    let crab = octocrab(&github);
    let number = github.add_issue("Status", "", &[], "octocat");
    let issues = crab.issues("octo-org", "octo-repo");
    let comment = issues.create_comment(number, "hello").await.unwrap();
    assert_eq!(issues.update_comment(comment.id, "edited").await.unwrap().body.as_deref(), Some("edited"));
    assert_eq!(issues.list_comments(number).send().await.unwrap().items.len(), 1);
    issues.create_comment_reaction(*comment.id, octocrab::models::reactions::ReactionContent::Eyes).await.unwrap();
    issues.create_label("a-label", "0e8a16", "described").await.unwrap();
    assert_eq!(issues.get_label("a-label").await.unwrap().color, "0e8a16");
    assert_eq!(issues.add_labels(number, &["a-label".to_owned()]).await.unwrap().len(), 1);
    assert_eq!(issues.list_labels_for_repo().send().await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn repository_refs_and_checks() {
    let github = FakeGitHub::start().await;
    let crab = octocrab(&github);
    let repos = crab.repos("octo-org", "octo-repo");
    assert_eq!(repos.get().await.unwrap().full_name.as_deref(), Some("octo-org/octo-repo"));
    let sha = github.git_ref("refs/heads/main").unwrap();
    repos.create_ref(&Reference::Branch("side".to_owned()), &sha).await.unwrap();
    repos.get_ref(&Reference::Branch("side".to_owned())).await.unwrap();
    github.set_status(&sha, "ci", "success");
    let status = repos.combined_status_for_ref(&Reference::Branch("main".to_owned())).await.unwrap();
    assert_eq!((status.state, status.total_count), (octocrab::models::StatusState::Success, 1));
    github.add_check_run(&sha, "build", "completed", Some("success"));
    let checks = crab.checks("octo-org", "octo-repo");
    let runs = checks.list_check_runs_for_git_ref(params::repos::Commitish(sha)).send().await.unwrap();
    assert_eq!(runs.check_runs[0].conclusion.as_deref(), Some("success"));
}

#[tokio::test]
async fn workflows_and_users() {
    let github = FakeGitHub::start().await;
    let crab = octocrab(&github);
    let workflow = github.add_workflow("runbook.yml", "Runbook", true);
    github.set_workflow_run(77, workflow, 1, "completed", Some("success"));
    let actions = crab.actions();
    let inputs = serde_json::json!({ "action": "rollback" });
    actions
        .create_workflow_dispatch("octo-org", "octo-repo", "runbook.yml", "main")
        .inputs(inputs)
        .send()
        .await
        .unwrap();
    assert_eq!(github.dispatched_inputs()[0]["action"], "rollback");
    let workflows = crab.workflows("octo-org", "octo-repo");
    assert_eq!(workflows.list().send().await.unwrap().items[0].name, "Runbook");
    assert_eq!(workflows.get(77_u64.into()).await.unwrap().conclusion.as_deref(), Some("success"));
    assert_eq!(crab.current().user().await.unwrap().login, "runbook[bot]");
}

#[tokio::test]
async fn errors_and_deployments() {
    let github = FakeGitHub::start().await;
    let crab = octocrab(&github);
    let error = crab.issues("octo-org", "octo-repo").create("t").body("x".repeat(65_537)).send().await.unwrap_err();
    let octocrab::Error::GitHub { source, .. } = error else { panic!("{error:?} is not GitHub's") };
    assert_eq!((source.status_code.as_u16(), source.errors.unwrap().len()), (422, 1));
    github.fail(Fault::new(FaultKind::LostResponse).on("POST", "/issues"));
    assert!(crab.issues("octo-org", "octo-repo").create("t").send().await.is_err());
    assert_eq!(github.issues().len(), 1);

    let order = serde_json::json!({ "ref": "main", "environment": "staging" });
    let made: serde_json::Value = crab.post("/repos/octo-org/octo-repo/deployments", Some(&order)).await.unwrap();
    assert_eq!(made["environment"], "staging");
}
