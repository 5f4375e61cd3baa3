//! `--dry-run` prints the plan and touches nothing.

use serde_json::Value;

use crate::bench::World;

const ACTIONS: &[&[&str]] = &[
    &["update-status"],
    &["deploy", "v1.0.0"],
    &["rollback", "v1.0.0"],
    &["update-component", "api", "--version", "v1.0.0"],
    &["emergency-stop"],
    &["resume", "--reason", "a test"],
];

#[tokio::test]
async fn it_prints_the_same_plan_twice_and_touches_nothing() {
    let world = World::new().await;
    let before = world.outside();
    for action in ACTIONS {
        let dry = [action, &["--dry-run"][..]].concat();
        let (first, second) = (world.run(&dry).await, world.run(&dry).await);
        first.exits(0).shows(&[action[0], "digest"]);
        assert_eq!(first.stdout, second.stdout);
        let document = world.json(&dry).await.exits(0).json();
        let digest = document["digest"].as_str().unwrap();
        assert!(digest.len() == 64 && first.stdout.contains(digest), "{document}");
        assert_eq!((&document["schema"], &document["action"]), (&"runbook/plan/v1".into(), &action[0].into()));
    }
    assert_eq!(world.outside(), before);
    assert!(!world.state_dir().exists());
}

#[tokio::test]
async fn it_says_what_would_happen_to_what() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let journal = world.journal();
    let ran = world.run(&["deploy", "v1.1.0", "--dry-run"]).await;
    ran.exits(0).shows(&["api", "v1.0.0", "v1.1.0", "safety-gate", "monitor", "report"]);
    let plan = world.json(&["deploy", "v1.1.0", "--dry-run"]).await.json();
    let service = &plan["services"][0];
    assert_eq!(service["target"]["id"], "v1.1.0");
    assert_eq!(service["way_back"]["id"], "v1.0.0");
    assert_eq!(world.journal(), journal);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn another_world_has_another_digest() {
    let world = World::new().await;
    let digest = async |version: &str| -> Value {
        world.json(&["deploy", version, "--dry-run"]).await.exits(0).json()["digest"].clone()
    };
    let before = digest("v1.1.0").await;
    assert_ne!(digest("v1.0.0").await, before, "another version");
    world.deployed("v1.0.0").await;
    let deployed = digest("v1.1.0").await;
    assert_ne!(deployed, before, "something else is live");
    world.configure(|text| text.replace("window = \"150ms\"", "window = \"400ms\""));
    assert_ne!(digest("v1.1.0").await, deployed, "another configuration");
}

#[tokio::test]
async fn what_cannot_be_planned_is_said() {
    let world = World::new().await;
    world.run(&["deploy", "v9.9.9", "--dry-run"]).await.exits(2).says(&["v9.9.9"]);
    assert!(!world.state_dir().exists());
}
