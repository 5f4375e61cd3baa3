//! `runbook init`: from nothing to a first check.

use std::fs;

use crate::bench::World;

#[tokio::test]
async fn it_writes_what_check_can_read_at_once() {
    for (template, variable) in [("minimal", "APP_URL"), ("forge", "FASTAPI_URL")] {
        let mut world = World::new().await;
        world.repository.remove("runbook.toml");
        let ran = world.run(&["init", "--template", template]).await;
        ran.exits(0).shows(&["wrote runbook.toml", "next: runbook check"]);
        world.run(&["status"]).await.exits(4);
        let url = world.service.url();
        for name in ["APP_URL", "FASTAPI_URL", "FLASK_URL", "GRADIO_URL"] {
            world.set(name, url.as_str());
        }
        world.put("live", "v1.0.0");
        world.run(&["check"]).await.exits(0).shows(&["OPERATIONAL"]);
        world.set(variable, "");
        let text = fs::read_to_string(world.repository.path().join("runbook.toml")).unwrap();
        assert!(text.contains(&format!("${{{variable}:-http://localhost:")), "{text}");
    }
}

#[tokio::test]
async fn it_never_overwrites_unless_it_is_told_to() {
    let world = World::new().await;
    let file = world.repository.path().join("runbook.toml");
    let mine = fs::read_to_string(&file).unwrap();
    world.run(&["init"]).await.exits(2).says(&["runbook.toml is there already", "--force"]);
    let (_, hint) = world.json(&["init"]).await.exits(2).fault("usage");
    assert!(hint.contains("--force"), "{hint}");
    assert_eq!(fs::read_to_string(&file).unwrap(), mine);
    world.run(&["init", "--force", "--dry-run"]).await.exits(0).shows(&["schema = 1"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), mine);
    let document = world.json(&["init", "--force"]).await.exits(0).json();
    assert_eq!((&document["schema"], &document["written"]), (&"runbook/init/v1".into(), &true.into()));
    assert_ne!(fs::read_to_string(&file).unwrap(), mine);
}

#[tokio::test]
async fn it_writes_where_it_is_told_to() {
    let world = World::new().await;
    world.run(&["init", "--config", "other.toml"]).await.exits(0).shows(&["wrote other.toml"]);
    assert!(world.repository.path().join("other.toml").is_file());
    world
        .run(&["init", "--config", "no/folder/other.toml"])
        .await
        .exits(2)
        .says(&["failed to write no/folder/other.toml"]);
}

#[tokio::test]
async fn with_the_workflow_it_keeps_a_configuration_that_is_there() {
    let world = World::new().await;
    let file = world.repository.path().join("runbook.toml");
    let mine = fs::read_to_string(&file).unwrap();
    let workflow = world.repository.path().join(".github/workflows/ai-agent-handoff-runbook.yml");
    let ran = world.run(&["init", "--github", "--dry-run"]).await;
    ran.exits(0).shows(&["name: AI Agent Handoff & Autonomous Runbook"]);
    assert!(!workflow.exists());
    let document = world.json(&["init", "--github"]).await.exits(0).json();
    assert_eq!(document["files"], serde_json::json!([".github/workflows/ai-agent-handoff-runbook.yml"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), mine);
    world.run(&["workflow", "--check"]).await.exits(0);
    world.repository.remove("runbook.toml");
    world.run(&["init", "--github"]).await.exits(0).shows(&["wrote runbook.toml", "wrote .github/workflows/"]);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("on_push"), "a push must not deploy before somebody wants it to: {text}");
    fs::write(&workflow, "name: mine\n").unwrap();
    world.run(&["init", "--github"]).await.exits(2).says(&["was not generated", "--force"]);
    assert_eq!(fs::read_to_string(&workflow).unwrap(), "name: mine\n");
}

#[tokio::test]
async fn the_scripts_are_calls_of_one_line() {
    let world = World::new().await;
    world
        .run(&["init", "--scripts"])
        .await
        .exits(0)
        .shows(&["kept runbook.toml as it is", "wrote scripts/runbook/rollback.sh"]);
    for (name, command) in [
        ("health-check", "check"),
        ("update-component", "update-component"),
        ("rollback", "rollback"),
        ("emergency-stop", "emergency-stop"),
    ] {
        let file = world.repository.path().join(format!("scripts/runbook/{name}.sh"));
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("#!/bin/sh\nexec runbook {command} \"$@\"\n"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o111, 0o111);
        }
    }
    world.run(&["init", "--scripts"]).await.exits(2).says(&["is there already", "--force"]);
    world.run(&["init", "--scripts", "--force"]).await.exits(0).shows(&["wrote runbook.toml"]);
}
