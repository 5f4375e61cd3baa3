//! The views that tests render: the seed's three services in every state that a reader may meet.

use jiff::Timestamp;
use runbook_core::{
    Action, Difference, EnvironmentId, GateRule, Health, Latency, OperationalStatus, Permission, Release, ReleaseId,
    ReturnRow, Reverted, RollbackRow, ServiceId, ServiceRow, StageRow, StatusDocument, StatusView, StepId,
    SuggestedCommand, Verdict, status_of_rows,
};

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What the way back of [`rolled_back`] takes back.
pub fn taken_back() -> Vec<Reverted> {
    let release = |name: &str| Release { id: ReleaseId::new(name).unwrap(), commit: None };
    let mut difference = Difference::default();
    for commit in ["a1b2c3d Move the pool to its own crate", "d4e5f6a Raise max_connections"] {
        difference.commits.push(|| commit.to_owned());
    }
    (1..=23).for_each(|n| difference.files.push(|| format!("crates/pool/src/part_{n}.rs")));
    vec![Reverted { from: release("v1.3.0"), to: release("v1.2.0"), difference, unknown: None }]
}

pub fn release(name: &str) -> Option<ReleaseId> {
    Some(ReleaseId::new(name).unwrap())
}

pub fn service(id: &str, name: &str, port: u16, health: Health) -> ServiceRow {
    let evidence = match health {
        Health::Healthy => format!("GET http://localhost:{port}/health → 200"),
        Health::Degraded => format!("GET http://localhost:{port}/health → 200 in 1.9 s, expected at most 800ms"),
        Health::Unhealthy => format!("GET http://localhost:{port}/health → 503, expected 200-299"),
        Health::Unknown => "never measured".to_owned(),
    };
    let measured = health != Health::Unknown;
    ServiceRow {
        id: ServiceId::new(id).unwrap(),
        name: name.to_owned(),
        port: Some(port),
        health,
        critical: true,
        latency_ms: measured.then_some(Latency { p50: 1.24, p95: 12.4, samples: 20 }),
        evidence,
        since: measured.then(|| at("2026-11-21T08:00:00Z")),
        measured_at: measured.then(|| at("2026-11-23T10:14:58Z")),
        release: measured.then(|| release("v1.2.0")).flatten(),
        stopped: false,
        caused_by: None,
        maintenance: None,
        certificate_not_after: None,
        alerts: Vec::new(),
        comparison: None,
        suspects: Vec::new(),
        trend: None,
    }
}

pub fn three(fastapi: Health, flask: Health, gradio: Health) -> Vec<ServiceRow> {
    vec![
        service("fastapi", "FastAPI Quantum Conduit", 8000, fastapi),
        service("flask", "Flask Glyph Weaver", 5000, flask),
        ServiceRow { critical: false, ..service("gradio", "Gradio Truth Mirror", 7860, gradio) },
    ]
}

pub fn stage(id: &str, outcome: &str, reason: Option<&str>, elapsed_ms: u64) -> StageRow {
    StageRow {
        id: StepId::new(id).unwrap(),
        outcome: outcome.to_owned(),
        reason: reason.map(str::to_owned),
        elapsed_ms,
        rules: Vec::new(),
    }
}

fn gate(outcome: &str, rules: Vec<GateRule>) -> StageRow {
    StageRow { rules, ..stage("safety-gate", outcome, None, 3) }
}

fn command(title: &str, command: &str, precondition: &str, refused: Option<&str>) -> SuggestedCommand {
    SuggestedCommand {
        title: title.to_owned(),
        command: command.to_owned(),
        precondition: precondition.to_owned(),
        permission: refused.map_or(Permission::Allowed, |reason| Permission::Refused(reason.to_owned())),
    }
}

fn commands(stopped: bool) -> Vec<SuggestedCommand> {
    let refused = stopped.then_some("the stop latch is set: the database is losing writes");
    let workflow = r#"gh workflow run "ai-agent-handoff-runbook.yml""#;
    let mut commands = vec![
        command("Check Deployment Status", "gh run view 4242", "Any time; it only reads.", None),
        command(
            "Download Monitoring Reports",
            "gh run download 4242 -n monitoring-report",
            "When you investigate; it only reads.",
            None,
        ),
        command(
            "Trigger Rollback",
            &format!("{workflow} \\\n  -f action=rollback \\\n  -f rollback_version=\"v1.1.0\""),
            "When a service is unhealthy after a deploy. v1.1.0 is the last known good release.",
            refused,
        ),
        command(
            "Update Specific Component",
            &format!("{workflow} \\\n  -f action=update-component \\\n  -f target_component=fastapi"),
            "When one service is to get the newest commit.",
            refused,
        ),
        command(
            "Emergency Stop",
            &format!("{workflow} \\\n  -f action=emergency-stop"),
            "When going on does more harm than standing still. Only a person can resume.",
            None,
        ),
    ];
    if stopped {
        let resume = format!("{workflow} \\\n  -f action=resume \\\n  -f reason=\"WHY\"");
        commands.push(command("Resume", &resume, "For people only, once the cause of the stop is gone.", None));
    }
    commands
}

/// A view of these services, as an `update-status` on schedule writes it.
pub fn view(services: Vec<ServiceRow>, stopped: Option<&str>) -> StatusView {
    let (status, reasons) = status_of_rows(&services, stopped.is_some());
    let mut view = StatusView {
        project: "Quantum Pi Forge".into(),
        environment: EnvironmentId::new("production").unwrap(),
        default_environment: true,
        operational_status: status,
        reasons: reasons.clone(),
        updated_at: at("2026-11-23T10:15:00Z"),
        valid_until: at("2026-11-23T16:14:58Z"),
        run: "01939b6e-5a00-7000-8000-000000000001".parse().unwrap(),
        run_url: Some("https://github.com/forge/quantum-pi/actions/runs/4242".into()),
        ci_run: Some("4242".into()),
        trigger: "schedule".into(),
        actor: "octocat".into(),
        branch: Some("main".into()),
        action: Action::UpdateStatus,
        verdict: Some(Verdict::Succeeded),
        verdict_reason: Some("every service was measured".into()),
        rollback: None,
        stopped: stopped.map(str::to_owned),
        stages: vec![
            gate("passed", vec![GateRule::pass("not-stopped", "no latch"), GateRule::pass("configuration", "valid")]),
            stage("monitor", "passed", None, 61_234),
        ],
        services,
        commands: commands(stopped.is_some()),
        labels: ["ai-agent", "automated", "runbook"].map(str::to_owned).into(),
        valid_for_s: 21_600,
        document: StatusDocument {
            schema: StatusDocument::SCHEMA.into(),
            project: String::new(),
            environment: EnvironmentId::new("production").unwrap(),
            operational_status: status,
            status_reasons: Vec::new(),
            updated_at: Timestamp::UNIX_EPOCH,
            valid_until: Timestamp::UNIX_EPOCH,
            services: Vec::new(),
            run: None,
            verdict: None,
            stopped: None,
        },
    };
    sync(&mut view);
    view
}

/// Gives the document for programs what the view says.
pub fn sync(view: &mut StatusView) {
    view.document = StatusDocument {
        schema: StatusDocument::SCHEMA.into(),
        project: view.project.clone(),
        environment: view.environment.clone(),
        operational_status: view.operational_status,
        status_reasons: view.reasons.clone(),
        updated_at: view.updated_at,
        valid_until: view.valid_until,
        services: view.services.clone(),
        run: Some(view.run),
        verdict: view.verdict,
        stopped: view.stopped.clone(),
    };
}

pub fn operational() -> StatusView {
    view(three(Health::Healthy, Health::Healthy, Health::Healthy), None)
}

pub fn degraded() -> StatusView {
    view(three(Health::Healthy, Health::Degraded, Health::Unknown), None)
}

pub fn critical() -> StatusView {
    view(three(Health::Unhealthy, Health::Healthy, Health::Healthy), None)
}

pub fn stopped() -> StatusView {
    let mut view =
        view(three(Health::Unhealthy, Health::Unhealthy, Health::Unhealthy), Some("the database is losing writes"));
    view.action = Action::EmergencyStop;
    view.trigger = "workflow_dispatch".into();
    view.verdict_reason = Some("all 3 services are measured down".into());
    view.stages = vec![stage("stop", "passed", None, 2_480)];
    sync(&mut view);
    view
}

pub fn rolled_back() -> StatusView {
    let mut view = view(three(Health::Healthy, Health::Healthy, Health::Healthy), None);
    view.action = Action::Deploy;
    view.trigger = "push".into();
    view.verdict = Some(Verdict::RolledBack);
    view.verdict_reason =
        Some("fastapi was unhealthy with v1.3.0; v1.2.0 is live again and was watched for 5 min".into());
    view.reasons.push("fastapi was unhealthy with v1.3.0; v1.2.0 is live again and was watched for 5 min".into());
    let way = |service: &str| {
        let way = ReturnRow { from: ReleaseId::new("v1.3.0").ok(), to: ReleaseId::new("v1.2.0").unwrap() };
        (ServiceId::new(service).unwrap(), way)
    };
    view.rollback = Some(RollbackRow {
        services: ["fastapi", "flask"].map(way).into(),
        reason: "fastapi was unhealthy with v1.3.0".into(),
        automatic: true,
        branch: Some("rollback/v1.2.0-20261123T101500Z".into()),
        verified: true,
        pull_request: None,
        taken_back: taken_back(),
        suspects: vec!["a1b2c3d Move the pool to its own crate".into(), "d4e5f6a Raise max_connections".into()],
    });
    view.stages = vec![
        gate(
            "warned",
            vec![
                GateRule::pass("ci-green", "2 checks"),
                GateRule::warn("way-back", "flask has no last known good release"),
            ],
        ),
        stage("ci", "passed", None, 42_000),
        stage("deploy", "passed", None, 8_312),
        stage("monitor", "failed", Some("fastapi: GET http://localhost:8000/health → 503 | 3 of 3 samples"), 15_020),
        stage("rollback", "passed", None, 2_104),
        stage("verify", "passed", None, 300_500),
        stage("smoke-test", "skipped", Some("the deploy was rolled back"), 0),
    ];
    sync(&mut view);
    view
}

pub fn needs_operator() -> StatusView {
    let mut view = view(three(Health::Unknown, Health::Healthy, Health::Healthy), None);
    view.action = Action::Rollback;
    view.actor = "agent-7".into();
    view.trigger = "issue_comment".into();
    view.verdict = Some(Verdict::NeedsOperator);
    view.verdict_reason = Some("nobody knows whether fastapi was activated: the connection was lost".into());
    view.operational_status = OperationalStatus::Degraded;
    view.reasons.insert(0, "the rollback needs an operator: nobody knows whether fastapi was activated".into());
    view.services[0].evidence = "no reading since the connection was lost".into();
    view.stages = vec![
        gate("passed", vec![GateRule::pass("not-stopped", "no latch")]),
        stage(
            "rollback",
            "failed",
            Some("nobody knows whether fastapi was activated: the connection was lost"),
            30_000,
        ),
        stage("verify", "pending", None, 0),
    ];
    sync(&mut view);
    view
}

/// What a reader meets when the newest evidence is too old, on a machine without CI.
pub fn stale() -> StatusView {
    let mut services = three(Health::Unknown, Health::Unknown, Health::Unknown);
    for row in &mut services {
        row.measured_at = Some(at("2026-11-22T10:00:00Z"));
        row.evidence =
            "last measured 2026-11-22T10:00:00Z, which is too long ago: GET http://localhost:8000/health → 200".into();
    }
    let mut view = view(services, None);
    (view.run_url, view.ci_run, view.branch) = (None, None, None);
    view.trigger = "cli".into();
    view.verdict_reason = Some("no service is within reach of this machine".into());
    view.environment = EnvironmentId::new("staging").unwrap();
    view.default_environment = false;
    sync(&mut view);
    view
}

/// Many services, every hundredth of which is down, all with long evidence.
pub fn crowd(number: u16) -> StatusView {
    let long = "expected /status to be \"healthy\" and it was \"starting <!-- & `so on` -->\"; ".repeat(20);
    let services = (0..number)
        .map(|n| {
            let health = if n % 100 == 42 { Health::Unhealthy } else { Health::Healthy };
            let mut row = service(&format!("service-{n}"), &format!("Service number {n}"), 8000 + n, health);
            row.evidence.push_str("; ");
            row.evidence.push_str(&long);
            row
        })
        .collect();
    view(services, None)
}
