//! A GitHub App in the place of a token.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use runbook_core::{LeftBehind, Secret};
use runbook_github::{
    AppCredentials, Connection, ConnectionSettings, Credentials, Deadlines, SettingsError, StatusIssue,
};
use runbook_render::Renderer;
use runbook_testkit::{
    VirtualClock,
    github::{AppKey, FakeGitHub, Grant, Level},
};

use crate::support::{publish, update, update_of};

/// A GitHub with an App that may write issues, and its key.
async fn scene() -> (FakeGitHub, AppKey) {
    let github = FakeGitHub::start().await;
    let key = github.add_app("watchman", Grant::user("nobody"));
    (github, key)
}

fn settings(github: &FakeGitHub, key: &AppKey) -> ConnectionSettings {
    let app = AppCredentials {
        id: key.id.to_string(),
        private_key: Secret::new(key.private_key.clone()),
        installation_id: None,
    };
    let repository = format!("{}/{}", github.owner(), github.name());
    let mut settings = ConnectionSettings::new(github.url(), repository, Credentials::App(app));
    let short = Duration::from_secs(5);
    settings.deadlines = Deadlines { connect: short, read: short, call: short, upsert: 4 * short };
    settings
}

fn tracker(settings: ConnectionSettings) -> StatusIssue {
    StatusIssue::at(&Connection::new(settings).unwrap(), Arc::new(Renderer::new().unwrap()))
}

/// The calls with this method whose path contains this.
fn calls(github: &FakeGitHub, method: &str, path: &str) -> usize {
    github.requests().iter().filter(|call| call.method == method && call.path.contains(path)).count()
}

#[tokio::test]
async fn an_app_publishes_with_one_token_for_this_repository_alone() {
    let (github, key) = scene().await;
    let tracker = tracker(settings(&github, &key));
    let number = publish(&tracker, &update()).await.unwrap().number;
    publish(&tracker, &update_of(number)).await.unwrap();
    // Without a number it is found again by its marker, because the App itself wrote it.
    assert_eq!(publish(&tracker, &update()).await.unwrap().number, number);
    assert_eq!(github.issues().len(), 1);
    assert_eq!(github.issues()[0].author, "watchman[bot]");
    assert_eq!(github.app_tokens(), 1, "a token is kept while it lasts");
    let made = github.requests().into_iter().find(|call| call.path.ends_with("/access_tokens")).unwrap();
    assert_eq!(made.json()["repositories"], serde_json::json!([github.name()]));
    assert_eq!(calls(&github, "GET", "/user"), 0, "an App is nobody's account");
}

#[tokio::test]
async fn a_known_installation_is_not_looked_up() {
    let (github, key) = scene().await;
    let mut known = settings(&github, &key);
    if let Credentials::App(app) = &mut known.credentials {
        app.installation_id = Some(key.installation_id);
        // Where a secret is one line long.
        app.private_key = Secret::new(key.private_key.trim().replace('\n', "\\n"));
    }
    publish(&tracker(known), &update()).await.unwrap();
    assert_eq!(calls(&github, "GET", "/installation"), 0);
}

#[tokio::test]
async fn a_token_that_ended_before_its_time_is_made_anew_once() {
    let (github, key) = scene().await;
    let tracker = tracker(settings(&github, &key));
    let number = publish(&tracker, &update()).await.unwrap().number;
    github.end_app_tokens();
    publish(&tracker, &update_of(number)).await.unwrap();
    assert_eq!((github.app_tokens(), github.issues().len()), (2, 1));

    // One that is never taken is not made again and again.
    github.end_app_tokens();
    let refused = runbook_testkit::github::Fault::status(401, "Bad credentials").on("GET", "/issues").always();
    github.fail(refused);
    let error = publish(&tracker, &update_of(number)).await.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange, "{error:?}");
    assert!(github.app_tokens() <= 4, "{}", github.app_tokens());
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_it_ends() {
    let (github, key) = scene().await;
    let clock = VirtualClock::new(Timestamp::now());
    let mut patient = settings(&github, &key);
    patient.clock = Arc::new(clock.clone());
    let tracker = tracker(patient);
    let number = publish(&tracker, &update()).await.unwrap().number;
    clock.advance(Duration::from_secs(57 * 60));
    publish(&tracker, &update_of(number)).await.unwrap();
    assert_eq!(github.app_tokens(), 1);
    clock.advance(Duration::from_secs(2 * 60));
    publish(&tracker, &update_of(number)).await.unwrap();
    // The fake goes by the machine's clock, so to this one its new token is soon over too.
    assert!(github.app_tokens() > 1);
}

#[tokio::test]
async fn a_key_of_another_app_is_told_and_nothing_is_done() {
    let (github, mut key) = scene().await;
    key.private_key = github.add_app("stranger", Grant::user("nobody")).private_key;
    let error = publish(&tracker(settings(&github, &key)), &update()).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, false));
    assert!(error.message.contains("App ID and private key must belong together"), "{error}");
    assert_eq!((github.issues().len(), calls(&github, "POST", "")), (0, 0));
}

#[tokio::test]
async fn a_repository_without_the_app_is_told() {
    let github = FakeGitHub::builder().repository("octo-org", "octo-repo").repository("octo-org", "other");
    let github = github.start().await.unwrap();
    let key = github.add_app("watchman", Grant::user("nobody"));
    let mut elsewhere = settings(&github, &key);
    elsewhere.repository = "octo-org/other".to_owned();
    let error = publish(&tracker(elsewhere), &update()).await.unwrap_err();
    assert!(error.message.contains("not installed for octo-org/other"), "{error}");
    assert_eq!(error.left, LeftBehind::NoChange);
}

#[tokio::test]
async fn an_app_that_may_not_write_issues_is_told_what_to_grant() {
    let github = FakeGitHub::start().await;
    let key = github.add_app("watchman", Grant::user("nobody").with("issues", Level::Read));
    let error = publish(&tracker(settings(&github, &key)), &update()).await.unwrap_err();
    assert!(error.message.contains("issues: write"), "{error}");
}

#[tokio::test]
async fn what_is_no_app_is_refused_before_anything_is_sent_and_never_shown() {
    let (github, key) = scene().await;
    let mut no_id = settings(&github, &key);
    let mut no_key = settings(&github, &key);
    if let Credentials::App(app) = &mut no_id.credentials {
        app.id = "Iv23liAAAAAAAAAAAAAA".to_owned();
    }
    if let Credentials::App(app) = &mut no_key.credentials {
        app.private_key = Secret::new("-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5\n-----END RSA PRIVATE KEY-----\n");
    }
    assert!(!format!("{no_id:?}").contains(&key.private_key[40..80]));
    assert_eq!(Connection::new(no_id).unwrap_err(), SettingsError::AppId);
    assert_eq!(Connection::new(no_key).unwrap_err(), SettingsError::AppKey);
    assert!(github.requests().is_empty());
}
