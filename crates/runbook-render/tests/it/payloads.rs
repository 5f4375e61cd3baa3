//! Chats' payloads, written to a file for a check against the chats' own types: `cargo xtask contract chats` names it in
//! `RUNBOOK_CHAT_PAYLOADS`.

use runbook_core::StatusView;
use runbook_render::Renderer;
use serde_json::{Map, Value, json};

use crate::views;

#[test]
#[ignore = "needs a file to write to: cargo xtask contract chats"]
fn payloads_for_a_check_against_the_types_of_slack_and_discord() {
    let file = std::env::var("RUNBOOK_CHAT_PAYLOADS")
        .expect("RUNBOOK_CHAT_PAYLOADS must name a file: start this by `cargo xtask contract chats`");
    let mut without_links = views::degraded();
    (without_links.run_url, without_links.branch, without_links.ci_run) = (None, None, None);
    let all: [(&str, StatusView); 9] = [
        ("operational", views::operational()),
        ("degraded", views::degraded()),
        ("critical", views::critical()),
        ("stopped", views::stopped()),
        ("rolled_back", views::rolled_back()),
        ("needs_operator", views::needs_operator()),
        ("stale", views::stale()),
        ("crowd", views::crowd(200)),
        ("without_links", without_links),
    ];
    let renderer = Renderer::new().unwrap();
    let (mut slack, mut discord) = (Map::new(), Map::new());
    for (name, view) in &all {
        slack.insert((*name).to_owned(), renderer.slack(view).unwrap());
        discord.insert((*name).to_owned(), renderer.discord(view).unwrap());
    }
    let payloads: Value = json!({ "slack": slack, "discord": discord });
    std::fs::write(file, payloads.to_string()).unwrap();
}
