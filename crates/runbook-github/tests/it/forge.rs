//! Checks, deployments and pull requests at a GitHub that loses answers, reruns checks and refuses.

use std::{sync::Arc, time::Duration};

use runbook_core::{
    CommitId, DeploymentState, DeploymentTask, Secret,
    engine::with_causes,
    event::Operation,
    ports::{
        Check, CheckState, Checks, DeploymentError, DeploymentRecord, Deployments, Forge, RecordedDeployment,
        SystemClock,
    },
};
use runbook_github::{Connection, ConnectionSettings, Credentials, Deadlines, GitHubForge};
use runbook_render::Renderer;
use runbook_testkit::{
    conformance::{self, permitted},
    github::{Deployment, FakeGitHub, Fault, FaultKind, Grant, Level},
};

use crate::support::RUN;

pub struct Scene {
    pub github: FakeGitHub,
    pub forge: GitHubForge,
}

impl Scene {
    pub async fn new() -> Self {
        let github = FakeGitHub::builder().start().await.unwrap();
        let forge = forge(&github, &github.token());
        Self { github, forge }
    }

    /// The commit of the default branch.
    pub fn commit(&self) -> CommitId {
        CommitId::new(self.github.git_ref("refs/heads/main").unwrap()).unwrap()
    }

    /// The same GitHub, asked with less leave.
    pub fn with(&self, permission: &str, level: Level) -> GitHubForge {
        let grant = Grant::installation("github-actions[bot]").with(permission, level);
        forge(&self.github, &self.github.add_token(grant))
    }

    fn record(&self) -> DeploymentRecord {
        DeploymentRecord {
            run: RUN.parse().unwrap(),
            task: DeploymentTask::Deploy,
            environment: "production".parse().unwrap(),
            release: "v1.0.0".parse().unwrap(),
            commit: self.commit(),
            services: vec!["api".parse().unwrap(), "web".parse().unwrap()],
            state: DeploymentState::InProgress,
            description: "deploy of v1.0.0: api, web".to_owned(),
            environment_url: Some("https://forge.example.com".to_owned()),
            log_url: Some("https://ci.example.com/7".to_owned()),
            known_id: None,
        }
    }

    async fn check(&self, name: &str) -> Vec<Check> {
        let found = self.forge.of(&self.commit()).await.unwrap();
        found.into_iter().filter(|check| check.name == name).collect()
    }

    /// The words of each status of each deployment, oldest first.
    fn states(&self) -> Vec<Vec<String>> {
        let states = |one: &Deployment| -> Vec<String> { one.statuses.iter().map(|s| s.state.clone()).collect() };
        self.github.deployments().iter().map(states).collect()
    }
}

fn forge(github: &FakeGitHub, token: &str) -> GitHubForge {
    let repository = format!("{}/{}", github.owner(), github.name());
    let mut settings =
        ConnectionSettings::new(github.url(), repository, Credentials::Token(Secret::new(token.to_owned())));
    let short = Duration::from_secs(5);
    settings.deadlines = Deadlines { connect: short, read: short, call: short, upsert: 4 * short };
    settings.clock = Arc::new(SystemClock);
    GitHubForge::at(&Connection::new(settings).unwrap(), Arc::new(Renderer::new().unwrap()))
}

async fn tell(forge: &GitHubForge, record: &DeploymentRecord) -> Result<RecordedDeployment, DeploymentError> {
    let release = runbook_core::Release { id: record.release.clone(), commit: Some(record.commit.clone()) };
    let operation = Operation::RecordDeployment { release, task: record.task, state: record.state };
    permitted(operation, async |permit| forge.record(&permit, record).await).await
}

#[tokio::test]
async fn it_keeps_the_contracts_of_the_ports() {
    let scene = Scene::new().await;
    let commit = scene.commit();
    scene.github.add_check_run(commit.as_str(), "build", "completed", Some("success"));
    scene.github.set_status(commit.as_str(), "test / unit", "failure");
    conformance::checks(&scene.forge, &commit, "build", "test / unit").await;
    conformance::deployments(&scene.forge, &scene.record()).await;
    assert_eq!(scene.github.deployments().len(), 1);
    let all = Forge::of(Arc::new(scene.forge.clone()));
    assert!(all.checks.is_ok() && all.deployments.is_ok() && all.pull_requests.is_ok());
}

#[tokio::test]
async fn of_reruns_the_newest_wins_and_two_sources_both_count() {
    let scene = Scene::new().await;
    let commit = scene.commit();
    let run = |state: &str, conclusion| scene.github.add_check_run(commit.as_str(), "build", state, conclusion);
    run("completed", Some("failure"));
    run("in_progress", None);
    assert_eq!(scene.check("build").await[0].state, CheckState::Pending, "a rerun is under way");
    run("completed", Some("success"));
    let found = scene.check("build").await;
    assert_eq!((found.len(), found[0].state), (1, CheckState::Passed));

    scene.github.set_status(commit.as_str(), "build", "success");
    scene.github.set_status(commit.as_str(), "build", "error");
    let found = scene.check("build").await;
    assert_eq!(found.len(), 2, "a check run and a commit status of one name");
    assert!(found.iter().any(|check| check.state == CheckState::Failed), "{found:?}");
}

#[tokio::test]
async fn every_word_of_github_is_classified_and_what_is_not_known_is_unknown() {
    let scene = Scene::new().await;
    let commit = scene.commit();
    for (status, conclusion, state) in [
        ("completed", Some("success"), CheckState::Passed),
        ("completed", Some("neutral"), CheckState::Passed),
        ("completed", Some("failure"), CheckState::Failed),
        ("completed", Some("timed_out"), CheckState::Failed),
        ("completed", Some("cancelled"), CheckState::Failed),
        ("completed", Some("action_required"), CheckState::Failed),
        ("completed", Some("startup_failure"), CheckState::Failed),
        ("completed", Some("stale"), CheckState::Failed),
        ("completed", Some("skipped"), CheckState::Unknown),
        ("completed", Some("made_up"), CheckState::Unknown),
        ("completed", None, CheckState::Unknown),
        ("made_up", None, CheckState::Unknown),
        ("queued", None, CheckState::Pending),
        ("waiting", None, CheckState::Pending),
        ("requested", None, CheckState::Pending),
        ("pending", None, CheckState::Pending),
    ] {
        scene.github.add_check_run(commit.as_str(), "word", status, conclusion);
        assert_eq!(scene.check("word").await[0].state, state, "{status} {conclusion:?}");
    }
}

#[tokio::test]
async fn all_pages_are_read() {
    let scene = Scene::new().await;
    let commit = scene.commit();
    for n in 0..230 {
        scene.github.add_check_run(commit.as_str(), &format!("run {n}"), "completed", Some("success"));
        scene.github.set_status(commit.as_str(), &format!("status {n}"), "success");
    }
    let found = scene.forge.of(&commit).await.unwrap();
    assert_eq!(found.len(), 460);
    assert!(found.iter().all(|check| check.state == CheckState::Passed));
}

#[tokio::test]
async fn checks_that_cannot_be_read_are_an_error_and_never_none() {
    let scene = Scene::new().await;
    let unknown = CommitId::new("f".repeat(40)).unwrap();
    let error = scene.forge.of(&unknown).await.unwrap_err();
    assert!(!error.retryable && with_causes(&error).contains("No commit found"), "{}", with_causes(&error));

    scene.github.fail(Fault::status(502, "Bad Gateway").on("GET", "/status").always());
    let error = scene.forge.of(&scene.commit()).await.unwrap_err();
    assert!(error.retryable, "an outage passes: {error:?}");
    scene.github.heal();

    scene.github.set_private(true);
    let error = scene.with("checks", Level::None).of(&scene.commit()).await.unwrap_err();
    assert!(!error.retryable && error.message.contains("grant `checks: read`"), "{}", error.message);
}

#[tokio::test]
async fn a_deployment_is_told_with_url_and_log_and_without_githubs_defaults() {
    let scene = Scene::new().await;
    // What would refuse the deployment, were the contexts not named.
    scene.github.set_status(scene.commit().as_str(), "slow", "pending");
    let made = tell(&scene.forge, &scene.record()).await.unwrap();
    let ended = DeploymentRecord { state: DeploymentState::Success, known_id: Some(made.id), ..scene.record() };
    tell(&scene.forge, &ended).await.unwrap();
    let kept = &scene.github.deployments()[0];
    assert_eq!(
        (kept.environment.as_str(), kept.task.as_str(), kept.git_ref.as_str()),
        ("production", "deploy", scene.commit().as_str())
    );
    assert_eq!(kept.payload["runbook"]["run"], RUN);
    assert!(kept.payload["runbook"]["effect"].as_str().unwrap().ends_with("/-/deployment/1"), "{}", kept.payload);
    let states: Vec<_> =
        kept.statuses.iter().map(|s| (s.state.as_str(), s.environment_url.as_str(), s.log_url.as_str())).collect();
    let (url, log) = ("https://forge.example.com", "https://ci.example.com/7");
    assert_eq!(states, [("in_progress", url, log), ("success", url, log)]);
    let sent = scene.github.requests();
    let create = sent.iter().find(|call| call.method == "POST" && call.path.ends_with("/deployments")).unwrap().json();
    assert_eq!((&create["auto_merge"], create["required_contexts"].as_array().map(Vec::len)), (&false.into(), Some(0)));
    let statuses = sent.iter().filter(|call| call.method == "POST" && call.path.ends_with("/statuses"));
    assert!(statuses.map(|call| call.json()).all(|body| body["auto_inactive"] == false), "retiring is ours");
}

#[tokio::test]
async fn earlier_deployments_that_are_replaced_become_inactive_and_no_others() {
    let scene = Scene::new().await;
    let of = |run: char, environment: &str, services: &[&str], state| DeploymentRecord {
        run: format!("{}{run}", &RUN[..RUN.len() - 1]).parse().unwrap(),
        environment: environment.parse().unwrap(),
        services: services.iter().map(|id| id.parse().unwrap()).collect(),
        state,
        ..scene.record()
    };
    use DeploymentState::{Failure, InProgress, Success};
    tell(&scene.forge, &of('2', "production", &["api", "web"], Success)).await.unwrap();
    tell(&scene.forge, &of('3', "staging", &["api"], Success)).await.unwrap();
    tell(&scene.forge, &of('4', "production", &["api"], Failure)).await.unwrap();
    // Its run was killed.
    tell(&scene.forge, &of('5', "production", &["api"], InProgress)).await.unwrap();
    tell(&scene.forge, &of('6', "production", &["api"], Success)).await.unwrap();
    assert_eq!(scene.states()[0], ["success"], "web is still live from there");
    assert_eq!(scene.states()[1], ["success"], "another environment");
    assert_eq!(scene.states()[2], ["failure"]);
    assert_eq!(scene.states()[3], ["in_progress", "inactive"]);
    // A rollback is one too.
    let back = DeploymentRecord { task: DeploymentTask::Rollback, ..of('7', "production", &["api", "web"], Success) };
    tell(&scene.forge, &back).await.unwrap();
    assert_eq!(scene.states()[0], ["success", "inactive"]);
    assert_eq!(scene.states()[4], ["success", "inactive"]);
    assert_eq!(scene.github.deployments()[5].task, "rollback");
    assert_eq!(scene.states()[5], ["success"]);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_deployment_and_no_second_status() {
    for path in ["/deployments", "/statuses"] {
        let scene = Scene::new().await;
        scene.github.fail(Fault::new(FaultKind::LostResponse).on("POST", path));
        let first = tell(&scene.forge, &scene.record()).await.unwrap();
        let again = tell(&scene.forge, &scene.record()).await.unwrap();
        assert_eq!((first.id, again.created), (again.id, false), "{path}");
        assert_eq!(scene.states(), [["in_progress"]], "{path}");
    }
}

#[tokio::test]
async fn what_github_refuses_says_what_mends_it() {
    let scene = Scene::new().await;
    let error = tell(&scene.with("deployments", Level::Read), &scene.record()).await.unwrap_err();
    assert!(error.message.contains("grant `deployments: write`"), "{}", error.message);
    assert_eq!(error.left, runbook_core::LeftBehind::NoChange);

    let nowhere = DeploymentRecord { commit: CommitId::new("f".repeat(40)).unwrap(), ..scene.record() };
    let error = tell(&scene.forge, &nowhere).await.unwrap_err();
    assert!(error.message.contains("No ref found"), "the commit was never pushed: {}", error.message);

    // A list that failed is no empty list.
    scene.github.fail(Fault::status(500, "oops").on("GET", "/deployments").always());
    tell(&scene.forge, &scene.record()).await.unwrap_err();
    assert!(scene.github.deployments().is_empty());
}
