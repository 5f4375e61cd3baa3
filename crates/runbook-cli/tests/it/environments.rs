//! Several environments: which one is meant is never guessed.

use crate::bench::{CONFIG, World};

fn several() -> String {
    format!("{CONFIG}\n[environment.staging]\n[environment.production]\n")
}

#[tokio::test]
async fn with_several_and_no_default_one_must_be_named() {
    let world = World::with(&several()).await;
    for command in [&["deploy", "v1.0.0"][..], &["rollback"], &["emergency-stop"], &["check"], &["status"]] {
        let ran = world.run(command).await;
        ran.exits(2).says(&["several environments", "staging", "production", "--environment NAME"]);
        world.json(command).await.exits(2).fault("usage");
    }
    assert!(!world.state_dir().exists());
    world.run(&["deploy", "v1.0.0", "--environment", "staging"]).await.exits(0).shows(&["staging"]);
    assert!(world.state_dir().join("journal/staging.jsonl").is_file());
    assert!(!world.journal_file().exists(), "the other environment was not touched");
}

#[tokio::test]
async fn the_default_is_taken_and_an_unknown_one_is_not() {
    let world =
        World::with(&several().replace("schema = 1\n", "schema = 1\ndefault_environment = \"staging\"\n")).await;
    let status = world.json(&["check"]).await.json();
    assert_eq!(status["environment"], "staging");
    let ran = world.run(&["deploy", "v1.0.0", "-e", "stagging"]).await;
    ran.exits(2).says(&["there is no environment `stagging`", "did you mean `staging`?"]);
    world.run(&["check", "-e", "No Such!"]).await.exits(2).says(&["--environment"]);
    assert!(!world.state_dir().exists());
}

#[tokio::test]
async fn an_environment_changes_what_it_names() {
    let text =
        format!("{CONFIG}\n[environment.staging]\n[environment.staging.service.api]\nname = \"The other API\"\n");
    let world = World::with(&text).await;
    let status = world.json(&["check"]).await.json();
    assert_eq!(status["services"][0]["name"], "The other API");
    assert_eq!(status["environment"], "staging", "it is the only one");
}
