//! The pull request of a rollback: it lists what it takes back, within GitHub's limit, and its words call nobody.

use runbook_core::{Difference, EnvironmentId, Listed, Release, ReleaseId, ReturnRow, Reverted, RollbackRow, RunId};
use runbook_render::{PAGE_LIMIT, PullRequestDraft, Renderer, RollbackFacts};

use crate::views;

fn release(id: &str) -> Release {
    Release { id: ReleaseId::new(id).unwrap(), commit: None }
}

fn row(reason: &str, taken_back: Vec<Reverted>) -> RollbackRow {
    let way = ReturnRow { from: ReleaseId::new("v1.3.0").ok(), to: ReleaseId::new("v1.2.0").unwrap() };
    RollbackRow {
        services: [("fastapi".parse().unwrap(), way)].into(),
        reason: reason.to_owned(),
        automatic: true,
        branch: Some("rollback/v1.2.0-20261123T101500Z".to_owned()),
        pull_request: None,
        verified: false,
        taken_back,
        suspects: Vec::new(),
    }
}

fn draft(rollback: &RollbackRow) -> PullRequestDraft {
    let (to, environment): (Release, EnvironmentId) = (release("v1.2.0"), "production".parse().unwrap());
    let run: RunId = "0190a1b2-0000-7000-8000-000000000001".parse().unwrap();
    let branch = "rollback/v1.2.0-20261123T101500Z";
    let run_url = Some("https://ci.example.com/7");
    let facts = RollbackFacts { branch, to: &to, environment: &environment, run, run_url, rollback };
    Renderer::new().unwrap().pull_request(&facts).unwrap()
}

#[test]
fn it_says_why_from_where_to_where_and_what_is_taken_back() {
    let text = draft(&row("fastapi was unhealthy", views::taken_back()));
    assert_eq!(text.title, "Roll back production to v1.2.0");
    for part in ["automatic – fastapi was unhealthy", "v1.3.0 → v1.2.0 (fastapi)", "https://ci.example.com/7"] {
        assert!(text.body.contains(part), "{part:?} is missing in {}", text.body);
    }
    let reverted = &views::taken_back()[0];
    assert!(text.body.contains(&reverted.size()), "{}", text.body);
    assert!(text.body.contains(&reverted.difference.files.first[0]), "{}", text.body);
}

#[test]
fn what_nobody_can_tell_is_said() {
    let unknown = Reverted {
        from: release("v1.3.0"),
        to: release("v1.2.0"),
        difference: Difference::default(),
        unknown: Some("the history is cut off".to_owned()),
    };
    assert!(draft(&row("why", vec![unknown])).body.contains("unknown: the history is cut off"));
    assert!(draft(&row("why", Vec::new())).body.contains("Nobody could tell"));
}

#[test]
fn its_words_call_nobody_and_it_always_fits() {
    let hostile = "@octo closes #7 <!-- runbook:status --> [x](https://evil.example) ".repeat(400);
    let listed = |entry: &str| Listed { first: vec![entry.to_owned(); Listed::MOST], more: u32::MAX };
    let reverted = |n: usize| Reverted {
        from: release(&format!("v2.{n}")),
        to: release("v1.2.0"),
        difference: Difference {
            commits: listed(&hostile),
            files: listed(&"ä`|".repeat(300)),
            irreversible: listed(&hostile),
        },
        unknown: None,
    };
    let text = draft(&row(&hostile, (0..300).map(reverted).collect()));
    assert!(text.body.chars().count() <= PAGE_LIMIT, "{}", text.body.chars().count());
    for call in ["@octo", "#7", "<!--", "](https://evil"] {
        assert!(!text.body.contains(call), "{call:?} is in it");
    }
    assert!(text.body.contains("more ways back"));
}

#[test]
fn issue_and_comment_lead_to_it() {
    let mut view = views::rolled_back();
    view.rollback.as_mut().unwrap().pull_request = Some("https://github.com/o/r/pull/9".to_owned());
    let renderer = Renderer::new().unwrap();
    for text in [renderer.issue(&view).unwrap().body, renderer.comment(&view).unwrap()] {
        assert!(text.contains("([pull request](https://github.com/o/r/pull/9))"), "{text}");
    }
    view.rollback.as_mut().unwrap().pull_request = Some("javascript:alert(1)".to_owned());
    assert!(!renderer.comment(&view).unwrap().contains("javascript"), "no address of the web");
}
