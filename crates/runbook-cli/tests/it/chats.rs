//! Slack and Discord: told what is news, not told what is not, and never in the way of a verdict.

use runbook_core::Verdict;
use runbook_testkit::{HttpTarget, Reply};

use crate::bench::{CONFIG, World, stage};

const NOTIFY: &str = r#"
[[notify]]
kind = "slack"
webhook_env = "SLACK_WEBHOOK_URL"

[[notify]]
kind = "discord"
webhook_env = "DISCORD_WEBHOOK_URL"
"#;

struct Chats {
    slack: HttpTarget,
    discord: HttpTarget,
}

impl Chats {
    fn told(&self) -> (usize, usize) {
        (self.slack.requests().len(), self.discord.requests().len())
    }
}

async fn world() -> (World, Chats) {
    let mut world = World::with(&format!("{CONFIG}{NOTIFY}")).await;
    let chats =
        Chats { slack: HttpTarget::start(Reply::text("ok")).await, discord: HttpTarget::start(Reply::new(204)).await };
    world.set("SLACK_WEBHOOK_URL", chats.slack.url("/services/T0/B0/secret-word"));
    world.set("DISCORD_WEBHOOK_URL", chats.discord.url("/api/webhooks/1/secret-word"));
    (world, chats)
}

#[tokio::test]
async fn they_hear_of_changes_and_rollbacks_and_of_nothing_else() {
    let (world, chats) = world().await;
    world.deployed("v1.0.0").await;
    assert_eq!(chats.told(), (0, 0), "all is well, as it was before");
    world.service.fails("v1.0.0");
    let report = world.json(&["update-status"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(chats.told(), (1, 1), "it became CRITICAL");
    let sent: Vec<_> = report.notifications.iter().map(|row| (row.to.as_str(), row.outcome.as_str())).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent.contains(&("slack", "sent")) && sent.contains(&("discord", "sent")), "{sent:?}");
    world.run(&["update-status"]).await.exits(0);
    assert_eq!(chats.told(), (1, 1), "it still is");
    world.service.heals("v1.0.0");
    world.run(&["update-status"]).await.exits(0);
    assert_eq!(chats.told(), (2, 2), "it recovered");
    world.service.fails("v1.1.0");
    world.run(&["deploy", "v1.1.0"]).await.exits(6);
    assert_eq!(chats.told(), (3, 3), "a rollback is news although all is well again");
    let text = |seen: &[runbook_testkit::Seen]| String::from_utf8_lossy(&seen.last().unwrap().body).into_owned();
    for message in [text(&chats.slack.requests()), text(&chats.discord.requests())] {
        let document: serde_json::Value = serde_json::from_str(&message).unwrap();
        assert!(document.is_object());
        assert!(message.contains("v1.1.0") && message.contains("v1.0.0"), "{message}");
    }
}

#[tokio::test]
async fn one_that_fails_changes_no_verdict_and_is_told_by_the_next_run() {
    let (world, chats) = world().await;
    world.deployed("v1.0.0").await;
    world.service.fails("v1.0.0");
    chats.slack.set(Reply::new(500));
    let ran = world.json(&["update-status"]).await;
    let report = ran.exits(0).report(Verdict::Succeeded);
    let (outcome, reason) = stage(&report, "report");
    assert_eq!(outcome, "warned");
    assert!(reason.contains("slack") || reason.contains("Slack"), "{reason}");
    assert!(reason.contains("500"), "{reason}");
    let slack = report.notifications.iter().find(|row| row.to == "slack").unwrap();
    assert_ne!(slack.outcome, "sent");
    ran.hides("secret-word");
    let (_, discord) = chats.told();
    assert_eq!(discord, 1);

    chats.slack.set(Reply::text("ok"));
    let (before, _) = chats.told();
    world.run(&["update-status"]).await.exits(0);
    assert_eq!(chats.told(), (before + 1, 1), "only who has not heard it is told again");
    world.run(&["update-status"]).await.exits(0);
    assert_eq!(chats.told(), (before + 1, 1));
}

#[tokio::test]
async fn an_address_that_is_not_set_is_no_fault_and_a_wrong_one_is() {
    let (mut world, chats) = world().await;
    world.unset("SLACK_WEBHOOK_URL").set("DISCORD_WEBHOOK_URL", "");
    world.run(&["update-status"]).await.exits(0);
    assert_eq!(chats.told(), (0, 0));
    world.set("SLACK_WEBHOOK_URL", "http://hooks.example.com/services/secret-word");
    let ran = world.run(&["update-status"]).await;
    ran.exits(2).says(&["SLACK_WEBHOOK_URL", "not encrypted", "runbook.toml:"]).hides("secret-word");
}
