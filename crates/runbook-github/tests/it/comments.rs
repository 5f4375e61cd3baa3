//! Comments notify people: each is posted once, and only when one is due.

use runbook_core::{LeftBehind, ports::IssueUpdate};
use runbook_testkit::github::{Fault, FaultKind};

use crate::support::{RUN, Scene, update, update_of};

fn with_comment() -> IssueUpdate {
    IssueUpdate { comment: true, ..update() }
}

#[tokio::test]
async fn none_where_none_is_due() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    assert_eq!(scene.github.comments(number).len(), 0);
}

#[tokio::test]
async fn a_repeat_of_the_same_run_says_nothing_twice() {
    let scene = Scene::new().await;
    let number = scene.publish(&with_comment()).await.unwrap().number;
    scene.publish(&with_comment()).await.unwrap();
    let said = scene.github.comments(number);
    assert_eq!(said.len(), 1);
    assert!(said[0].body.starts_with(&format!("<!-- runbook:run:{RUN} -->\n\n### ")), "{}", said[0].body);

    let mut next = with_comment();
    next.view.run = "0190a1b2-0000-7000-8000-000000000002".parse().unwrap();
    scene.publish(&next).await.unwrap();
    assert_eq!(scene.github.comments(number).len(), 2, "another run is another comment");
}

#[tokio::test]
async fn a_comment_behind_250_others_is_found() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    for n in 0..250 {
        scene.github.add_comment(number, &format!("chat {n}"), "octocat");
    }
    scene.publish(&with_comment()).await.unwrap();
    scene.publish(&with_comment()).await.unwrap();
    assert_eq!(scene.github.comments(number).len(), 251);
}

#[tokio::test]
async fn a_lost_answer_leaves_one_comment() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    scene.github.fail(Fault::new(FaultKind::LostResponse).on("POST", "/comments"));
    scene.publish(&with_comment()).await.unwrap();
    assert_eq!(scene.github.comments(number).len(), 1);
}

#[tokio::test]
async fn a_comment_that_is_not_to_be_seen_is_unknown() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    scene.github.fail(Fault::new(FaultKind::LostRequest).on("POST", "/comments"));
    let error = scene.publish(&with_comment()).await.unwrap_err();
    assert_eq!(error.left, LeftBehind::Unknown);
    assert!(error.message.contains(&format!("comment on the status issue #{number}")), "{error}");
    scene.publish(&with_comment()).await.unwrap();
    assert_eq!(scene.github.comments(number).len(), 1);
}

#[tokio::test]
async fn a_stranger_cannot_silence_a_comment() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    scene.github.add_comment(number, &format!("<!-- runbook:run:{RUN} -->"), "mallory");
    scene.publish(&with_comment()).await.unwrap();
    assert_eq!(scene.github.comments(number).len(), 2);
}

#[tokio::test]
async fn a_refused_comment_leaves_what_the_update_did() {
    let scene = Scene::new().await;
    let number = scene.add_status_issue("runbook[bot]");
    scene
        .github
        .fail(Fault::status(403, "Unable to create comment because issue is locked.").on("POST", "/comments").times(2));
    let first = scene.publish(&with_comment()).await.unwrap_err();
    assert_eq!(first.left, LeftBehind::Changed, "the body was written");
    assert!(first.message.contains("issue is locked"), "{first}");
    let again = IssueUpdate { comment: true, ..update_of(number) };
    assert_eq!(scene.publish(&again).await.unwrap_err().left, LeftBehind::NoChange, "nothing was left to write");
}
