//! What goes where: documents on stdout, words for people on stderr, colours only where they were asked for.

use runbook_core::Verdict;
use serde_json::Value;

use crate::bench::World;

const ESCAPE: &str = "\u{1b}";

/// Every command that ends, whatever it ends with.
const COMMANDS: &[&[&str]] = &[
    &["check"],
    &["status"],
    &["history"],
    &["history", "--verify"],
    &["show", "0"],
    &["schema", "plan"],
    &["init"],
    &["update-status"],
    &["deploy", "v1.0.0"],
    &["deploy", "v9.9.9"],
    &["rollback"],
    &["update-component", "api"],
    &["update-component", "nope"],
    &["deploy", "v1.0.0", "--dry-run"],
    &["emergency-stop"],
    &["resume", "--reason", "a test"],
    &["resume"],
    &["no-such-command"],
];

#[tokio::test]
async fn json_is_one_document_and_events_end_with_it() {
    let world = World::new().await;
    for command in COMMANDS {
        let json = world.json(command).await;
        let document = json.json();
        assert!(document.is_object(), "{json}");
        assert!(document.get("schema").is_some() || document.get("$schema").is_some(), "{json}");
        let events = world.run(&[command, &["--format", "events"][..]].concat()).await;
        let lines = events.lines();
        let (last, events) = lines.split_last().expect("a last document");
        assert_eq!(last.get("schema"), document.get("schema"), "{command:?}");
        for event in events {
            assert_eq!(event["schema"], "runbook/event/v1", "{command:?}");
        }
        json.hides(ESCAPE);
    }
}

#[tokio::test]
async fn events_are_the_journal_as_it_happens() {
    let world = World::new().await;
    let ran = world.run(&["deploy", "v1.0.0", "--format", "events"]).await;
    let lines: Vec<&str> = ran.exits(0).stdout.lines().collect();
    let (_, events) = lines.split_last().unwrap();
    let parse = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let stored: Vec<Value> = world.journal().lines().map(parse).collect();
    assert_eq!(events.iter().map(|line| parse(line)).collect::<Vec<_>>(), stored);
    let kinds: Vec<&str> = stored.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let place = |kind: &str| kinds.iter().position(|k| *k == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
    assert_eq!(place("run_started"), 0);
    assert!(place("effect_intended") < place("effect_finished"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"run_finished"));
}

#[tokio::test]
async fn a_report_has_every_field_of_its_contract() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.service.fails("v1.1.0");
    let ran = world.json(&["deploy", "v1.1.0"]).await;
    ran.exits(6).report(Verdict::RolledBack);
    let report = ran.json();
    for key in [
        "schema",
        "run",
        "action",
        "trigger",
        "actor",
        "environment",
        "branch",
        "commit",
        "started_at",
        "finished_at",
        "elapsed_ms",
        "verdict",
        "operational_status",
        "status_reasons",
        "valid_until",
        "stages",
        "services",
        "releases",
        "rollback",
        "notifications",
    ] {
        assert!(report.get(key).is_some(), "{key} is missing: {ran}");
    }
    assert_eq!(report["schema"], "runbook/report/v1");
    assert_eq!(report["action"], "deploy");
    assert_eq!(report["trigger"], "cli");
    assert_eq!(report["actor"], "tester");
    assert_eq!(report["environment"], "production");
    assert_eq!(report["branch"], "main");
    assert_eq!(report["commit"], world.repository.head().as_str());
    assert_eq!(report["verdict"], "rolled_back");
    let ids: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|stage| stage["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["safety-gate", "ci", "baseline", "deploy", "monitor", "rollback", "verify", "report"]);
    assert!(report["stages"][0]["rules"][0].get("evidence").is_some(), "{ran}");
    let service = &report["services"][0];
    for key in ["id", "name", "health", "critical", "latency_ms", "evidence", "since", "release"] {
        assert!(service.get(key).is_some(), "services[0].{key} is missing: {ran}");
    }
    for key in ["p50", "p95", "samples"] {
        assert!(service["latency_ms"].get(key).is_some(), "latency_ms.{key} is missing: {ran}");
    }
    assert_eq!(report["rollback"]["services"]["api"]["from"], "v1.1.0");
    assert_eq!(report["rollback"]["services"]["api"]["to"], "v1.0.0");
    assert_eq!(report["rollback"]["verified"], true);
    assert!(report["rollback"]["branch"].as_str().unwrap().starts_with("rollback/"), "{ran}");
    assert_eq!(report["releases"]["after"]["api"], "v1.0.0");
}

#[tokio::test]
async fn quiet_says_only_the_end() {
    let world = World::new().await;
    let ran = world.run(&["deploy", "v1.0.0", "-q"]).await;
    ran.exits(0).shows(&["succeeded", "The API", "v1.0.0"]);
    assert_eq!(ran.stderr, "");
    let loud = world.run(&["deploy", "v1.1.0"]).await;
    loud.exits(0).says(&["deploy in production", "✓ safety-gate", "✓ monitor"]);
    let faulty = world.run(&["deploy", "v9.9.9", "-q"]).await;
    faulty.exits(2).says(&["v9.9.9"]);
}

#[tokio::test]
async fn people_read_a_summary() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.service.fails("v1.1.0");
    let ran = world.run(&["deploy", "v1.1.0", "-q"]).await;
    let port = world.service.url().rsplit(':').next().unwrap().to_owned();
    insta::with_settings!({ filters => vec![
        (port.as_str(), "PORT"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "RUN"),
        ("did not run", "TIME"),
        (r"(under )?\d+(\.\d+)? (ms|s)\b", "TIME"),
        (r"\d{8}T\d{6}Z", "STAMP"),
        (r"\d+ of \d+ samples", "N of N samples"),
        (r"  +", "  "),
    ]}, {
        insta::assert_snapshot!(ran.exits(6).stdout);
    });
}

#[tokio::test]
async fn colours_are_only_where_they_were_asked_for() {
    let mut world = World::new().await;
    world.run(&["check"]).await.exits(5).hides(ESCAPE);
    world.run(&["deploy", "v9.9.9"]).await.exits(2).hides(ESCAPE);
    world.run(&["check", "--color", "never"]).await.hides(ESCAPE);
    world.run(&["check", "--color", "always"]).await.shows(&[ESCAPE]);
    world.run(&["deploy", "v9.9.9", "--color", "always"]).await.says(&[ESCAPE]);
    world.set("NO_COLOR", "1");
    world.run(&["check"]).await.hides(ESCAPE);
    let json = world.run(&["check", "--color", "always", "--format", "json"]).await;
    assert!(!json.stdout.contains(ESCAPE), "{json}");
}

#[tokio::test]
async fn a_closed_pipe_is_no_fault() {
    let world = World::new().await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = world.command(&["deploy", "v1.0.0", "--format", "events"]);
    let status = command.stdout(writer).status().await.unwrap();
    assert_eq!(status.code(), Some(0), "the run goes on although nobody reads");
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}
