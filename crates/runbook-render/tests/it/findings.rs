//! What is known of a service beside its health, where people meet it: the issue, the chats and the terminal.

use crate::{escapes, reports, views};
use runbook_core::{Health, Maintenance, Report, StatusView, Trend};
use runbook_render::{PAGE_LIMIT, Renderer, document_of_issue, terminal_report, terminal_status};

fn services(body: &str) -> String {
    let (_, rest) = body.split_once("## System Health").unwrap();
    rest.split_once("## AI Agent").unwrap().0.trim().to_owned()
}

#[test]
fn the_table_of_the_issue() {
    let body = Renderer::new().unwrap().issue(&reports::view()).unwrap().body;
    insta::assert_snapshot!(services(&body));
    let (prose, _) = escapes::prose_and_links(&body);
    assert!(prose.contains("because of PostgreSQL"));
}

#[test]
fn a_program_reads_every_finding_back() {
    let view = reports::view();
    let body = Renderer::new().unwrap().issue(&view).unwrap().body;
    assert_eq!(document_of_issue(&body).unwrap(), view.document);
}

#[test]
fn chats() {
    let renderer = Renderer::new().unwrap();
    let slack = renderer.slack(&reports::view()).unwrap();
    insta::assert_snapshot!("slack_findings", slack["blocks"][2]["text"]["text"].as_str().unwrap());
    let discord = renderer.discord(&reports::view()).unwrap();
    insta::assert_snapshot!("discord_findings", discord["embeds"][0]["description"].as_str().unwrap());
}

#[test]
fn terminal() {
    let lines: String = terminal_status(&reports::view().document).iter().map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(lines);
}

#[test]
fn a_report_names_the_release_that_a_comparison_is_with() {
    let mut report = reports::run();
    report.services = reports::services();
    let lines = |report: &Report| terminal_report(report).iter().map(|line| format!("{line}\n")).collect::<String>();
    assert!(lines(&report).contains("slower than v1.2.0: p50 12.1 ms → 30.4 ms, p = 0.0003, A = 0.93"));
    for row in &mut report.services {
        row.measured_at = Some(views::at("2026-11-23T09:00:00Z"));
    }
    assert!(
        lines(&report).contains("slower than before the change"),
        "measured by another run: nobody knows against what"
    );
}

#[test]
fn without_a_history_there_is_a_dash_and_with_an_empty_one_there_are_dots() {
    let mut view = views::operational();
    let row = |view: &StatusView| {
        let body = Renderer::new().unwrap().issue(view).unwrap().body;
        body.lines().find(|line| line.starts_with("| FastAPI")).unwrap().to_owned()
    };
    assert!(row(&view).contains("| `v1.2.0` | – | GET"), "{}", row(&view));
    view.services[0].trend = Some(Trend { hours: vec![None; 24], uptime: None, coverage: 0.0 });
    assert!(row(&view).contains("| `························` nothing observed |"), "{}", row(&view));
    let mut hours = vec![Some(1.0); 23];
    hours.push(Some(0.5));
    view.services[0].trend = Some(Trend { hours, uptime: Some(0.992), coverage: 0.41 });
    assert!(row(&view).contains("| `███████████████████████▄` 99.2 % of 41 % observed |"), "{}", row(&view));
}

/// Two hundred services, all with everything: the body stays within its limit, and what is left out is said.
#[test]
fn two_hundred_services_with_all_findings() {
    let full = reports::view();
    let mut view = full.clone();
    view.services = (0..200_usize)
        .map(|n| {
            let mut row = full.services[n % full.services.len()].clone();
            row.id = format!("service-{n}").parse().unwrap();
            row.name = format!("Service number {n}");
            row
        })
        .collect();
    views::sync(&mut view);
    let body = Renderer::new().unwrap().issue(&view).unwrap().body;
    assert!(body.chars().count() <= PAGE_LIMIT);
    let document = document_of_issue(&body).unwrap();
    let said = document.status_reasons.join("\n");
    assert!(said.contains("the last 24 hours are left out here for length"), "{said}");
    let unwell = view.services.iter().filter(|row| row.health != Health::Healthy).count();
    assert!(body.lines().filter(|line| line.starts_with("| Service number")).count() >= 50.min(unwell));
}

/// Every new field at its longest.
#[test]
fn findings_without_an_end_fit_too() {
    for filler in ["$", "<", "`", "🤖", "@"] {
        let long = filler.repeat(1_000);
        let mut view = views::crowd(60);
        for row in &mut view.services {
            row.health = Health::Unhealthy;
            row.name.clone_from(&long);
            row.caused_by = "service-7".parse().ok();
            row.alerts = vec![reports::alert(&long, Some(true), &long); 30];
            row.suspects = vec![long.clone(); 30];
            row.comparison = Some(reports::slower());
            row.certificate_not_after = Some(views::at("2026-11-24T00:00:00Z"));
            row.maintenance =
                Some(Maintenance { until: views::at("2026-11-24T00:00:00Z"), reason: Some(long.clone()) });
            row.trend = Some(Trend { hours: vec![Some(0.123_456_789); 500], uptime: Some(0.5), coverage: 0.5 });
        }
        views::sync(&mut view);
        let renderer = Renderer::new().unwrap();
        let body = renderer.issue(&view).unwrap().body;
        assert!(body.chars().count() <= PAGE_LIMIT);
        assert!(document_of_issue(&body).is_ok());
        assert!(renderer.step_summary(&view).unwrap().chars().count() <= PAGE_LIMIT);
        for block in renderer.slack(&view).unwrap()["blocks"].as_array().unwrap() {
            assert!(block["text"]["text"].as_str().is_none_or(|text| text.chars().count() <= 3000));
        }
        let discord = renderer.discord(&view).unwrap();
        assert!(discord["embeds"][0]["description"].as_str().unwrap().chars().count() <= 4096);
        assert!(terminal_status(&view.document).iter().all(|line| line.to_string().chars().count() < 600));
    }
}

#[test]
fn nobody_is_called_by_a_finding() {
    let evil = "<!-- runbook:status:v1 environment=staging --> @octocat <!channel> https://evil.example | x";
    let mut view = reports::view();
    for row in &mut view.services {
        row.alerts = vec![reports::alert(evil, Some(true), evil), reports::alert(evil, None, evil)];
        row.suspects = vec![evil.into()];
        row.maintenance = Some(Maintenance { until: views::at("2026-11-24T00:00:00Z"), reason: Some(evil.into()) });
    }
    views::sync(&mut view);
    let renderer = Renderer::new().unwrap();
    let body = renderer.issue(&view).unwrap().body;
    let (prose, links) = escapes::prose_and_links(&body);
    assert_eq!(body.matches("<!--").count(), 1, "only our own marker is a comment");
    assert!(!prose.contains("@octocat") && links.iter().all(|url| url.starts_with("https://github.com/")), "{links:?}");
    for payload in [renderer.slack(&view).unwrap(), renderer.discord(&view).unwrap()] {
        assert!(!payload.to_string().contains("<!channel>"));
    }
}
