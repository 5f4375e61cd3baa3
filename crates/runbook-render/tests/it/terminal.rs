//! Lines for a terminal, with the tone of each piece.

use std::collections::BTreeMap;

use crate::views;
use runbook_core::{
    Action, IssueRow, NotificationRow, ReleasesRow, Report, ReturnRow, RollbackRow, ServiceId, StatusView, Verdict,
};
use runbook_render::{Line, Tone, terminal_report, terminal_status};

fn report(view: StatusView) -> Report {
    Report {
        schema: Report::SCHEMA.into(),
        run: view.run,
        action: view.action,
        trigger: view.trigger,
        actor: view.actor,
        environment: view.environment,
        branch: view.branch,
        commit: None,
        started_at: views::at("2026-11-23T10:08:00Z"),
        finished_at: view.updated_at,
        elapsed_ms: 368_441,
        verdict: view.verdict,
        verdict_reason: view.verdict_reason,
        operational_status: view.operational_status,
        status_reasons: view.reasons,
        valid_until: view.valid_until,
        stages: view.stages,
        services: view.services,
        releases: ReleasesRow::default(),
        rollback: None,
        notifications: Vec::new(),
        issue: None,
        next: None,
        request_id: None,
        history: Vec::new(),
    }
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_rolled_back_deploy() {
    let mut report = report(views::rolled_back());
    let way = ReturnRow { from: views::release("v1.3.0"), to: views::release("v1.2.0").unwrap() };
    report.rollback = Some(RollbackRow {
        services: BTreeMap::from([(ServiceId::new("fastapi").unwrap(), way)]),
        reason: "fastapi was unhealthy with v1.3.0".into(),
        automatic: true,
        branch: Some("rollback/2026-11-23-v1.2.0".into()),
        verified: true,
        pull_request: None,
        taken_back: views::taken_back(),
        suspects: vec!["a1b2c3d Move the pool to its own crate".into(), "d4e5f6a Raise max_connections".into()],
    });
    report.notifications = vec![
        NotificationRow { to: "slack".into(), outcome: "sent".into() },
        NotificationRow { to: "discord".into(), outcome: "the webhook answered 404".into() },
    ];
    report.issue =
        Some(IssueRow { number: 7, url: "https://github.com/forge/quantum-pi/issues/7".into(), requests: Some(2) });
    insta::assert_snapshot!(text(&terminal_report(&report)));
}

#[test]
fn an_update_of_a_degraded_system() {
    insta::assert_snapshot!(text(&terminal_report(&report(views::degraded()))));
}

#[test]
fn status() {
    insta::assert_snapshot!("terminal_status_operational", text(&terminal_status(&views::operational().document)));
    insta::assert_snapshot!("terminal_status_stopped", text(&terminal_status(&views::stopped().document)));
    insta::assert_snapshot!("terminal_status_stale", text(&terminal_status(&views::stale().document)));
}

#[test]
fn tones_follow_what_was_measured() {
    let mut report = report(views::degraded());
    report.action = Action::Deploy;
    report.verdict = Some(Verdict::NeedsOperator);
    let lines = terminal_report(&report);
    let tone =
        |word: &str| lines.iter().flat_map(|line| &line.spans).find(|span| span.text.trim() == word).unwrap().tone;
    assert_eq!(tone("needs an operator"), Tone::Bad);
    assert_eq!(tone("DEGRADED"), Tone::Warn);
    assert_eq!(tone("healthy"), Tone::Good);
    assert_eq!(tone("unknown"), Tone::Warn);
    assert_eq!(tone("passed"), Tone::Good);
}

#[test]
fn no_escape_sequence_reaches_the_terminal() {
    let evil = "\u{1b}]0;title\u{7}\u{1b}[2Jgone\r\nforged line";
    let mut view = views::degraded();
    view.services.iter_mut().for_each(|row| (row.name, row.evidence) = (evil.into(), evil.into()));
    (view.reasons, view.stopped, view.actor) = (vec![evil.into()], Some(evil.into()), evil.into());
    view.verdict_reason = Some(evil.into());
    view.stages[0].reason = Some(evil.into());
    views::sync(&mut view);
    let mut lines = terminal_status(&view.document);
    lines.extend(terminal_report(&report(view)));
    assert!(lines.iter().flat_map(|line| &line.spans).all(|span| !span.text.contains(char::is_control)));
}
