//! What GitHub refuses: each error says what mends it, what is left behind, and never the token.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runbook_core::{
    LeftBehind, Secret,
    engine::with_causes,
    ports::{Clock, IssueError},
};
use runbook_github::{SettingsError, StatusIssue};
use runbook_testkit::{
    VirtualClock,
    github::{FakeGitHub, Fault, FaultKind, Grant, Level},
};

use crate::support::{Scene, publish, settings, update, update_of};

/// All that an error shows, without the port of this test.
fn shown(scene: &Scene, error: &IssueError) -> String {
    let text = with_causes(error);
    let debug = format!("{error:?} {:?}", scene.tracker);
    assert!(!text.contains(&scene.github.token()) && !debug.contains(&scene.github.token()), "{text} {debug}");
    text.replace(&scene.github.url(), "https://api.github.com")
}

async fn refused(scene: &Scene) -> String {
    let error = scene.publish(&update()).await.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange, "{error}");
    assert!(!error.retryable, "{error}");
    assert_eq!(scene.github.issues().len(), 0);
    shown(scene, &error)
}

async fn with_fault(fault: Fault) -> Scene {
    let scene = Scene::new().await;
    scene.github.fail(fault.always());
    scene
}

#[tokio::test]
async fn each_says_what_mends_it() {
    let mut all = Vec::new();

    let scene = Scene::new().await;
    scene.github.revoke(&scene.github.token());
    all.push(refused(&scene).await);

    let reader = Grant::installation("github-actions[bot]").with("issues", Level::Read);
    all.push(refused(&Scene::of(FakeGitHub::builder().grant(reader)).await).await);

    let mut scene = Scene::new().await;
    let mut elsewhere = settings(&scene.github, &scene.github.token());
    elsewhere.repository = "octo-org/gone".to_owned();
    scene.tracker = StatusIssue::new(elsewhere).unwrap();
    all.push(refused(&scene).await);

    let scene = Scene::new().await;
    scene.github.set_issues_enabled(false);
    all.push(refused(&scene).await);

    all.push(refused(&with_fault(Fault::status(422, "Validation\nFailed").on("POST", "/issues")).await).await);
    all.push(refused(&with_fault(Fault::status(307, "Moved").on("POST", "/issues")).await).await);
    all.push(refused(&with_fault(Fault::new(FaultKind::Html { code: 200 }).on("GET", "/issues")).await).await);

    insta::assert_snapshot!(all.join("\n\n"));
}

#[tokio::test]
async fn a_github_that_is_not_there_is_known_to_have_done_nothing() {
    let scene = Scene::new().await;
    let mut nowhere = settings(&scene.github, &scene.github.token());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    nowhere.api_url = format!("http://{port}");
    let error = publish(&StatusIssue::new(nowhere).unwrap(), &update()).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, true));
    assert!(error.message.contains("could not be reached") && error.source.is_some(), "{error:?}");
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_for_once() {
    let mut scene = Scene::new().await;
    let number = scene.add_status_issue("runbook[bot]");
    let clock = VirtualClock::auto("2026-11-23T10:15:00Z".parse().unwrap());
    let mut patient = settings(&scene.github, &scene.github.token());
    patient.clock = Arc::new(clock.clone());
    scene.tracker = StatusIssue::new(patient).unwrap();
    let limit = || Fault::new(FaultKind::RateLimitedSecondary { retry_after: Some(Duration::from_secs(3)) });

    scene.github.fail(limit().on("PATCH", "/issues"));
    let before = clock.now();
    scene.publish(&update_of(number)).await.unwrap();
    let waited = clock.now().duration_since(before);
    assert!((3..=4).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(scene.calls("PATCH").len(), 2);

    scene.github.fail(limit().on("GET", "/issues").times(2));
    let error = scene.publish(&update_of(number)).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, true), "{error}");
}

#[tokio::test]
async fn a_wait_is_announced_before_it_begins() {
    let scene = Scene::new().await;
    let number = scene.add_status_issue("runbook[bot]");
    let clock = VirtualClock::auto("2026-11-23T10:15:00Z".parse().unwrap());
    let mut patient = settings(&scene.github, &scene.github.token());
    patient.clock = Arc::new(clock.clone());
    let (told, began) = (Arc::new(Mutex::new(Vec::new())), clock.now());
    let hears = Arc::clone(&told);
    let tracker = StatusIssue::new(patient).unwrap().announcing(move |line| {
        hears.lock().unwrap().push((clock.now(), line.to_owned()));
    });
    let limit = FaultKind::RateLimitedSecondary { retry_after: Some(Duration::from_secs(3)) };
    scene.github.fail(Fault::new(limit).on("PATCH", "/issues"));
    publish(&tracker, &update_of(number)).await.unwrap();
    assert_eq!(told.lock().unwrap().clone(), [(began, "GitHub's rate limit asks to wait; going on in 4 s".to_owned())]);

    // One that would take longer than anybody waits is not waited for, and so not announced.
    scene.github.fail(Fault::new(FaultKind::RateLimitedSecondary { retry_after: None }).on("GET", "/issues"));
    publish(&tracker, &update_of(number)).await.unwrap_err();
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_limited_creation_is_never_repeated() {
    let scene = Scene::new().await;
    let limit = FaultKind::RateLimitedSecondary { retry_after: Some(Duration::from_secs(1)) };
    scene.github.fail(Fault::new(limit).on("POST", "/issues"));
    let error = scene.publish(&update()).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, true), "{error}");
    assert_eq!(scene.calls("POST").len(), 1);
}

#[tokio::test]
async fn a_long_rate_limit_says_when_it_ends() {
    let scene = Scene::new().await;
    scene.github.fail(Fault::new(FaultKind::RateLimitedPrimary).on("GET", "/issues").always());
    let error = scene.publish(&update()).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, true), "{error}");
    assert!(error.message.contains("may be asked again from 20"), "{error}");
    assert_eq!(scene.github.requests().len(), 1, "it was not asked again");
}

#[tokio::test]
async fn a_token_that_is_none_is_found_before_it_is_sent() {
    let scene = Scene::new().await;
    for bad in ["", " \n", "two words", "tök", "a\nb"] {
        let error = StatusIssue::new(settings(&scene.github, bad)).unwrap_err();
        assert_eq!(error, SettingsError::Token, "{bad:?} was taken");
    }
    let pasted = Secret::new(format!("{}\n", scene.github.token()));
    publish(&StatusIssue::new(settings(&scene.github, pasted.reveal())).unwrap(), &update()).await.unwrap();
}
