//! Secrets leave by no door, also when a service or a command says them back.

use std::fs;

use runbook_testkit::{HttpTarget, Reply, github::FakeGitHub};

use crate::bench::{CONFIG, World};

const WEBHOOK_WORD: &str = "hunter2hunter2hunter2";
const DATABASE: &str = "correct-horse-battery-staple";

#[tokio::test]
async fn no_secret_is_in_any_word_that_leaves() {
    let github = FakeGitHub::start().await;
    let chat =
        HttpTarget::start(Reply::new(404).body(format!("no webhook at /services/T00000000/{WEBHOOK_WORD}"))).await;
    let text =
        CONFIG.replace("pass_env = [\"MACHINE\"]", "pass_env = [\"MACHINE\", \"GITHUB_TOKEN\", \"DATABASE_PASSWORD\"]");
    let ci = "[ci]\ncommands = [[\"sh\", \"-c\", \"echo using $GITHUB_TOKEN; echo $DATABASE_PASSWORD >&2; exit 1\"]]\n\
              pass_env = [\"GITHUB_TOKEN\", \"DATABASE_PASSWORD\"]\n";
    let slack = "[[notify]]\nkind = \"slack\"\nwebhook_env = \"TEAM_CHAT\"\n";
    let mut world = World::with(&format!("{text}\n{slack}")).await;
    world.publish_to(&github);
    world.set("TEAM_CHAT", chat.url(&format!("/services/T00000000/{WEBHOOK_WORD}")));
    world.set("DATABASE_PASSWORD", DATABASE);
    let token = github.token();

    world.service.answers("v1.0.0", 500, &format!(r#"{{"status": "no database at {DATABASE} for {token}"}}"#));
    world.put("live", "v1.0.0");
    world.put("break-v1.1.0", &format!("cannot log in with {DATABASE}\nnor with {token}\n"));
    let mut said = String::new();
    let mut run = async |world: &World, arguments: &[&str]| {
        for format in ["human", "json", "events"] {
            let ran = world.run(&[arguments, &["--format", format, "-vv"]].concat()).await;
            said.push_str(&format!("{}{}", ran.stdout, ran.stderr));
        }
    };
    run(&world, &["check"]).await;
    run(&world, &["update-status"]).await;
    run(&world, &["deploy", "v1.1.0"]).await;
    run(&world, &["status"]).await;
    run(&world, &["history"]).await;
    world.configure(|text| format!("{text}\n{ci}"));
    run(&world, &["deploy", "v1.1.0", "--reason", &format!("the password is {DATABASE}")]).await;
    run(&world, &["deploy", &token]).await;
    // The commands did say them, and what they said was shown.
    assert!(said.contains("cannot log in with ***") && said.contains("using ***"), "{said}");

    let mut issue: String = github.issues().iter().map(|issue| format!("{issue:?}")).collect();
    issue.extend(github.issues().iter().flat_map(|issue| github.comments(issue.number)).map(|c| c.body));
    assert!(issue.contains("Runbook"), "an issue was written");
    let messages: String =
        chat.requests().iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect();
    assert!(!messages.is_empty(), "the chat was told");
    let kept = everything_below(&world.state_dir());
    assert!(kept.contains("run_started"));
    for (place, text) in [("output", said), ("state directory", kept), ("issue", issue), ("chat", messages)] {
        for secret in [&token, WEBHOOK_WORD, DATABASE] {
            let at = text.find(secret).map(|at| text[at.saturating_sub(200)..].chars().take(300).collect::<String>());
            assert_eq!(at, None, "a secret is in the {place}");
        }
    }
}

fn everything_below(folder: &std::path::Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&everything_below(&path));
        } else {
            all.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
    all
}
