//! Length: GitHub refuses a body of more than 65,536 characters, and then the reader would see an old one.

use crate::views;
use proptest::prelude::*;
use runbook_core::{Health, Permission, StatusView};
use runbook_render::{PAGE_LIMIT, Renderer, document_of_issue};

fn length(text: &str) -> usize {
    text.chars().count()
}

#[test]
fn two_hundred_services_with_long_evidence() {
    let view = views::crowd(200);
    let body = Renderer::new().unwrap().issue(&view).unwrap().body;
    assert!(length(&body) <= PAGE_LIMIT, "{}", length(&body));
    let document = document_of_issue(&body).unwrap();
    assert_eq!(document.services.len(), 200, "programs still get every service");
    assert!(document.services.iter().all(|row| row.evidence == "left out for length"));
    let rows = |health: &str| {
        body.lines().filter(|line| line.starts_with("| Service number") && line.contains(health)).count()
    };
    assert_eq!(rows("unhealthy"), 2, "what is not healthy is shown");
    assert!(body.contains("… and 188 more healthy services"), "{body}");
    insta::assert_snapshot!(body.lines().take(40).collect::<Vec<_>>().join("\n"));
}

#[test]
fn evidence_gets_shorter_before_a_service_is_left_out() {
    let body = Renderer::new().unwrap().issue(&views::crowd(40)).unwrap().body;
    assert!(length(&body) <= PAGE_LIMIT);
    assert_eq!(body.lines().filter(|line| line.starts_with("| Service number")).count(), 40);
    assert!(!body.contains("more healthy"));
}

/// Every field at its longest, many of each, made of what grows most when it is escaped.
fn worst(filler: &str, services: u16, health: Health) -> StatusView {
    let long = filler.repeat(3_000);
    let mut view = views::crowd(services);
    for row in &mut view.services {
        (row.health, row.name, row.evidence) = (health, long.clone(), long.clone());
        row.release = views::release(&"_".repeat(200));
    }
    let mut stages = views::rolled_back().stages;
    stages.iter_mut().for_each(|row| row.reason = Some(long.clone()));
    view.stages = stages.into_iter().cycle().take(100).collect();
    for command in &mut view.commands {
        (command.title, command.precondition) = (long.clone(), long.clone());
        command.permission = Permission::Refused(long.clone());
        command.command = "`".repeat(599);
    }
    view.commands = view.commands.into_iter().cycle().take(100).collect();
    view.reasons = vec![long.clone(); 300];
    view.labels = vec![long.clone(); 100];
    (view.project, view.actor, view.trigger) = (long.clone(), long.clone(), long.clone());
    (view.branch, view.verdict_reason, view.stopped) = (Some(long.clone()), Some(long.clone()), Some(long.clone()));
    view.ci_run = Some(long.clone());
    view.run_url = Some(format!("https://ci.example/{}", "a".repeat(980)));
    views::sync(&mut view);
    view
}

#[test]
fn the_worst_view_fits_everywhere() {
    let renderer = Renderer::new().unwrap();
    let cases = [("$", Health::Unhealthy), ("<", Health::Unhealthy), ("`", Health::Healthy), ("🤖", Health::Unhealthy)];
    for (filler, health) in cases {
        let view = worst(filler, 120, health);
        let body = renderer.issue(&view).unwrap().body;
        assert!(length(&body) <= PAGE_LIMIT);
        let document = document_of_issue(&body).unwrap();
        assert_eq!(document.operational_status, view.operational_status);
        let said = document.status_reasons.last().unwrap();
        assert!(said.ends_with("left out here for length; `runbook status` lists all"), "{said}");
        assert!(length(&renderer.comment(&view).unwrap()) <= PAGE_LIMIT);
        assert!(length(&renderer.step_summary(&view).unwrap()) <= PAGE_LIMIT);
    }
}

#[test]
fn a_command_is_never_cut() {
    let mut view = views::operational();
    view.commands[0].command = format!("gh run view {}", "4".repeat(3_000));
    let body = Renderer::new().unwrap().issue(&view).unwrap().body;
    assert!(body.contains("# too long to be shown here") && !body.contains("gh run view"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn never_blank_never_over_and_always_readable(evidence in ".{0,400}", name in ".{0,60}", reason: String, services in 0_u16..260) {
        let mut view = views::crowd(services);
        for row in &mut view.services {
            row.name.clone_from(&name);
            row.evidence = evidence.repeat(3);
        }
        view.verdict_reason = Some(reason.clone());
        view.reasons = vec![reason];
        views::sync(&mut view);
        let body = Renderer::new().unwrap().issue(&view).unwrap().body;
        prop_assert!(length(&body) <= PAGE_LIMIT);
        prop_assert!(body.contains("## System Health") && body.contains("## Configuration"));
        let document = document_of_issue(&body).unwrap();
        prop_assert_eq!(document.operational_status, view.operational_status);
        if services < 20 {
            prop_assert_eq!(document.services.len(), view.services.len());
        }
    }
}
