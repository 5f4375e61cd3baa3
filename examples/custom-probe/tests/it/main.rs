//! The kinds of this example: the contract of every probe, and the real program over a `runbook.toml`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic, and say what it found")]

use std::{fs, path::Path, time::Duration};

use custom_probe::DiskSpace;
use runbook_core::registry::{ProbeDefinition, Scope};
use runbook_testkit::conformance::{self, ProbeCases};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// The marks are such that no disk is over them.
const CONFIG: &str = r#"schema = 1

[project]
name = "Custom"

[[service]]
id = "disk"

[[service.probe]]
kind = "disk-space"
path = "."
at_least = 0.000001

[[service.probe]]
kind = "drain"

[monitor]
confirm = 2
confirm_pause = "20ms"
"#;

fn build(root: &Path, settings: Value) -> DiskSpace {
    let scope = Scope::bare("Custom", "production".parse().unwrap(), root);
    DiskSpace::build(serde_json::from_value(settings).unwrap(), &scope).unwrap()
}

#[tokio::test]
async fn it_does_what_every_probe_promises() {
    let folder = tempfile::tempdir().unwrap();
    // So that no disk is wholly free.
    fs::write(folder.path().join("data"), "something").unwrap();
    conformance::probe(ProbeCases {
        healthy: &build(folder.path(), json!({"path": ".", "at_least": 0.000001})),
        unhealthy: &build(folder.path(), json!({"path": "data", "at_least": 100})),
        unmeasurable: Some(&build(folder.path(), json!({"path": "missing"}))),
        silent: None,
        limit: Duration::from_secs(6),
    })
    .await;
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the example's program in a folder with this configuration.
async fn run(config: &str, arguments: &[&str], arrange: impl FnOnce(&Path)) -> Ran {
    let folder: TempDir = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("runbook.toml"), config).unwrap();
    arrange(folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_custom-probe"));
    command.args(arguments).current_dir(folder.path()).env_clear().env("HOME", folder.path()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What `check` says of the one service: exit code, health and evidence.
async fn check(config: &str, arrange: impl FnOnce(&Path)) -> (Option<i32>, String, String) {
    let ran = run(config, &["check", "--format", "json"], arrange).await;
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    assert_eq!(document["schema"], "runbook/status/v1", "{document}");
    let text = |key: &str| document["services"][0][key].as_str().unwrap().to_owned();
    (ran.code, text("health"), text("evidence"))
}

#[tokio::test]
async fn a_check_says_what_was_measured() {
    let nothing = |_: &Path| {};
    let with = |marks: &str| CONFIG.replace("at_least = 0.000001", marks);

    let (code, health, evidence) = check(CONFIG, nothing).await;
    assert_eq!((code, health.as_str()), (Some(0), "healthy"), "{evidence}");
    assert!(evidence.contains(" % of bytes free"), "{evidence}");

    let (code, health, evidence) = check(&with("at_least = 100"), nothing).await;
    assert_eq!((code, health.as_str()), (Some(5), "unhealthy"), "{evidence}");
    assert!(evidence.contains("expected at least 100 %"), "{evidence}");

    let (code, health, evidence) = check(&with("at_least = 0.000001\ndegrade_below = 100"), nothing).await;
    assert_eq!((code, health.as_str()), (Some(4), "degraded"), "{evidence}");
    assert!(evidence.contains("degraded below 100 %"), "{evidence}");
}

#[tokio::test]
async fn a_path_that_is_missing_is_unknown_and_never_full() {
    let missing = CONFIG.replace("path = \".\"", "path = \"no/such/disk\"");
    let (code, health, evidence) = check(&missing, |_| {}).await;
    assert_eq!((code, health.as_str()), (Some(4), "unknown"), "{evidence}");
    assert!(evidence.contains("failed to look at no/such/disk: No such file or directory"), "{evidence}");
}

#[tokio::test]
async fn a_closure_is_asked_like_every_probe() {
    let drain = |folder: &Path| fs::write(folder.join("DRAIN"), "").unwrap();
    let (code, health, evidence) = check(CONFIG, drain).await;
    assert_eq!((code, health.as_str()), (Some(4), "degraded"), "{evidence}");
    assert!(evidence.contains("there is a file DRAIN"), "{evidence}");
}

/// (what is written, what is written instead, its place, its key, what mends it)
#[tokio::test]
async fn a_wrong_setting_is_shown_with_its_place_and_key() {
    let (path, at_least) = ("path = \".\"", "at_least = 0.000001");
    let (disk, drain) = ("kind = \"disk-space\"", "kind = \"drain\"");
    for (right, wrong, place, key, says) in [
        (at_least, "at_lest = 5", "12:1", "probe[0]", "did you mean `at_least`?"),
        (at_least, "at_least = 0", "12:12", "probe[0].at_least", "a percentage above 0"),
        (at_least, "at_least = nan", "12:12", "probe[0].at_least", "a percentage above 0"),
        (at_least, "at_least = \"much\"", "12:12", "probe[0].at_least", "found the string \"much\""),
        (at_least, "degrade_below = 4", "12:17", "probe[0].degrade_below", "a percentage above `at_least`"),
        (at_least, "of = \"blocks\"", "12:6", "probe[0].of", "unknown value `blocks`"),
        (at_least, "timeout = \"0s\"", "12:11", "probe[0].timeout", "a timeout of 0"),
        (path, "path = \"\"", "11:8", "probe[0].path", "it must name a file"),
        (path, "", "9:1", "probe[0]", "the key `path` is missing"),
        (disk, "kind = \"disk-spase\"", "10:8", "probe[0].kind", "did you mean `disk-space`?"),
        (drain, "kind = \"drain\"\nfile = \"X\"", "16:1", "probe[1]", "unknown key `file`"),
    ] {
        assert!(CONFIG.contains(right), "{right}");
        let ran = run(&CONFIG.replacen(right, wrong, 1), &["check"], |_| {}).await;
        assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.stderr);
        let (place, key) = (format!("runbook.toml:{place}: "), format!("(at service[0].{key})"));
        for expected in [place.as_str(), key.as_str(), says] {
            assert!(ran.stderr.contains(expected), "{wrong}: {expected} is missing in {}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn the_examples_own_configuration_is_one_and_editors_know_its_kinds() {
    let config = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("runbook.toml")).unwrap();
    let ran = run(&config, &["check", "--format", "json"], |_| {}).await;
    // How full this machine's disk is, is not this test's.
    assert!(matches!(ran.code, Some(0 | 4 | 5)), "{:?}: {}", ran.code, ran.stderr);

    let ran = run(&config, &["schema", "config"], |_| {}).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for word in ["disk-space", "degrade_below", "drain"] {
        assert!(ran.stdout.contains(&format!("\"{word}\"")), "{word}");
    }
}
