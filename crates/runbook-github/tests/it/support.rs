//! A GitHub that loses answers, forgets issues, runs out of budget and lies; and a status issue at it.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use jiff::Timestamp;
use runbook_core::{
    Action, Health, OperationalStatus, RunId, Secret, ServiceRow, StatusDocument, StatusView, Verdict,
    event::Operation,
    ports::{IssueError, IssueTracker, IssueUpdate, PublishedIssue},
};
use runbook_github::{Deadlines, IssueSettings, StatusIssue};
use runbook_render::{Renderer, issue_marker};
use runbook_testkit::{
    conformance::permitted,
    github::{FakeGitHub, FakeGitHubBuilder, Recorded},
};

/// Compiled once for all tests of this program.
static RENDERER: LazyLock<Arc<Renderer>> = LazyLock::new(|| Arc::new(Renderer::new().unwrap()));

pub const LABELS: [&str; 3] = ["ai-agent", "automated", "runbook"];
pub const RUN: &str = "0190a1b2-0000-7000-8000-000000000001";

/// A GitHub and a tracker for it.
pub struct Scene {
    pub github: FakeGitHub,
    pub tracker: StatusIssue,
}

impl Scene {
    pub async fn new() -> Self {
        Self::of(FakeGitHub::builder()).await
    }

    pub async fn of(builder: FakeGitHubBuilder) -> Self {
        let github = builder.start().await.unwrap();
        let tracker = StatusIssue::new(settings(&github, &github.token())).unwrap();
        Self { github, tracker }
    }

    pub async fn publish(&self, update: &IssueUpdate) -> Result<PublishedIssue, IssueError> {
        publish(&self.tracker, update).await
    }

    /// Publishes, for the first time or again, without a known number.
    pub async fn published(&self) -> u64 {
        self.publish(&update()).await.unwrap().number
    }

    /// An issue that looks like the tracker's own.
    pub fn add_status_issue(&self, author: &str) -> u64 {
        self.github.add_issue("renamed by hand", &format!("{}\n\nold", marker()), &LABELS, author)
    }

    /// The calls with this method, as `path?query`.
    pub fn calls(&self, method: &str) -> Vec<String> {
        let line = |call: Recorded| match call.query.as_str() {
            "" => call.path,
            query => format!("{}?{query}", call.path),
        };
        self.github.requests().into_iter().filter(|call| call.method == method).map(line).collect()
    }
}

/// Publishes with leave from a real run.
pub async fn publish(tracker: &StatusIssue, update: &IssueUpdate) -> Result<PublishedIssue, IssueError> {
    permitted(Operation::PublishStatus, async |permit| tracker.upsert(&permit, update).await).await
}

pub fn settings(github: &FakeGitHub, token: &str) -> IssueSettings {
    let repository = format!("{}/{}", github.owner(), github.name());
    let renderer = Arc::clone(&RENDERER);
    let mut settings = IssueSettings::new(github.url(), repository, Secret::new(token), renderer);
    let short = Duration::from_secs(5);
    settings.deadlines = Deadlines { connect: short, read: short, call: short, upsert: 4 * short };
    settings
}

pub fn marker() -> String {
    issue_marker(&"production".parse().unwrap())
}

pub fn update() -> IssueUpdate {
    IssueUpdate { view: view(0), known_number: None, known_url: None, comment: false }
}

pub fn update_of(number: u64) -> IssueUpdate {
    IssueUpdate { known_number: Some(number), ..update() }
}

/// An update of an issue that the journal knows, by its number and its page.
pub fn update_of_known(github: &FakeGitHub, number: u64) -> IssueUpdate {
    IssueUpdate { known_url: Some(page_of(github, number)), ..update_of(number) }
}

/// The page of an issue.
pub fn page_of(github: &FakeGitHub, number: u64) -> String {
    format!("{}/{}/{}/issues/{number}", github.url(), github.owner(), github.name())
}

/// A view of so many services; what it says changes with the number.
pub fn view(services: usize) -> StatusView {
    let at: Timestamp = "2026-11-23T10:15:00Z".parse().unwrap();
    let run: RunId = RUN.parse().unwrap();
    let services: Vec<ServiceRow> = (0..services)
        .map(|n| ServiceRow {
            id: format!("service-{n}").parse().unwrap(),
            name: format!("Service {n}"),
            port: Some(8000),
            health: Health::Unhealthy,
            critical: true,
            latency_ms: None,
            evidence: "GET /health answered 500: ".repeat(20),
            since: Some(at),
            measured_at: Some(at),
            release: None,
            stopped: false,
            caused_by: None,
            maintenance: None,
            certificate_not_after: None,
            alerts: Vec::new(),
            comparison: None,
            suspects: Vec::new(),
            trend: None,
        })
        .collect();
    let document = StatusDocument {
        schema: StatusDocument::SCHEMA.to_owned(),
        project: "Forge".to_owned(),
        environment: "production".parse().unwrap(),
        operational_status: OperationalStatus::Operational,
        status_reasons: Vec::new(),
        updated_at: at,
        valid_until: at,
        services: services.clone(),
        run: Some(run),
        verdict: Some(Verdict::Succeeded),
        stopped: None,
    };
    StatusView {
        project: document.project.clone(),
        environment: document.environment.clone(),
        default_environment: true,
        operational_status: document.operational_status,
        reasons: Vec::new(),
        updated_at: at,
        valid_until: at,
        run,
        run_url: None,
        ci_run: None,
        trigger: "schedule".to_owned(),
        actor: "mona".to_owned(),
        branch: Some("main".to_owned()),
        action: Action::UpdateStatus,
        verdict: document.verdict,
        verdict_reason: None,
        rollback: None,
        stopped: None,
        stages: Vec::new(),
        services,
        commands: Vec::new(),
        labels: LABELS.map(str::to_owned).into(),
        valid_for_s: 21_600,
        document,
    }
}
