//! A repository with releases, a machine that they are deployed to by real commands, and the real `runbook`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use runbook_core::event::Event;
use runbook_testkit::{TempRepository, github::FakeGitHub};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{LONGEST, Ran, Service};

/// One service, deployed by scripts and watched for a moment.
pub(crate) const CONFIG: &str = r#"schema = 1

[project]
name = "Bench"

[[service]]
id = "api"
name = "The API"
url = "${API_URL}"

[service.deploy]
kind = "command"
deploy = ["sh", "ops/deploy.sh", "{version}"]
stop = ["sh", "ops/stop.sh"]
live = ["sh", "ops/live.sh"]
pass_env = ["MACHINE"]

[[service.probe]]
kind = "http"
path = "/health"
timeout = "2s"

[monitor]
window = "150ms"
interval = "30ms"
startup = "150ms"
confirm_pause = "20ms"
"#;

/// Makes a version live, unless a file says how it goes wrong.
const DEPLOY: &str = r#"set -eu
echo "deploy $1" >> "$MACHINE/log"
if [ -e "$MACHINE/hang" ]; then
    touch "$MACHINE/hanging"
    sleep 60
fi
if [ -e "$MACHINE/break-$1" ]; then
    cat "$MACHINE/break-$1" >&2
    exit 9
fi
if [ -e "$MACHINE/blind-$1" ]; then
    touch "$MACHINE/blind"
    echo "the link to the machine is gone" >&2
    exit 9
fi
printf '%s' "$1" > "$MACHINE/live"
"#;

const STOP: &str = r#"set -eu
echo stop >> "$MACHINE/log"
rm -f "$MACHINE/live"
"#;

const LIVE: &str = r#"set -eu
if [ -e "$MACHINE/blind" ]; then
    exit 1
fi
if [ -e "$MACHINE/live" ]; then
    cat "$MACHINE/live"
else
    echo -
fi
"#;

/// Everything that a command may change outside of its own state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    log: String,
    live: Option<String>,
    refs: Vec<String>,
    worktree: BTreeMap<PathBuf, Vec<u8>>,
}

/// One test's world; all of it is gone afterwards.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) repository: TempRepository,
    pub(crate) service: Service,
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl World {
    /// One with [`CONFIG`].
    pub(crate) async fn new() -> Self {
        Self::with(CONFIG).await
    }

    /// One with this configuration, and the releases v1.0.0 and v1.1.0.
    pub(crate) async fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["machine", "home"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let service = Service::start(&folder.path().join("machine/live")).await;
        let repository = TempRepository::new();
        repository.write("runbook.toml", config);
        for (name, text) in [("deploy", DEPLOY), ("stop", STOP), ("live", LIVE)] {
            repository.write(&format!("ops/{name}.sh"), text);
        }
        for version in ["1.0.0", "1.1.0"] {
            repository.write("VERSION", version);
            repository.commit(&format!("Release {version}"));
            repository.tag(&format!("v{version}"));
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let variables = BTreeMap::from([
            ("API_URL".to_owned(), service.url()),
            ("HOME".to_owned(), path("home")),
            ("MACHINE".to_owned(), path("machine")),
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("RUNBOOK_STATE_DIR".to_owned(), path("state")),
            ("USER".to_owned(), "tester".to_owned()),
        ]);
        Self { repository, service, folder, variables }
    }

    /// Sets a variable for every command from now on.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a variable away again.
    pub(crate) fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(name);
        self
    }

    /// Lets commands publish to this GitHub.
    pub(crate) fn publish_to(&mut self, github: &FakeGitHub) -> &mut Self {
        self.set("GITHUB_API_URL", github.url());
        self.set("GITHUB_REPOSITORY", format!("{}/{}", github.owner(), github.name()));
        self.set("GITHUB_TOKEN", github.token())
    }

    /// A command that knows of this world and of nothing else.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_under(&[], arguments)
    }

    /// The same, but started by another program, which gets it as its last arguments.
    pub(crate) fn command_under(&self, starter: &[&str], arguments: &[&str]) -> Command {
        let whole = [starter, &[env!("CARGO_BIN_EXE_runbook")], arguments].concat();
        let mut command = Command::new(whole[0]);
        command.args(&whole[1..]).current_dir(self.repository.path()).env_clear().envs(&self.variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("failed to start runbook")
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        end(self.start(arguments), arguments).await
    }

    /// Runs a command with `--format json`, started by another program.
    pub(crate) async fn json_under(&self, starter: &[&str], arguments: &[&str]) -> Ran {
        let arguments = [arguments, &["--format", "json"]].concat();
        let child = self.command_under(starter, &arguments).spawn().expect("failed to start the starter of runbook");
        end(child, &arguments).await
    }

    /// Runs a command with `--format json`.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--format", "json"]].concat()).await
    }

    /// Makes a release live, by a run that must succeed.
    pub(crate) async fn deployed(&self, version: &str) {
        self.run(&["deploy", version]).await.exits(0);
        assert_eq!(self.live().as_deref(), Some(version));
    }

    /// A file of the machine that the releases are deployed to.
    pub(crate) fn machine(&self, name: &str) -> PathBuf {
        self.folder.path().join("machine").join(name)
    }

    /// A file beside everything else.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file onto the machine, such as those that the scripts look for.
    pub(crate) fn put(&self, name: &str, text: &str) {
        fs::write(self.machine(name), text).unwrap();
    }

    /// What is live, as the machine has it.
    pub(crate) fn live(&self) -> Option<String> {
        fs::read_to_string(self.machine("live")).ok()
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The journal's file, of the default environment.
    pub(crate) fn journal_file(&self) -> PathBuf {
        self.state_dir().join("journal/production.jsonl")
    }

    /// The journal's text; empty while there is none.
    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.journal_file()).unwrap_or_default()
    }

    /// Every event of the journal, wherever it is at home. A batch in a file that a killed writer never finished is none.
    pub(crate) fn events(&self) -> Vec<Event> {
        let text = if self.journal_file().exists() { self.finished_lines() } else { self.journal_in_git() };
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The journal's file up to the note of where an unfinished batch begins.
    fn finished_lines(&self) -> String {
        let bytes = fs::read(self.journal_file()).unwrap();
        let note = fs::read(self.state_dir().join("journal/production.lock")).unwrap_or_default();
        let begin = note.first_chunk::<8>().map(|begin| usize::try_from(u64::from_le_bytes(*begin)).unwrap());
        let end = begin.unwrap_or(bytes.len()).min(bytes.len());
        String::from_utf8(bytes[..end].to_vec()).unwrap()
    }

    /// The batches of the journal's first volume in git, oldest first; empty while there is none.
    fn journal_in_git(&self) -> String {
        let git = self.repository.git();
        let tip = git.find_reference("refs/runbook/journal/production").ok();
        let mut commit = tip.and_then(|reference| reference.peel_to_commit().ok());
        let mut batches = Vec::new();
        while let Some(now) = commit {
            let tree = now.tree().unwrap();
            if let Some(entry) = tree.get_name("events.jsonl") {
                let blob = entry.to_object(git).unwrap().peel_to_blob().unwrap();
                batches.push(String::from_utf8(blob.content().to_vec()).unwrap());
            }
            commit = now.parent(0).ok();
        }
        batches.reverse();
        batches.concat()
    }

    /// Changes the configuration, and commits it.
    pub(crate) fn configure(&self, change: impl FnOnce(String) -> String) {
        let file = self.repository.path().join("runbook.toml");
        let changed = change(fs::read_to_string(&file).unwrap());
        self.repository.write("runbook.toml", changed);
        self.repository.commit("Configure");
    }

    /// What is outside, to be compared.
    pub(crate) fn outside(&self) -> Outside {
        let mut refs: Vec<String> = self
            .repository
            .git()
            .references()
            .unwrap()
            .map(|reference| {
                let reference = reference.unwrap();
                format!("{} {:?}", reference.name().unwrap(), reference.target())
            })
            .collect();
        refs.sort();
        let mut worktree = BTreeMap::new();
        read(self.repository.path(), &mut worktree);
        let log = fs::read_to_string(self.machine("log")).unwrap_or_default();
        Outside { log, live: self.live(), refs, worktree }
    }
}

/// Waits for a command's end.
pub(crate) async fn end(child: Child, arguments: &[&str]) -> Ran {
    let output = timeout(LONGEST, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("`runbook {}` takes too long", arguments.join(" "))).unwrap();
    Ran {
        arguments: arguments.join(" "),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

fn read(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match () {
            () if path.ends_with(".git") => {}
            () if path.is_dir() => read(&path, files),
            () => {
                let bytes = fs::read(&path).unwrap();
                files.insert(path, bytes);
            }
        }
    }
}
