//! What an update costs where nothing but the status changes: one request to look, one to change.

use runbook_core::ports::IssueUpdate;
use runbook_github::StatusIssue;
use runbook_testkit::github::{FakeGitHub, Grant};

use crate::support::{Scene, publish, settings, update, update_of_known, view};

/// How many requests an update takes, as it says and as GitHub counted them.
async fn cost(scene: &Scene, update: &IssueUpdate) -> u64 {
    scene.github.forget_requests();
    // As each run has it: a process of its own, that has asked nothing before.
    let tracker = StatusIssue::new(settings(&scene.github, &scene.github.token())).unwrap();
    let said = publish(&tracker, update).await.unwrap().requests;
    assert_eq!(said, scene.github.requests().len() as u64, "{:?}", scene.github.requests());
    said
}

#[tokio::test]
async fn a_known_issue_takes_one_request_and_a_change_two() {
    let grants = [Grant::user("runbook[bot]"), Grant::installation("github-actions[bot]")];
    for grant in grants {
        let scene = Scene::of(FakeGitHub::builder().grant(grant)).await;
        for n in 0..150 {
            scene.github.add_issue(&format!("issue {n}"), "", &["runbook"], "octocat");
        }
        let number = scene.published().await;
        let known = update_of_known(&scene.github, number);
        assert_eq!(cost(&scene, &known).await, 1, "nothing changed");
        let changed = IssueUpdate { view: view(1), ..known };
        assert_eq!(cost(&scene, &changed).await, 2);
        assert_eq!(cost(&scene, &changed).await, 1);
    }
}

#[tokio::test]
async fn a_job_without_a_journal_takes_no_more() {
    let scene = Scene::of(FakeGitHub::builder().grant(Grant::installation("github-actions[bot]"))).await;
    for n in 0..50 {
        scene.github.add_issue(&format!("issue {n}"), "", &[], "octocat");
    }
    scene.published().await;
    assert_eq!(cost(&scene, &IssueUpdate { view: view(1), ..update() }).await, 2);
}

#[tokio::test]
async fn a_comment_takes_two_more() {
    let scene = Scene::of(FakeGitHub::builder().grant(Grant::installation("github-actions[bot]"))).await;
    let number = scene.published().await;
    let told = IssueUpdate { view: view(1), comment: true, ..update_of_known(&scene.github, number) };
    assert_eq!(cost(&scene, &told).await, 4);
}

#[tokio::test]
async fn what_was_read_before_is_asked_for_only_if_it_changed() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    let known = update_of_known(&scene.github, number);
    scene.publish(&known).await.unwrap();
    scene.github.forget_requests();

    assert_eq!(scene.publish(&known).await.unwrap().requests, 1);
    let look = scene.github.requests().remove(0);
    assert!(look.header("if-none-match").is_some_and(|etag| etag.starts_with("W/")), "{look:?}");
    assert_eq!(look.status, Some(304), "GitHub does not count it");

    scene.github.close_issue(number);
    assert_eq!(scene.publish(&known).await.unwrap().requests, 3, "the list, the issue itself, and the change");
    assert!(scene.github.issue(number).unwrap().open, "what changed is seen");
}
