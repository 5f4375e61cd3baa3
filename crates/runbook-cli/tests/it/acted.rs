//! The generated workflow, executed: nektos act runs its jobs without containers for every event that it answers. The
//! actions of others are replaced by small local ones; the repository, the journal at a remote, `runbook`, the service and
//! the fake GitHub are those of every other test. `cargo xtask contract act` starts this, and names act in `RUNBOOK_ACT`.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Stdio};

use runbook_testkit::github::FakeGitHub;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::bench::{CONFIG, LONGEST, World};

const FILE: &str = "ai-agent-handoff-runbook.yml";

/// As `actions/checkout` would, from the repository of the test.
const CHECKOUT: &str = r#"name: checkout
inputs: { ref: { required: true }, fetch-depth: {}, persist-credentials: {} }
outputs: { commit: { value: "${{ steps.clone.outputs.commit }}" } }
runs:
  using: composite
  steps:
    - id: clone
      shell: bash
      run: |
        git clone --quiet "$CHECKOUT_FROM" .
        git checkout --quiet "$REF"
        echo "commit=$(git rev-parse HEAD)" >> "$GITHUB_OUTPUT"
      env: { REF: "${{ inputs.ref }}" }
"#;

/// As `actions/upload-artifact` would, into a folder of the test.
const UPLOAD: &str = r#"name: upload
inputs: { name: { required: true }, path: { required: true }, if-no-files-found: {} }
runs:
  using: composite
  steps:
    - shell: bash
      run: mkdir -p "$ARTIFACTS/$NAME" && cp -r "$FILES/." "$ARTIFACTS/$NAME/"
      env: { NAME: "${{ inputs.name }}", FILES: "${{ inputs.path }}" }
"#;

/// Those that `jobs` has for a run that deploys, looks, goes back, or does none of it.
const DEPLOYS: &[&str] = &["ci", "deploy", "monitor", "report", "safety-gate"];
const LOOKS: &[&str] = &["monitor", "report", "safety-gate"];
const RETURNS: &[&str] = &["report", "rollback", "safety-gate"];
const WRITES: &[&str] = &["report", "safety-gate"];
const STOPS: &[&str] = &["emergency-stop"];

/// A repository with its workflow, and everything that its jobs talk to.
struct Acted {
    world: World,
    github: FakeGitHub,
    home: TempDir,
    layout: &'static str,
    runs: u32,
}

/// What a run of the workflow did.
struct Happened {
    /// Each job that ran, and how it ended.
    jobs: BTreeMap<String, String>,
    log: String,
}

impl Acted {
    async fn new(layout: &'static str, more: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let journal = home.path().join("journal.git");
        let made = Command::new("git").args(["init", "-q", "--bare"]).arg(&journal).status().await.unwrap();
        assert!(made.success());
        let config = format!(
            "{CONFIG}\n[journal]\nhome = \"remote\"\nremote = \"file://{}\"\n\n[deploy]\non_push = true\n\n[workflow]\n\
             install = \"preinstalled\"\nqueue = false\nruns_on = [\"self-hosted\", \"forge\"]\nafter = [\"Build\"]\n{more}",
            journal.display()
        );
        let github = FakeGitHub::start().await;
        let mut world = World::with(&config).await;
        world.publish_to(&github);
        world.run(&["workflow", "--layout", layout]).await.exits(0);
        world.repository.commit("Add the workflow");
        for name in ["refs/tags/v1.0.0", "refs/tags/v1.1.0", "refs/heads/main"] {
            let commit = world.repository.find_ref(name).unwrap().to_string();
            github.know_commit(&commit, None);
            github.set_ref(name, &commit);
        }
        // As GitHub leaves it after 60 days without a push.
        github.add_workflow(FILE, "AI Agent Handoff & Autonomous Runbook", false);
        for (name, text) in [("checkout", CHECKOUT), ("upload-artifact", UPLOAD)] {
            fs::create_dir(home.path().join(name)).unwrap();
            fs::write(home.path().join(name).join("action.yml"), text).unwrap();
        }
        Self { world, github, home, layout, runs: 0 }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// Lets an event happen, and waits for the end of all jobs.
    async fn happens(&mut self, event: &str, mut payload: Value) -> Happened {
        self.runs += 1;
        let (owner, name) = (self.github.owner(), self.github.name());
        payload["repository"] = json!({
            "full_name": format!("{owner}/{name}"), "name": name, "owner": { "login": owner },
            "default_branch": "main", "fork": false,
        });
        fs::write(self.path("event.json"), payload.to_string()).unwrap();
        let _ = fs::remove_dir_all(self.path("artifacts"));
        let output = timeout(2 * LONGEST, self.act(event).output()).await.expect("act takes too long").unwrap();
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ended = |line: Value| Some((line["jobID"].as_str()?.to_owned(), line["jobResult"].as_str()?.to_owned()));
        let jobs = lines.filter_map(ended).filter(|(_, result)| result != "skipped").collect();
        Happened { jobs, log: format!("{log}{}", String::from_utf8_lossy(&output.stderr)) }
    }

    fn act(&self, event: &str) -> Command {
        let act =
            std::env::var("RUNBOOK_ACT").expect("RUNBOOK_ACT must name act: start this by `cargo xtask contract act`");
        let runbook = PathBuf::from(env!("CARGO_BIN_EXE_runbook"));
        let path = format!("{}:{}", runbook.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let repository = format!("{}/{}", self.github.owner(), self.github.name());
        let mut command = Command::new(act);
        command.arg(event).args(["--json", "--no-cache-server", "--actor", "mona"]);
        command.args(["--eventpath", &self.path("event.json"), "--action-cache-path", &self.path("cache")]);
        command.args(["-P", "self-hosted=-self-hosted", "-P", "forge=-self-hosted"]);
        for (name, value) in [
            ("ARTIFACTS", self.path("artifacts")),
            ("CHECKOUT_FROM", self.world.repository.path().display().to_string()),
            ("GITHUB_API_URL", self.github.url()),
            ("GITHUB_REPOSITORY", repository),
            ("GITHUB_RUN_ID", (1_000 + self.runs).to_string()),
        ] {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        for (name, value) in [
            ("API_URL", self.world.service.url()),
            ("MACHINE", self.world.machine("").display().to_string()),
            ("RUNBOOK_STATE_DIR", self.path("state")),
        ] {
            command.arg("--var").arg(format!("{name}={value}"));
        }
        command.arg("--secret").arg(format!("GITHUB_TOKEN={}", self.github.token()));
        for (action, folder) in self.actions() {
            command.arg("--local-repository").arg(format!("{action}={folder}"));
        }
        command.current_dir(self.world.repository.path()).env_clear().env("PATH", path).env("HOME", self.path(""));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Each action of others that the workflow uses, and what stands in for it.
    fn actions(&self) -> BTreeMap<String, String> {
        let file = self.world.repository.path().join(".github/workflows").join(FILE);
        let text = fs::read_to_string(file).unwrap();
        let uses = text.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("uses: "));
        let action = |used: &str| {
            let pinned = used.split_whitespace().next().unwrap().to_owned();
            let name = pinned.split('@').next().unwrap().rsplit('/').next().unwrap();
            let folder = self.path(name);
            (pinned, folder)
        };
        uses.map(action).collect()
    }

    /// The run in the journal that is the newest.
    async fn newest(&self) -> Value {
        self.world.json(&["history"]).await.exits(0).json()["runs"][0].clone()
    }

    /// What an event left behind: the jobs that ran, the run in the journal, its outputs, the artifact and the issue.
    async fn leaves(&self, what: &str, happened: &Happened, action: &str, jobs: &[&str]) {
        let log = &happened.log;
        let jobs: Vec<&str> = match self.layout {
            "single" if jobs != STOPS => vec!["runbook"],
            _ => jobs.to_vec(),
        };
        let ran: Vec<&str> = happened.jobs.keys().map(String::as_str).filter(|job| *job != "keep-schedule").collect();
        assert_eq!(ran, jobs, "{what}: {log}");
        assert!(happened.jobs.values().all(|result| result == "success"), "{what}: {:?}: {log}", happened.jobs);
        let run = self.newest().await;
        assert_eq!((&run["action"], &run["verdict"]), (&json!(action), &json!("succeeded")), "{what}: {run}: {log}");
        let id = run["run"].as_str().unwrap();
        assert!(log.contains(&format!("run={id}")), "{what}: {id} is no output: {log}");
        let artifact = fs::read_to_string(self.path("artifacts/monitoring-report/report.json"));
        assert!(artifact.is_ok_and(|report| report.contains(id)), "{what}: {id} is not in the artifact: {log}");
        let issues = self.github.issues();
        assert_eq!(issues.len(), 1, "{what}: {issues:?}");
        assert!(
            issues[0].open && issues[0].body.as_deref().is_some_and(|body| body.contains(id)),
            "{what}: {issues:?}"
        );
    }
}

/// What GitHub sends for a dispatch: all inputs, those that nobody filled in as they are by default.
fn dispatch(action: &str, inputs: &[(&str, &str)]) -> Value {
    let mut all = json!({
        "action": action, "rollback_version": "", "target_component": "all", "environment": "production",
        "version": "", "reason": "", "plan": "", "request_id": "",
    });
    for (name, value) in inputs {
        all[*name] = json!(value);
    }
    json!({ "ref": "refs/heads/main", "inputs": all, "sender": { "login": "mona", "type": "User" } })
}

async fn every_event_does_what_it_should(layout: &'static str) {
    let mut acted = Acted::new(layout, "").await;
    let head = acted.world.repository.head().to_string();
    let push = json!({ "ref": "refs/heads/main", "after": head, "deleted": false });
    let ended = json!({ "action": "completed", "workflow": { "name": "Build" }, "workflow_run": {
        "name": "Build", "event": "push", "head_branch": "main", "head_sha": head, "conclusion": "success",
        "head_repository": { "full_name": format!("{}/{}", acted.github.owner(), acted.github.name()) },
    } });
    let by_hand = "workflow_dispatch";
    let api = ("target_component", "api");
    let happenings = [
        (by_hand, dispatch("deploy", &[("version", "v1.0.0")]), "deploy", DEPLOYS, Some("v1.0.0")),
        (
            by_hand,
            dispatch("update-component", &[api, ("version", "v1.1.0")]),
            "update-component",
            DEPLOYS,
            Some("v1.1.0"),
        ),
        ("push", push, "deploy", DEPLOYS, None),
        (by_hand, dispatch("rollback", &[("rollback_version", "v1.1.0")]), "rollback", RETURNS, Some("v1.1.0")),
        ("schedule", json!({ "schedule": "17 */6 * * *" }), "update-status", LOOKS, Some("v1.1.0")),
        ("workflow_run", ended, "update-status", LOOKS, Some("v1.1.0")),
        (by_hand, dispatch("update-status", &[]), "update-status", LOOKS, Some("v1.1.0")),
        (by_hand, dispatch("emergency-stop", &[("reason", "a drill")]), "emergency-stop", STOPS, None),
        (by_hand, dispatch("resume", &[("reason", "it is over")]), "resume", WRITES, None),
    ];
    for (event, payload, action, jobs, live) in happenings {
        let what = format!("{event} {action} in the layout {layout}");
        let happened = acted.happens(event, payload).await;
        acted.leaves(&what, &happened, action, jobs).await;
        if live.is_some() {
            assert_eq!(acted.world.live().as_deref(), live, "{what}");
        }
        // Only the schedule keeps itself alive.
        assert_eq!(happened.jobs.contains_key("keep-schedule"), event == "schedule", "{what}");
        if event == "schedule" {
            assert!(acted.github.workflows()[0].enabled, "{what}");
        }
    }
    assert_eq!(acted.world.live(), None, "nothing runs after an emergency stop");
    acted.world.run(&["history", "--verify"]).await.exits(0);
}

#[tokio::test]
#[ignore = "needs act: cargo xtask contract act"]
async fn in_one_job_every_event_does_what_it_should() {
    every_event_does_what_it_should("single").await;
}

#[tokio::test]
#[ignore = "needs act: cargo xtask contract act"]
async fn in_a_job_for_each_stage_every_event_does_what_it_should() {
    every_event_does_what_it_should("jobs").await;
}

/// Each of two services is measured by a job of its own, and the watch takes what they published.
#[tokio::test]
#[ignore = "needs act: cargo xtask contract act"]
async fn many_services_are_measured_by_a_matrix_of_jobs() {
    let web = "shard_size = 1\n\n[[service]]\nid = \"web\"\nurl = \"${API_URL}\"\n\n[[service.probe]]\nkind = \"http\"\npath = \"/health\"\n";
    let mut acted = Acted::new("jobs", web).await;
    acted.world.deployed("v1.0.0").await;
    let happened = acted.happens("schedule", json!({ "schedule": "17 */6 * * *" })).await;
    acted
        .leaves("a schedule with a matrix", &happened, "update-status", &["monitor", "probes", "report", "safety-gate"])
        .await;
    let status = acted.world.json(&["status"]).await.json();
    let rows = status["services"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(row["evidence"].as_str().unwrap().contains("measured by job probes"), "{row}: {}", happened.log);
    }
}
