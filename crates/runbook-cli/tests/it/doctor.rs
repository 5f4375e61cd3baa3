//! `runbook doctor`: what does not work is found, with the command that mends it, and what nobody could ask is not ok.

use runbook_testkit::{ConnectProxy, TempRepository, github::FakeGitHub};
use serde_json::Value;

use crate::bench::{Ran, World};

const WORKFLOW: &str = "ai-agent-handoff-runbook.yml";

/// The finding of this name in a document.
#[track_caller]
fn finding(ran: &Ran, id: &str) -> Value {
    let document = ran.json();
    assert_eq!(document["schema"], "runbook/doctor/v1", "{ran}");
    let findings = document["findings"].as_array().unwrap_or_else(|| panic!("no findings: {ran}"));
    findings.iter().find(|finding| finding["id"] == id).unwrap_or_else(|| panic!("nothing of {id}: {ran}")).clone()
}

#[track_caller]
fn level(ran: &Ran, id: &str) -> String {
    finding(ran, id)["level"].as_str().unwrap_or_default().to_owned()
}

/// A world that is deployed, with a GitHub that knows its workflow.
async fn well() -> (World, FakeGitHub) {
    let github = FakeGitHub::start().await;
    github.add_workflow(WORKFLOW, "AI Agent Handoff & Autonomous Runbook", true);
    let mut world = World::new().await;
    world.publish_to(&github);
    world.deployed("v1.0.0").await;
    (world, github)
}

#[tokio::test]
async fn every_finding_says_what_why_and_what_mends_it() {
    let (world, github) = well().await;
    github.forget_requests();
    let before = world.outside();
    // What a token of this kind may write, GitHub does not say.
    let ran = world.json(&["doctor"]).await;
    ran.exits(4);
    assert_eq!(world.outside(), before, "a doctor changes nothing");
    assert!(github.requests().iter().all(|call| call.method == "GET"));
    for id in ["configuration", "state-directory", "journal", "repository", "clock", "github.token", "service.api"] {
        assert_eq!(level(&ran, id), "ok", "{id}: {ran}");
    }
    assert_eq!(level(&ran, "permission.issues"), "unknown");
    for finding in ran.json()["findings"].as_array().unwrap() {
        let is_well = finding["level"] == "ok";
        assert_eq!((finding["why"].is_null(), finding["mend"].is_null()), (is_well, is_well), "{finding}");
    }
    ran.hides(&github.token());
    world.run(&["doctor"]).await.exits(4).shows(&["?  permission.issues", "mend", "issues: write", "0 problem"]);
}

#[tokio::test]
async fn a_workflow_is_held_against_what_would_be_generated() {
    let (world, _github) = well().await;
    assert_eq!(level(&world.json(&["doctor"]).await, "workflow.file"), "warning");
    world.run(&["workflow"]).await.exits(0);
    assert_eq!(level(&world.json(&["doctor"]).await, "workflow.file"), "ok");
    let file = world.repository.path().join(".github/workflows").join(WORKFLOW);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}# mended by hand\n")).unwrap();
    let ran = world.json(&["doctor"]).await;
    assert_eq!(level(&ran, "workflow.file"), "warning");
    assert!(finding(&ran, "workflow.file")["mend"].as_str().unwrap().contains("runbook workflow"), "{ran}");
}

#[tokio::test]
async fn what_does_not_work_ends_with_5() {
    let (world, github) = well().await;
    world.service.fails("v1.0.0");
    let ran = world.json(&["doctor"]).await;
    ran.exits(5);
    assert_eq!(level(&ran, "service.api"), "problem");
    github.revoke(&github.token());
    let ran = world.json(&["doctor"]).await;
    ran.exits(5);
    assert_eq!(level(&ran, "github.token"), "problem");
    assert_eq!(level(&ran, "schedule.enabled"), "unknown", "nobody was let in");
    world.run(&["emergency-stop", "--reason", "drill"]).await;
    assert_eq!(level(&world.json(&["doctor"]).await, "stop-latch"), "warning");
}

#[tokio::test]
async fn without_a_token_nothing_of_github_is_ok() {
    let (mut world, _github) = well().await;
    world.unset("GITHUB_TOKEN");
    let ran = world.json(&["doctor"]).await;
    ran.exits(4);
    let findings = ran.json()["findings"].as_array().cloned().unwrap();
    let of_github = findings.iter().filter(|finding| {
        let id = finding["id"].as_str().unwrap_or_default();
        ["github.", "permission.", "schedule."].iter().any(|prefix| id.starts_with(prefix))
    });
    let levels: Vec<&Value> = of_github.map(|finding| &finding["level"]).collect();
    assert!(levels.len() > 3 && levels.iter().all(|level| *level == "unknown"), "{ran}");
    assert_eq!(finding(&ran, "github.token")["what"], "GITHUB_TOKEN is not set");
}

#[tokio::test]
async fn a_remote_journal_is_asked_whether_it_takes_pushes() {
    let (world, _github) = well().await;
    let remote = TempRepository::bare();
    world.repository.add_remote("origin", &remote);
    world.configure(|text| format!("{text}\n[journal]\nhome = \"remote\"\n"));
    let ran = world.json(&["doctor"]).await;
    assert_eq!((level(&ran, "remote.read").as_str(), level(&ran, "remote.push").as_str()), ("ok", "ok"), "{ran}");
    assert_eq!(remote.find_ref("refs/runbook/doctor"), None);
    world.configure(|text| text.replace("home = \"remote\"", "home = \"remote\"\nremote = \"nowhere\""));
    let ran = world.json(&["doctor"]).await;
    assert_ne!(level(&ran, "remote.read"), "ok", "{ran}");
    assert_ne!(level(&ran, "remote.push"), "ok", "{ran}");
    assert_ne!(level(&ran, "journal"), "ok", "{ran}");
}

#[tokio::test]
async fn a_secret_that_is_not_set_is_named() {
    let (world, _github) = well().await;
    world.configure(|text| format!("{text}\n[[notify]]\nkind = \"slack\"\nwebhook_env = \"TEAM_HOOK\"\n"));
    let ran = world.json(&["doctor"]).await;
    let found = finding(&ran, "configuration.variables");
    assert!(found["what"].as_str().unwrap().contains("TEAM_HOOK"), "{ran}");
    assert!(found["mend"].as_str().unwrap().contains("${{ secrets.TEAM_HOOK }}"), "{ran}");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_ends_with_2() {
    let world = World::new().await;
    world.configure(|text| text.replace("[monitor]", "[moniter]"));
    world.json(&["doctor"]).await.exits(2).fault("configuration");
}

/// The whole way: a proxy that wants a password, a tunnel, TLS with an authority of one's own, a GitHub App behind it.
#[tokio::test]
async fn a_github_behind_a_proxy_is_reached_as_an_app() {
    let github = FakeGitHub::start().await;
    let grant = runbook_testkit::github::Grant::user("nobody");
    let key = github.add_app("watchman", grant);
    let mut world = World::new().await;
    world.configure(|text| {
        format!("{text}\n[github]\napp_id_env = \"WATCHMAN_ID\"\napp_private_key_env = \"WATCHMAN_KEY\"\n")
    });
    let address = github.url().trim_start_matches("http://").parse().unwrap();
    let authority = world.beside("ca.pem");
    let proxy = ConnectProxy::start("git.example.com", address, &authority, Some("mona:hunter2-hunter2")).await;
    world.publish_to(&github).unset("GITHUB_TOKEN");
    world.set("GITHUB_API_URL", "https://git.example.com");
    world.set("HTTPS_PROXY", proxy.url_with("mona:hunter2-hunter2"));
    world.set("SSL_CERT_FILE", authority.display().to_string());
    world.set("WATCHMAN_ID", key.id.to_string()).set("WATCHMAN_KEY", key.private_key.clone());

    let ran = world.json(&["doctor"]).await;
    assert_eq!(level(&ran, "github.token"), "ok", "{ran}");
    assert_eq!(level(&ran, "permission.issues"), "ok", "an App knows what it may do: {ran}");
    ran.hides("hunter2");
    world.run(&["update-status"]).await.exits(0).hides("hunter2").hides(&key.private_key[40..90]);
    assert_eq!(github.issues().len(), 1);
    assert_eq!(github.issues()[0].author, "watchman[bot]");
    assert!(proxy.heads().iter().all(|head| head.starts_with("CONNECT git.example.com:443 ")), "{:?}", proxy.heads());

    world.set("HTTPS_PROXY", proxy.url_with("mona:wrong-wrong"));
    let ran = world.json(&["doctor"]).await;
    let found = finding(&ran, "github.token");
    assert_eq!(found["level"], "unknown", "{ran}");
    assert!(found["what"].as_str().unwrap().contains("proxy authorization required"), "{ran}");
    ran.hides("wrong-wrong");
}
