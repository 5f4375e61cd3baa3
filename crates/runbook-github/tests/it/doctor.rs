//! What can be asked of GitHub about itself.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use runbook_core::{Finding, FindingLevel, Secret};
use runbook_github::{
    AppCredentials, Connection, ConnectionSettings, Credentials, Deadlines,
    doctor::{Need, Permission, Questions, examine, unasked},
};
use runbook_testkit::{
    HttpTarget, Reply, VirtualClock,
    github::{FakeGitHub, Fault, FaultKind, Grant, Level},
};

const FILE: &str = "ai-agent-handoff-runbook.yml";

fn settings(api_url: &str, credentials: Credentials) -> ConnectionSettings {
    let mut settings = ConnectionSettings::new(api_url, "octo-org/octo-repo", credentials);
    let short = Duration::from_secs(5);
    settings.deadlines = Deadlines { connect: short, read: short, call: short, upsert: 4 * short };
    settings
}

fn with_token(github: &FakeGitHub) -> ConnectionSettings {
    settings(&github.url(), Credentials::Token(Secret::new(github.token())))
}

fn questions() -> Questions {
    let need = |permission, write| Need { permission, write, without: "something is missing".to_owned() };
    Questions {
        needs: vec![
            need(Permission::Issues, true),
            need(Permission::Actions, false),
            need(Permission::Checks, false),
            need(Permission::Deployments, true),
        ],
        workflow: FILE.to_owned(),
    }
}

async fn ask(settings: ConnectionSettings) -> BTreeMap<String, Finding> {
    let found = examine(&Connection::new(settings).unwrap(), &questions()).await;
    for finding in &found {
        assert!(!finding.what.is_empty(), "{finding:?}");
        let is_well = finding.level == FindingLevel::Ok;
        assert_eq!((finding.why.is_none(), finding.mend.is_none()), (is_well, is_well), "{finding:?}");
    }
    let count = found.len();
    let by_id: BTreeMap<String, Finding> = found.into_iter().map(|finding| (finding.id.clone(), finding)).collect();
    assert_eq!(by_id.len(), count, "two findings of one name: {by_id:?}");
    by_id
}

#[track_caller]
fn level(found: &BTreeMap<String, Finding>, id: &str) -> FindingLevel {
    found.get(id).unwrap_or_else(|| panic!("nothing of {id}: {found:?}")).level
}

#[tokio::test]
async fn nothing_is_changed_and_everything_is_answered() {
    let github = FakeGitHub::start().await;
    let workflow = github.add_workflow(FILE, "AI Agent Handoff & Autonomous Runbook", true);
    github.set_workflow_run(1, workflow, 1, "completed", Some("success"));
    let found = ask(with_token(&github)).await;
    let ids: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        ids,
        [
            "clock",
            "github.repository",
            "github.token",
            "permission.actions",
            "permission.checks",
            "permission.deployments",
            "permission.issues",
            "schedule.enabled",
            "schedule.runs",
        ]
    );
    assert!(github.requests().iter().all(|call| call.method == "GET"), "{:?}", github.requests());
    assert_eq!(level(&found, "clock"), FindingLevel::Ok);
    assert_eq!(level(&found, "schedule.enabled"), FindingLevel::Ok);
    assert_eq!(level(&found, "permission.actions"), FindingLevel::Ok);
}

/// A token that may write is not told apart from one that may only read, unless it is an App's or a classic one.
#[tokio::test]
async fn what_could_not_be_asked_is_unknown() {
    let github = FakeGitHub::builder().grant(Grant::installation("github-actions[bot]")).start().await.unwrap();
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "permission.issues"), FindingLevel::Unknown);
    assert!(found["permission.issues"].mend.as_deref().unwrap().contains("issues: write"), "{found:?}");
}

#[tokio::test]
async fn a_permission_that_is_missing_is_a_problem() {
    let grant = Grant::installation("github-actions[bot]").with("issues", Level::None).with("actions", Level::None);
    let github = FakeGitHub::builder().grant(grant).start().await.unwrap();
    github.set_private(true);
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "permission.issues"), FindingLevel::Problem);
    assert_eq!(level(&found, "permission.actions"), FindingLevel::Problem);
    assert_ne!(level(&found, "schedule.enabled"), FindingLevel::Ok);
    assert_ne!(level(&found, "schedule.runs"), FindingLevel::Ok);
}

#[tokio::test]
async fn an_app_knows_its_permissions() {
    let github = FakeGitHub::start().await;
    let key = github.add_app("watchman", Grant::user("nobody").with("deployments", Level::Read));
    let app = AppCredentials {
        id: key.id.to_string(),
        private_key: Secret::new(key.private_key.clone()),
        installation_id: None,
    };
    let mut stranger = app.clone();
    stranger.private_key = Secret::new(github.add_app("stranger", Grant::user("nobody")).private_key);
    let found = ask(settings(&github.url(), Credentials::App(stranger))).await;
    assert_eq!(level(&found, "github.token"), FindingLevel::Problem);
    assert_eq!(level(&found, "clock"), FindingLevel::Ok, "a refusal has the time too: it may be the reason");
    let found = ask(settings(&github.url(), Credentials::App(app))).await;
    assert_eq!(level(&found, "permission.issues"), FindingLevel::Ok);
    assert_eq!(level(&found, "permission.checks"), FindingLevel::Ok, "who may write may read");
    assert_eq!(level(&found, "permission.deployments"), FindingLevel::Problem);
}

#[tokio::test]
async fn a_classic_token_is_judged_by_its_scopes() {
    let github = FakeGitHub::start().await;
    let repository = serde_json::json!({
        "full_name": "octo-org/octo-repo", "private": true, "has_issues": true, "default_branch": "main",
        "permissions": { "push": true, "triage": true },
    });
    let scoped = |scopes: &str| {
        let headers = [("content-type", "application/json"), ("x-oauth-scopes", scopes)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        Fault::new(FaultKind::Status { code: 200, headers, body: repository.to_string() })
    };
    github.fail(scoped("repo, workflow"));
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "permission.issues"), FindingLevel::Ok);
    github.fail(scoped("gist"));
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "permission.issues"), FindingLevel::Problem);
    assert_eq!(found["permission.issues"].mend.as_deref(), Some("gh auth refresh --scopes repo"));
    github.fail(scoped(""));
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "github.token"), FindingLevel::Problem);
}

#[tokio::test]
async fn issues_that_are_switched_off_are_found() {
    let github = FakeGitHub::start().await;
    github.set_issues_enabled(false);
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "github.issues"), FindingLevel::Problem);
    assert!(found["github.issues"].mend.as_deref().unwrap().contains("--enable-issues"));
}

/// A scheduled workflow was switched off for eight months, and nobody noticed.
#[tokio::test]
async fn a_schedule_that_github_switched_off_is_found() {
    let github = FakeGitHub::start().await;
    github.add_workflow(FILE, "AI Agent Handoff & Autonomous Runbook", false);
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "schedule.enabled"), FindingLevel::Problem);
    assert_eq!(found["schedule.enabled"].mend, Some(format!("gh workflow enable {FILE}")));
    let github = FakeGitHub::start().await;
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "schedule.enabled"), FindingLevel::Warning, "there is no workflow");
    assert_eq!(level(&found, "schedule.runs"), FindingLevel::Unknown);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_found() {
    let github = FakeGitHub::start().await;
    let mut ahead = with_token(&github);
    let clock = VirtualClock::new(Timestamp::now());
    clock.advance(Duration::from_secs(20 * 60));
    ahead.clock = Arc::new(clock);
    let found = ask(ahead).await;
    assert_eq!(level(&found, "clock"), FindingLevel::Problem);
    assert!(found["clock"].what.contains("ahead of GitHub's"), "{found:?}");
}

#[tokio::test]
async fn whoever_is_not_let_in_knows_nothing_else() {
    let github = FakeGitHub::start().await;
    let token = github.token();
    github.revoke(&token);
    let found = ask(with_token(&github)).await;
    assert_eq!(level(&found, "github.token"), FindingLevel::Problem);
    for id in ["permission.issues", "permission.actions", "schedule.enabled", "schedule.runs"] {
        assert_eq!(level(&found, id), FindingLevel::Unknown, "{id}");
    }
    assert!(!format!("{found:?}").contains(&token));

    let nobody = HttpTarget::start(Reply::new(200)).await;
    nobody.refuse().await;
    let nowhere = settings(&nobody.url(""), Credentials::Token(Secret::new("ghp_example")));
    let found = ask(nowhere).await;
    assert!(found.values().all(|finding| finding.level == FindingLevel::Unknown), "{found:?}");
    let found = unasked(&questions(), "GITHUB_TOKEN is not set");
    assert!(found.iter().all(|finding| finding.level == FindingLevel::Unknown), "{found:?}");
    assert!(found.iter().any(|finding| finding.id == "github.token" && finding.what == "GITHUB_TOKEN is not set"));
}

#[tokio::test]
async fn an_enterprise_server_is_asked_below_its_path() {
    let server = HttpTarget::start(Reply::json(&serde_json::json!({ "message": "Bad credentials" }))).await;
    ask(settings(&server.url("/api/v3"), Credentials::Token(Secret::new("ghp_example")))).await;
    assert_eq!(server.requests()[0].target, "/api/v3/repos/octo-org/octo-repo");
}
