//! Making and changing the issue, also when answers are lost.

use std::{sync::Arc, time::Duration};

use runbook_core::{LeftBehind, ports::IssueUpdate};
use runbook_github::{Deadlines, StatusIssue};
use runbook_render::{Renderer, document_of_issue};
use runbook_testkit::github::{Fault, FaultKind};
use serde_json::Value;

use crate::support::{LABELS, Scene, marker, publish, settings, update, update_of, view};

#[tokio::test]
async fn made_once_with_title_labels_and_marker() {
    let scene = Scene::new().await;
    let published = scene.publish(&update()).await.unwrap();
    assert!(published.created);
    let issue = scene.github.issue(published.number).unwrap();
    assert_eq!(issue.title, "🤖 AI Agent Autonomous Runbook Status");
    assert_eq!(issue.labels, LABELS);
    assert!(issue.body.unwrap().starts_with(&marker()));
    assert_eq!(published.url, format!("{}/octo-org/octo-repo/issues/{}", scene.github.url(), published.number));

    let again = scene.publish(&update()).await.unwrap();
    assert_eq!((again.number, again.created), (published.number, false));
    assert_eq!(scene.github.issues().len(), 1);
}

#[tokio::test]
async fn what_is_current_already_is_not_written_again() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    // As GitHub's page sends it after an edit by hand.
    scene.github.change_issue(number, |issue| issue.body = issue.body.take().map(|body| body.replace('\n', "\r\n")));
    scene.publish(&update_of(number)).await.unwrap();
    assert_eq!(scene.calls("PATCH"), [""; 0]);
}

#[tokio::test]
async fn only_what_differs_is_changed_and_labels_of_people_stay() {
    let scene = Scene::new().await;
    scene.github.add_issue("a bug", "", &["Runbook", "pinned"], "octocat");
    let number = scene.published().await;
    scene.github.change_issue(number, |issue| {
        issue.title = "renamed".to_owned();
        issue.labels = vec!["Runbook".to_owned(), "pinned".to_owned()];
    });
    scene.publish(&update_of(number)).await.unwrap();
    let patch = scene.github.requests().into_iter().find(|call| call.method == "PATCH").unwrap().json();
    let keys: Vec<&String> = patch.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["title", "labels"]);
    assert_eq!(patch["labels"], serde_json::json!(["Runbook", "pinned", "ai-agent", "automated"]));
}

#[tokio::test]
async fn a_closed_issue_is_reopened_in_the_same_change() {
    let scene = Scene::new().await;
    let number = scene.published().await;
    scene.github.close_issue(number);
    let mut update = update_of(number);
    update.view = view(1);
    scene.publish(&update).await.unwrap();
    let issue = scene.github.issue(number).unwrap();
    assert!(issue.open && issue.body.unwrap().contains("Service 0"));
    assert_eq!(scene.calls("PATCH").len(), 1);
}

#[tokio::test]
async fn a_lost_answer_of_the_creation_leaves_one_issue() {
    for kind in [FaultKind::LostResponse, FaultKind::Truncated] {
        let scene = Scene::new().await;
        scene.github.fail(Fault::new(kind.clone()).on("POST", "/issues"));
        let published = scene.publish(&update()).await.unwrap();
        assert!(published.created, "{kind:?}");
        assert_eq!(scene.github.issues().len(), 1, "{kind:?}");
        assert_eq!(scene.calls("POST").len(), 1, "{kind:?}: it was not repeated");
    }
}

#[tokio::test]
async fn a_502_for_a_creation_that_happened_leaves_one_issue() {
    let scene = Scene::new().await;
    scene.github.fail(Fault::new(FaultKind::Html { code: 502 }).on("POST", "/issues").carried_out(true));
    assert!(scene.publish(&update()).await.unwrap().created);
    assert_eq!(scene.github.issues().len(), 1);
}

#[tokio::test]
async fn a_creation_that_is_not_to_be_seen_is_unknown_and_not_repeated() {
    for kind in [FaultKind::LostRequest, FaultKind::Html { code: 200 }, FaultKind::Html { code: 502 }] {
        let scene = Scene::new().await;
        scene.github.fail(Fault::new(kind.clone()).on("POST", "/issues"));
        let error = scene.publish(&update()).await.unwrap_err();
        assert_eq!(error.left, LeftBehind::Unknown, "{kind:?}: {error}");
        assert_eq!(scene.calls("POST").len(), 1, "{kind:?}");
        assert!(scene.publish(&update()).await.unwrap().created, "{kind:?}: the next update mends it");
    }
}

#[tokio::test]
async fn a_creation_without_an_end_is_given_up_and_unknown() {
    let scene = Scene::new().await;
    let mut settings = settings(&scene.github, &scene.github.token());
    let call = Duration::from_millis(200);
    settings.deadlines = Deadlines { call, ..settings.deadlines };
    scene.github.fail(Fault::new(FaultKind::Hang).on("POST", "/issues"));
    let error = publish(&StatusIssue::new(settings).unwrap(), &update()).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::Unknown, true));
    assert!(error.message.contains("did not answer within 200ms"), "{error}");
}

#[tokio::test]
async fn the_deadline_of_the_whole_update_holds() {
    let scene = Scene::new().await;
    let mut settings = settings(&scene.github, &scene.github.token());
    settings.deadlines.upsert = Duration::from_millis(100);
    scene.github.fail(Fault::new(FaultKind::Delay(Duration::from_millis(150))).on("GET", "/issues").always());
    let started = std::time::Instant::now();
    let error = publish(&StatusIssue::new(settings).unwrap(), &update()).await.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange, "{error}");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(scene.github.issues().len(), 0);
}

#[tokio::test]
async fn a_lost_answer_of_a_change_is_looked_up() {
    let scene = Scene::new().await;
    let number = scene.add_status_issue("runbook[bot]");
    scene.github.fail(Fault::new(FaultKind::LostResponse).on("PATCH", "/issues"));
    scene.publish(&update_of(number)).await.unwrap();
    assert_eq!(scene.calls("PATCH").len(), 1);

    scene.github.fail(Fault::new(FaultKind::LostRequest).on("PATCH", "/issues"));
    let mut changed = update_of(number);
    changed.view = view(1);
    let error = scene.publish(&changed).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::Unknown, true), "{error}");
}

#[tokio::test]
async fn an_issue_that_is_deleted_meanwhile_is_no_missing_repository() {
    let scene = Scene::new().await;
    let number = scene.add_status_issue("runbook[bot]");
    scene.github.fail(Fault::status(410, "This issue was deleted").on("PATCH", "/issues"));
    let error = scene.publish(&update_of(number)).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, true));
    assert!(error.message.contains("was deleted or moved meanwhile"), "{error}");
}

#[tokio::test]
async fn the_body_always_fits_and_reads_back() {
    let scene = Scene::new().await;
    for services in [0, 1, 100, 3_000] {
        let mut update = update();
        update.view = view(services);
        let number = scene.publish(&update).await.unwrap().number;
        let body = scene.github.issue(number).unwrap().body.unwrap();
        assert!(body.chars().count() < 65_536, "{services} services: {} characters", body.chars().count());
        assert_eq!(document_of_issue(&body).unwrap().project, "Forge");
    }
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_costs_a_warning_and_no_report() {
    let scene = Scene::new().await;
    let mut settings = settings(&scene.github, &scene.github.token());
    let own = [("header.md.hbs".to_owned(), "{{misspelt}}".to_owned())].into();
    settings.renderer = Arc::new(Renderer::with_overrides(&own).unwrap());
    let tracker = StatusIssue::new(settings).unwrap().warning(["known before".to_owned()]);
    let published = publish(&tracker, &IssueUpdate { comment: true, ..update() }).await.unwrap();
    let [before, now] = &published.warnings[..] else { panic!("{published:?}") };
    assert_eq!(before, "known before");
    assert!(now.starts_with("template header.md.hbs:1:") && now.ends_with("the built-in text was used"), "{now}");
    let body = scene.github.issue(published.number).unwrap().body.unwrap();
    assert!(body.contains("**Operational Status**"), "{body}");
}

#[tokio::test]
async fn the_token_travels_in_its_header_alone() {
    let scene = Scene::new().await;
    scene.published().await;
    for call in scene.github.requests() {
        assert_eq!(call.header("authorization"), Some("Bearer ***"));
        assert!(!call.query.contains(&scene.github.token()) && !call.body.contains(&scene.github.token()));
    }
    let wanted: Value = scene.github.requests().into_iter().find(|call| call.method == "POST").unwrap().json();
    assert_eq!(wanted.as_object().unwrap().len(), 3);
}
