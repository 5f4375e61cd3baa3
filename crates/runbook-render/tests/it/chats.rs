//! Payloads for Slack and Discord.

use crate::views;
use runbook_core::Health;
use runbook_render::Renderer;
use serde_json::Value;

#[test]
fn slack() {
    let renderer = Renderer::new().unwrap();
    insta::assert_json_snapshot!("slack_rolled_back", renderer.slack(&views::rolled_back()).unwrap());
    insta::assert_json_snapshot!("slack_degraded", renderer.slack(&views::degraded()).unwrap());
    insta::assert_json_snapshot!("slack_stopped", renderer.slack(&views::stopped()).unwrap());
}

#[test]
fn discord() {
    let renderer = Renderer::new().unwrap();
    insta::assert_json_snapshot!("discord_rolled_back", renderer.discord(&views::rolled_back()).unwrap());
    insta::assert_json_snapshot!("discord_degraded", renderer.discord(&views::degraded()).unwrap());
    insta::assert_json_snapshot!("discord_stale", renderer.discord(&views::stale()).unwrap());
}

#[test]
fn nobody_is_called_in_a_chat() {
    let mut view = views::degraded();
    view.reasons = vec!["<!channel> <@U1> @everyone @here".into()];
    view.services[1].evidence = "@everyone <@&1>".into();
    let renderer = Renderer::new().unwrap();
    let discord = renderer.discord(&view).unwrap();
    assert_eq!(discord["allowed_mentions"], serde_json::json!({ "parse": [] }));
    for payload in [renderer.slack(&view).unwrap(), discord] {
        let text = payload.to_string();
        for call in ["<!channel>", "<@U1>", "@everyone", "@here", "<@&1>"] {
            assert!(!text.contains(call), "{call} in {text}");
        }
    }
}

fn chars(value: &Value) -> usize {
    value.as_str().unwrap().chars().count()
}

/// Every text at its longest and made of what grows most when it is escaped.
#[test]
fn limits_hold_whatever_a_view_says() {
    for filler in ["&", "@", "*", "🤖", "x "] {
        let long = filler.repeat(5_000);
        let mut view = views::crowd(200);
        for row in &mut view.services {
            (row.health, row.name, row.evidence) = (Health::Unhealthy, long.clone(), long.clone());
        }
        view.reasons = vec![long.clone(); 100];
        (view.project, view.actor, view.trigger) = (long.clone(), long.clone(), long.clone());
        (view.branch, view.verdict_reason, view.stopped) = (Some(long.clone()), Some(long.clone()), Some(long.clone()));
        view.ci_run = Some(long.clone());
        view.run_url = Some(format!("https://ci.example/{}", "a".repeat(900)));

        let renderer = Renderer::new().unwrap();
        let slack = renderer.slack(&view).unwrap();
        let blocks = slack["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        assert!(chars(&blocks[0]["text"]["text"]) <= 150);
        for block in &blocks[1..] {
            let texts = block.get("text").into_iter().chain(block["elements"].as_array().into_iter().flatten());
            assert!(texts.map(|text| chars(&text["text"])).all(|length| (1..=3000).contains(&length)));
        }

        let discord = renderer.discord(&view).unwrap();
        let embed = &discord["embeds"][0];
        assert!(chars(&discord["content"]) <= 2000 && chars(&embed["title"]) <= 256);
        assert!(chars(&embed["description"]) <= 4096);
        let fields = embed["fields"].as_array().unwrap();
        let all: usize = fields.iter().map(|field| chars(&field["name"]) + chars(&field["value"])).sum();
        assert!(fields.len() <= 25 && fields.iter().all(|field| (1..=1024).contains(&chars(&field["value"]))));
        assert!(all + chars(&embed["title"]) + chars(&embed["description"]) <= 6000);
    }
}
