//! A configuration that cannot be used: exit code 2, the place, the mistake and the way out; and nothing was done.

use std::fs;

use crate::bench::{CONFIG, World};

/// A mistake: what is replaced by what, and what must be said about it.
struct Mistake {
    replace: &'static str,
    by: &'static str,
    place: &'static str,
    says: &'static [&'static str],
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        replace: "critical = true",
        by: "critcal = true",
        place: "runbook.toml:10:1",
        says: &["unknown key `critcal`", "did you mean `critical`?", "^^^^^^^"],
    },
    Mistake {
        replace: "timeout = \"2s\"",
        by: "timeuot = \"2s\"",
        place: "runbook.toml:22:1",
        says: &["unknown key `timeuot`", "did you mean `timeout`?", "^^^^^^^"],
    },
    Mistake {
        replace: "[monitor]",
        by: "[monitr]",
        place: "runbook.toml:24:2",
        says: &["unknown key `monitr`", "did you mean `monitor`?"],
    },
    Mistake {
        replace: "critical = true",
        by: "critical = \"yes\"",
        place: "runbook.toml:10:12",
        says: &["service[0].critical", "^^^^^"],
    },
    Mistake {
        replace: "window = \"150ms\"",
        by: "window = \"300\"",
        place: "runbook.toml:25:10",
        says: &["monitor.window", "^^^^^"],
    },
    Mistake {
        replace: "window = \"150ms\"",
        by: "window = \"1ms\"",
        place: "runbook.toml:25:10",
        says: &["shorter than the pause between two samples"],
    },
    Mistake {
        replace: "kind = \"http\"",
        by: "kind = \"htp\"",
        place: "runbook.toml:20:8",
        says: &["htp", "did you mean `http`?"],
    },
    Mistake {
        replace: "kind = \"command\"",
        by: "kind = \"commnad\"",
        place: "runbook.toml:13:8",
        says: &["commnad", "did you mean `command`?"],
    },
    Mistake {
        replace: "\"{version}\"]",
        by: "\"{verison}\"]",
        place: "runbook.toml:14:10",
        says: &["{verison}", "{version}"],
    },
    Mistake {
        replace: "path = \"/health\"",
        by: "expect = { status = [\"2xx-299\"] }",
        place: "runbook.toml:21:",
        says: &["2xx-299"],
    },
    Mistake { replace: "id = \"api\"", by: "id = \"The Api!\"", place: "runbook.toml:7:6", says: &["The Api!"] },
    Mistake { replace: "${API_URL}", by: "${APY_URL}", place: "runbook.toml:9:7", says: &["APY_URL", "is not set"] },
    Mistake { replace: "schema = 1", by: "schema = 2", place: "runbook.toml:1:", says: &["reads schema 1"] },
    Mistake { replace: "schema = 1", by: "", place: "runbook.toml", says: &["`schema` is missing"] },
    Mistake { replace: "[project]", by: "[project", place: "runbook.toml:3:", says: &[] },
    Mistake {
        replace: "[monitor]",
        by: "[[stage]]\nid = \"smoke\"\nkind = \"smoke\"\nafter = \"deploy\"\n[monitor]",
        place: "runbook.toml:26:8",
        says: &["smoke"],
    },
    Mistake {
        replace: "[monitor]",
        by: "[[notify]]\nkind = \"slak\"\n[monitor]",
        place: "runbook.toml:25:8",
        says: &["did you mean `slack`?"],
    },
];

fn base() -> String {
    CONFIG.replace("url = \"${API_URL}\"\n", "url = \"${API_URL}\"\ncritical = true\n")
}

#[tokio::test]
async fn every_mistake_is_shown_with_its_place_and_stops_every_command() {
    let world = World::with(&base()).await;
    world.run(&["deploy", "v1.0.0", "--dry-run"]).await.exits(0);
    for mistake in MISTAKES {
        let text = base().replacen(mistake.replace, mistake.by, 1);
        assert_ne!(text, base(), "the mistake was not made: {}", mistake.by);
        world.repository.write("runbook.toml", text);
        let before = world.outside();
        let deploy = world.run(&["deploy", "v1.0.0"]).await;
        deploy.exits(2).says(&[mistake.place]).says(mistake.says);
        assert!(deploy.stdout.is_empty(), "{deploy}");
        world.run(&["check"]).await.exits(2).says(&[mistake.place]);
        let (message, hint) = world.json(&["update-status"]).await.exits(2).fault("configuration");
        assert!(message.contains(mistake.place), "{message}");
        for words in mistake.says.iter().filter(|words| !words.contains("^^")) {
            assert!(
                message.contains(words) || hint.contains(words),
                "{words:?} is in neither {message:?} nor {hint:?}"
            );
        }
        assert_eq!(world.outside(), before);
        assert!(!world.state_dir().exists(), "{}", mistake.by);
    }
}

#[tokio::test]
async fn a_mistake_looks_like_this() {
    let world = World::with(&base().replace("critical", "critcal")).await;
    let ran = world.run(&["check"]).await;
    insta::assert_snapshot!(ran.exits(2).stderr);
}

#[tokio::test]
async fn without_a_configuration_the_way_to_one_is_shown() {
    let world = World::new().await;
    world.repository.remove("runbook.toml");
    for command in [&["check"][..], &["deploy"], &["status"], &["history"], &["emergency-stop"]] {
        let ran = world.run(command).await;
        ran.exits(2).says(&["runbook.toml was not found in ", "runbook init"]);
    }
    let (_, hint) = world.json(&["check"]).await.exits(2).fault("configuration");
    assert!(hint.contains("runbook init") && hint.contains("--config"), "{hint}");
    let named = world.run(&["check", "--config", "nowhere.toml"]).await;
    named.exits(2).says(&["nowhere.toml", "No such file"]);
    assert!(!world.state_dir().exists());
}

#[tokio::test]
async fn it_is_found_from_a_folder_below() {
    let world = World::new().await;
    world.repository.write("src/deep/main.rs", "");
    let mut command = world.command(&["check", "--format", "json"]);
    let output = command.current_dir(world.repository.path().join("src/deep")).output().await.unwrap();
    assert_eq!(output.status.code(), Some(5), "the service is down, and it was asked");
}

#[tokio::test]
async fn what_is_no_text_is_told_from_a_mistake() {
    let world = World::new().await;
    let file = world.repository.path().join("runbook.toml");
    fs::write(&file, b"schema = 1\nname = \"\xff\xfe\"\n").unwrap();
    world.run(&["check"]).await.exits(2).says(&["runbook.toml", "it is not UTF-8", "save it as UTF-8"]);
    fs::write(&file, "# filler\n".repeat(600_000)).unwrap();
    world.run(&["check"]).await.exits(2).says(&["runbook.toml", "5400000 bytes", "no configuration"]);
    fs::write(&file, "").unwrap();
    world.run(&["check"]).await.exits(2).says(&["runbook.toml", "schema"]);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    world.run(&["check"]).await.exits(2).says(&["runbook.toml", "directory"]);
    world.run(&["check", "--config", "runbook.toml"]).await.exits(2).says(&["runbook.toml", "directory"]);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_named_with_those_that_are() {
    let world = World::new().await;
    let before = world.outside();
    for command in
        [&["check", "nope"][..], &["update-component", "nope"], &["update-component", "nope", "--version", "v1.0.0"]]
    {
        world.run(command).await.exits(2).says(&["there is no service \"nope\"", "configured: api"]);
        world.json(command).await.exits(2).fault("usage");
    }
    world.run(&["update-component", "No Such!"]).await.exits(2).says(&["No Such!"]);
    world.run(&["check", "--all", "api"]).await.exits(2).says(&["--all"]);
    assert_eq!(world.outside(), before);
    assert!(!world.state_dir().exists(), "no trace is left");
}
