//! The stages of this example, from a configuration and through every command of Runbook that it keeps.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic, and say what it found")]

use std::{fs, path::Path};

use runbook_testkit::{HttpTarget, Reply};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

const CONFIG: &str = r#"schema = 1

[project]
name = "Custom"

[[service]]
id = "api"
url = "${API_URL}"

[service.deploy]
kind = "command"
deploy = ["sh", "-c", "printf %s \"$0\" > live", "{version}"]
live = ["sh", "-c", "cat live 2>/dev/null || echo -"]

[[stage]]
id = "freeze"
kind = "freeze"
after = "safety-gate"

[[stage]]
id = "announce"
kind = "announce"
after = "monitor"
with = { file = "deployed.txt" }

[monitor]
window = "100ms"
interval = "20ms"
startup = "100ms"
confirm_pause = "20ms"
"#;

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A folder with this configuration, a healthy service, and the example's program.
struct Project {
    folder: TempDir,
    service: HttpTarget,
}

impl Project {
    async fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("runbook.toml"), config).unwrap();
        Self { folder, service: HttpTarget::start(Reply::text("fine")).await }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_custom-stage"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.folder.path());
        let output = command.env("API_URL", self.service.url("")).kill_on_drop(true).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Deploys, and gives the exit code and each stage's outcome.
    async fn deploy(&self) -> (Option<i32>, Vec<(String, String)>) {
        let ran = self.run(&["deploy", "v1.0.0", "--format", "json"]).await;
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
        let text = |stage: &Value, key: &str| stage[key].as_str().unwrap().to_owned();
        let stages = report["stages"].as_array().unwrap();
        (ran.code, stages.iter().map(|stage| (text(stage, "id"), text(stage, "outcome"))).collect())
    }
}

fn outcome<'a>(stages: &'a [(String, String)], id: &str) -> &'a str {
    stages.iter().find(|(stage, _)| stage == id).map(|(_, outcome)| outcome.as_str()).unwrap()
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[tokio::test]
async fn stages_stand_where_the_file_says_and_do_their_work() {
    let project = Project::new(CONFIG).await;
    let (code, stages) = project.deploy().await;
    assert_eq!(code, Some(0), "{stages:?}");
    let ids: Vec<&str> = stages.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        ids,
        ["safety-gate", "freeze", "ci", "baseline", "deploy", "monitor", "announce", "rollback", "verify", "report"]
    );
    assert_eq!((outcome(&stages, "freeze"), outcome(&stages, "announce")), ("passed", "passed"));
    assert_eq!(read(project.path("deployed.txt")).as_deref(), Some("api v1.0.0\n"));
    assert_eq!(read(project.path("live")).as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn a_freeze_blocks_before_anything_is_changed() {
    let project = Project::new(CONFIG).await;
    fs::write(project.path("FREEZE"), "").unwrap();
    let ran = project.run(&["deploy", "v1.0.0"]).await;
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stdout.contains("there is a file FREEZE"), "{}", ran.stdout);
    assert_eq!((read(project.path("live")), read(project.path("deployed.txt"))), (None, None));
    fs::remove_file(project.path("FREEZE")).unwrap();
    assert_eq!(project.deploy().await.0, Some(0));
}

#[tokio::test]
async fn an_announcement_that_cannot_be_written_is_told() {
    let project = Project::new(&CONFIG.replace("deployed.txt", "no/such/folder/deployed.txt")).await;
    let (code, stages) = project.deploy().await;
    assert_eq!(outcome(&stages, "announce"), "failed", "{stages:?}");
    assert!(matches!(code, Some(6 | 7)), "the release is live, and its run failed: {code:?}");
}

#[tokio::test]
async fn a_wrong_setting_is_shown_with_its_place() {
    for (wrong, place, says) in [
        ("with = { fiel = \"deployed.txt\" }", "runbook.toml:24:10", "did you mean `file`?"),
        ("with = { file = \"\" }", "runbook.toml:24:17", "it must name a file"),
        ("with = { file = 7 }", "runbook.toml:24:17", "file"),
    ] {
        let project = Project::new(&CONFIG.replace("with = { file = \"deployed.txt\" }", wrong)).await;
        let ran = project.run(&["deploy", "v1.0.0"]).await;
        assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains(place) && ran.stderr.contains(says), "{wrong}: {}", ran.stderr);
        assert!(!project.path(".runbook").exists(), "{wrong}");
    }
    let unknown = Project::new(&CONFIG.replace("kind = \"announce\"", "kind = \"anounce\"")).await;
    let ran = unknown.run(&["check"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("runbook.toml:22:8") && ran.stderr.contains("`announce`"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_plan_names_them() {
    let project = Project::new(CONFIG).await;
    let ran = project.run(&["deploy", "v1.0.0", "--dry-run"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("freeze") && ran.stdout.contains("announce"), "{}", ran.stdout);
    assert!(!project.path(".runbook").exists());
}
