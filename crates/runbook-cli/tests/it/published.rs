//! `check --publish`: several processes measure, as the jobs of a matrix or a host inside, and one run takes it.

use runbook_core::{Verdict, state::EnvironmentState};

use crate::bench::World;

const HEAD: &str = "schema = 1\n[project]\nname = \"Many\"\n[monitor]\nconfirm_pause = \"20ms\"\n";

/// Services of one address that have nothing in common but that; `keys` are further ones of each.
fn services(ids: &[&str], keys: &str) -> String {
    let each = ids.iter().map(|id| {
        format!("[[service]]\nid = \"{id}\"\nurl = \"${{API_URL}}\"\n{keys}probe = [{{ kind = \"http\", path = \"/{id}\" }}]\n")
    });
    format!("{HEAD}{}", each.collect::<String>())
}

async fn up(config: &str) -> World {
    let world = World::with(config).await;
    world.put("live", "v1.0.0");
    world
}

#[tokio::test]
async fn two_parts_are_published_and_the_run_asks_nobody_again() {
    let world = up(&services(&["a", "b", "c", "d", "e"], "")).await;
    let begun = world.json(&["update-status", "--until", "safety-gate"]).await.exits(0).json();
    assert_eq!(begun["next"], "monitor");
    let run = begun["run"].as_str().unwrap().to_owned();
    assert_eq!(world.service.asked(), 0);
    let mut measured = Vec::new();
    for (part, of_part) in [("1/2", 3), ("2/2", 2)] {
        let document = world.json(&["check", "--publish", "--shard", part]).await.exits(0).json();
        assert_eq!(document["schema"], "runbook/status/v1");
        let rows = document["services"].as_array().unwrap();
        assert_eq!(rows.len(), of_part);
        measured.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
    }
    measured.sort();
    assert_eq!(measured, ["a", "b", "c", "d", "e"]);
    assert_eq!(world.service.asked(), 5, "each once");
    world.run(&["stage", "monitor", "--run", &run]).await.exits(0);
    let ran = world.json(&["stage", "report", "--run", &run]).await;
    let report = ran.exits(0).report(Verdict::Succeeded);
    assert_eq!(world.service.asked(), 5, "the run took what was published");
    for row in &report.services {
        assert!(row.evidence.contains("→ 200") && row.evidence.contains("; measured by process "), "{}", row.evidence);
    }
    // The next run measures itself: what was published is from before it.
    world.run(&["update-status"]).await.exits(0);
    assert_eq!(world.service.asked(), 10);
    world.run(&["history", "--verify"]).await.exits(0);
    let events: Vec<_> = world.journal().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(EnvironmentState::replay(&events).open_runs.is_empty());
}

#[tokio::test]
async fn what_is_reached_from_elsewhere_only_is_published_there() {
    let world = up(&services(&["inside"], "runs_on = [\"self-hosted\", \"lab\"]\n")).await;
    let row = |document: serde_json::Value| {
        let row = &document["services"][0];
        (row["health"].as_str().unwrap().to_owned(), row["evidence"].as_str().unwrap().to_owned())
    };
    let (health, evidence) = row(world.json(&["update-status"]).await.exits(0).json());
    assert_eq!((health.as_str(), world.service.asked()), ("unknown", 0));
    assert!(evidence.ends_with("there: runbook check inside --publish"), "{evidence}");
    let nobody = world.json(&["check", "--publish", "--shard", "1/1", "--fail-on", "never"]).await;
    assert_eq!(nobody.exits(0).json()["services"], serde_json::json!([]), "it is in no part");
    world.run(&["check", "--publish", "--runs-on", "lab,Self-Hosted", "--dry-run"]).await.exits(0);
    let journal = world.journal();
    assert!(!journal.contains("readings_published"), "{journal}");
    let asked = world.service.asked();
    let ran = world.run(&["check", "--publish", "--runs-on", "lab,Self-Hosted"]).await;
    ran.exits(0).shows(&["OPERATIONAL", "published to the journal of production: readings of 1 services"]);
    assert_eq!(world.service.asked(), asked + 1);
    let (health, evidence) = row(world.json(&["update-status"]).await.exits(0).json());
    assert_eq!((health.as_str(), world.service.asked()), ("healthy", asked + 1));
    assert!(evidence.contains("; measured by process "), "{evidence}");
    let found = world.json(&["doctor"]).await.json();
    let finding = found["findings"].as_array().unwrap().iter().find(|one| one["id"] == "service.inside").unwrap();
    assert_eq!(finding["level"], "ok", "{finding}");
}

#[tokio::test]
async fn its_exit_code_is_the_health_unless_asked_otherwise_and_it_needs_no_forge() {
    let world = up(&services(&["a", "b"], "")).await;
    world.service.fails("v1.0.0");
    world.run(&["check", "--publish"]).await.exits(5).shows(&["CRITICAL", "readings of 2 services"]);
    world.run(&["check", "a", "--publish", "--fail-on", "never"]).await.exits(0);
    let lines = world.run(&["check", "a", "--publish", "--format", "events"]).await.exits(5).lines();
    assert_eq!(lines[0]["kind"], "readings_published");
    assert_eq!(lines.last().unwrap()["schema"], "runbook/status/v1");
    world.run(&["check", "a"]).await.exits(5).hides("published");
}

#[tokio::test]
async fn parts_that_make_no_sense_are_refused() {
    let world = up(&services(&["a", "b"], "")).await;
    for part in ["0/2", "3/2", "1", "x/y", "1/257"] {
        world.json(&["check", "--publish", "--shard", part]).await.exits(2).fault("usage");
    }
    world.json(&["check", "--shard", "1/2"]).await.exits(2).fault("usage");
    world.json(&["check", "a", "--publish", "--shard", "1/2"]).await.exits(2).fault("usage");
    world.json(&["check", "--publish", "--shard", "1/2", "--runs-on", "lab"]).await.exits(2).fault("usage");
    world.configure(|text| text.replacen("id = \"a\"\n", "id = \"a\"\nruns_on = [\"a lab\"]\n", 1));
    let (message, hint) = world.json(&["check"]).await.exits(2).fault("configuration");
    assert!(message.contains("is not the label of a runner") && hint.contains("self-hosted"), "{message} {hint}");
}
