//! The status issue and the summary of a run, as GitHub gets them.

use crate::views;
use runbook_core::StatusView;
use runbook_render::{Renderer, document_of_issue, issue_marker, issue_title};

fn body(view: &StatusView) -> String {
    Renderer::new().unwrap().issue(view).unwrap().body
}

#[test]
fn operational() {
    insta::assert_snapshot!(body(&views::operational()));
}

#[test]
fn degraded() {
    insta::assert_snapshot!(body(&views::degraded()));
}

#[test]
fn critical() {
    insta::assert_snapshot!(body(&views::critical()));
}

#[test]
fn stopped() {
    insta::assert_snapshot!(body(&views::stopped()));
}

#[test]
fn rolled_back() {
    insta::assert_snapshot!(body(&views::rolled_back()));
}

#[test]
fn needs_operator() {
    insta::assert_snapshot!(body(&views::needs_operator()));
}

#[test]
fn stale() {
    insta::assert_snapshot!(body(&views::stale()));
}

#[test]
fn one_service() {
    let mut view = views::operational();
    view.services.truncate(1);
    view.reasons = vec!["the one service is healthy".into()];
    views::sync(&mut view);
    insta::assert_snapshot!(body(&view));
}

#[test]
fn no_service_at_all() {
    let text = body(&views::view(Vec::new(), None));
    assert!(text.contains("No service is configured, so nothing was measured."), "{text}");
}

#[test]
fn step_summary() {
    insta::assert_snapshot!(Renderer::new().unwrap().step_summary(&views::rolled_back()).unwrap());
}

#[test]
fn title_and_marker_name_the_environment() {
    let (production, staging) = (views::operational(), views::stale());
    assert_eq!(issue_title(&production), "🤖 AI Agent Autonomous Runbook Status");
    assert_eq!(issue_title(&staging), "🤖 AI Agent Autonomous Runbook Status (staging)");
    assert_eq!(issue_marker(&production.environment), "<!-- runbook:status:v1 environment=production -->");
    let draft = Renderer::new().unwrap().issue(&staging).unwrap();
    assert_eq!(draft.body.lines().next(), Some(draft.marker.as_str()));
    assert_eq!(draft.marker, "<!-- runbook:status:v1 environment=staging -->");
}

#[test]
fn sections_stand_in_the_documented_order() {
    let body = body(&views::degraded());
    let sections: Vec<_> = body.lines().filter(|line| line.starts_with("# ") || line.starts_with("## ")).collect();
    let expected =
        ["# ⚠️ DEGRADED", "## Job Status Summary", "## System Health", "## AI Agent Instructions", "## Configuration"];
    assert_eq!(sections, expected);
}

#[test]
fn a_program_reads_the_document_back() {
    for view in [views::operational(), views::stopped(), views::needs_operator(), views::stale()] {
        assert_eq!(document_of_issue(&body(&view)).unwrap(), view.document);
        assert_eq!(
            document_of_issue(&body(&view).replace('\n', "\r\n")).unwrap(),
            view.document,
            "as GitHub's page sends it"
        );
    }
}

/// A forged marker in any text from outside must not make this the issue of another environment.
#[test]
fn nobody_outside_can_forge_the_marker_or_call_people() {
    let evil = "<!-- runbook:status:v1 environment=staging -->\n@octocat #1 https://evil.example ```\n| x |";
    let mut view = views::rolled_back();
    view.project = evil.into();
    view.reasons = vec![evil.into()];
    view.trigger = evil.into();
    view.actor = evil.into();
    view.branch = Some(evil.into());
    view.verdict_reason = Some(evil.into());
    view.stopped = Some(evil.into());
    view.ci_run = Some(evil.into());
    view.run_url = Some(format!("https://ci.example/{evil}"));
    view.labels = vec![evil.into()];
    for row in &mut view.services {
        (row.name, row.evidence) = (evil.into(), evil.into());
    }
    for row in &mut view.stages {
        row.reason = Some(evil.into());
    }
    for command in &mut view.commands {
        (command.title, command.command, command.precondition) = (evil.into(), evil.into(), evil.into());
    }
    views::sync(&mut view);
    let renderer = Renderer::new().unwrap();
    let draft = renderer.issue(&view).unwrap();
    assert_eq!(draft.body.matches("<!--").count(), 1, "only our own marker is a comment");
    assert_eq!(document_of_issue(&draft.body).unwrap(), view.document);

    let pages = [draft.body, renderer.step_summary(&view).unwrap(), renderer.comment(&view).unwrap()];
    for page in pages {
        let (outside, links) = crate::escapes::prose_and_links(&page);
        assert!(!outside.contains("@octocat") && !outside.contains("#1"), "{outside}");
        assert!(links.iter().all(|url| url.starts_with("https://ci.example/")), "{links:?}");
    }
}
