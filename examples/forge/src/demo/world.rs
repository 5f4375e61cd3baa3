//! What a story happens in: a temporary folder with a repository of the forge, free ports, a fake GitHub, and the real
//! `runbook` binary. All of it is gone afterwards, also after Ctrl-C.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use runbook_core::Report;
use runbook_testkit::{TempRepository, github::FakeGitHub};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    signal::unix::{SignalKind, signal},
    sync::Notify,
    time::timeout,
};

use crate::{Args, Format, Services};

const IDS: [&str; 3] = ["fastapi", "flask", "gradio"];
/// No command of a story takes longer.
const LONGEST: Duration = Duration::from_secs(300);

/// What v1.1.0 puts in the place of the conduit's health check: it wants a calibration that was never committed.
const BAD_HEALTH_PY: &str = r#""""What the Quantum Conduit vouches for when it calls itself healthy."""

import json
from pathlib import Path

from . import pi

CALIBRATION = Path(__file__).with_name("calibration.json")


def self_check() -> None:
    """Raise when what flows is not what the conduit was calibrated to."""
    reference = json.loads(CALIBRATION.read_text(encoding="utf-8"))["decimals"]
    flowing = pi.decimals(0, len(reference))
    if flowing != reference:
        raise ArithmeticError(f"expected the decimals {reference}, got {flowing}")
"#;

/// Ctrl-C and SIGTERM, remembered.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt {
    code: Arc<OnceLock<u8>>,
    notify: Arc<Notify>,
}

impl Interrupt {
    pub(super) fn listen() -> Result<Self> {
        let interrupt = Self::default();
        for (kind, code) in [(SignalKind::interrupt(), 130), (SignalKind::terminate(), 143)] {
            let mut stream = signal(kind).context("failed to listen for signals")?;
            let heard = interrupt.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    // The first one counts; the clean-up is not interrupted.
                    let _ = heard.code.set(code);
                    heard.notify.notify_waiters();
                }
            });
        }
        Ok(interrupt)
    }

    /// The exit code of the signal that came.
    pub(super) fn signal(&self) -> Option<u8> {
        self.code.get().copied()
    }
}

/// One story's world.
pub(super) struct World {
    repository: TempRepository,
    state: tempfile::TempDir,
    github: FakeGitHub,
    runbook: PathBuf,
    variables: Vec<(String, String)>,
    ports: [u16; 3],
    quiet: bool,
    python: bool,
    interrupt: Interrupt,
}

impl World {
    pub(super) async fn new(args: &Args, interrupt: Interrupt) -> Result<Self> {
        // Services outlive the command that started them; here they become this process's own, so that it can end them.
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).context("failed to adopt services")?;
        let runbook = beside("runbook")?;
        let python = args.services == Services::Python;
        let repository = TempRepository::new();
        releases(&repository, python)?;
        let github = FakeGitHub::start().await;
        let ports = [free_port()?, free_port()?, free_port()?];
        let state = tempfile::tempdir().context("failed to make a temporary folder")?;
        let mut variables = vec![
            ("GITHUB_API_URL".to_owned(), github.url()),
            ("GITHUB_REPOSITORY".to_owned(), "octo-org/octo-repo".to_owned()),
            ("GITHUB_TOKEN".to_owned(), github.token()),
            ("RUNBOOK_STATE_DIR".to_owned(), state.path().display().to_string()),
            ("FORGE_WINDOW".to_owned(), if python { "6s" } else { "2s" }.to_owned()),
            ("FORGE_INTERVAL".to_owned(), if python { "500ms" } else { "200ms" }.to_owned()),
            ("FORGE_STARTUP".to_owned(), if python { "40s" } else { "2s" }.to_owned()),
        ];
        if python {
            let python = std::path::absolute(&args.python).context("failed to find the Python")?;
            // A bare name is looked up in PATH.
            let named = if args.python.components().count() == 1 { &args.python } else { &python };
            variables.push(("PYTHON".to_owned(), named.display().to_string()));
        } else {
            variables.push(("FORGE_SERVICE".to_owned(), beside("forge-service")?.display().to_string()));
        }
        for (id, port) in IDS.iter().zip(ports) {
            let name = id.to_uppercase();
            variables.push((format!("{name}_URL"), format!("http://127.0.0.1:{port}")));
            variables.push((format!("{name}_PORT"), port.to_string()));
        }
        let quiet = args.format == Format::Json;
        Ok(Self { repository, state, github, runbook, variables, ports, quiet, python, interrupt })
    }

    pub(super) fn services(&self) -> [&'static str; 3] {
        IDS
    }

    pub(super) fn interrupted(&self) -> bool {
        self.interrupt.signal().is_some()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.runbook);
        command.args(arguments).current_dir(self.repository.path());
        // A story is the same inside and outside of GitHub Actions.
        let foreign = std::env::vars_os().map(|(name, _)| name).filter(|name| {
            name.to_str().is_some_and(|name| {
                ["GITHUB_", "RUNNER_", "ACTIONS_", "RUNBOOK_", "SLACK_", "DISCORD_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            })
        });
        foreign.for_each(|name| {
            command.env_remove(name);
        });
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command; its exit code and report.
    pub(super) async fn runbook(&self, arguments: &[&str]) -> Result<(Option<i32>, Report)> {
        if self.interrupted() {
            bail!("interrupted");
        }
        if !self.quiet {
            println!("\n$ runbook {}", arguments.join(" "));
        }
        let mut command = self.command(&["--format", "json"]);
        command.args(arguments).stdout(Stdio::piped());
        command.stderr(if self.quiet { Stdio::null() } else { Stdio::inherit() });
        let child = command.spawn().with_context(|| format!("failed to start {}", self.runbook.display()))?;
        let pid = child.id();
        let waiting = child.wait_with_output();
        tokio::pin!(waiting);
        let output = tokio::select! {
            output = timeout(LONGEST, &mut waiting) => output.context("the command took longer than five minutes")?,
            () = self.interrupt.notify.notified() => {
                // At a terminal it has heard the signal itself; it reports, and only then ends.
                if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                }
                timeout(Duration::from_secs(30), &mut waiting).await.context("the command did not end after a signal")?
            }
        };
        let output = output.context("failed to read what the command printed")?;
        let report = serde_json::from_slice(&output.stdout).with_context(|| {
            format!("`runbook {}` printed no report: {}", arguments.join(" "), String::from_utf8_lossy(&output.stdout))
        })?;
        Ok((output.status.code(), report))
    }

    /// Asks a service as its users would; `<status> <body>`.
    pub(super) async fn ask(&self, service: &str) -> Result<String> {
        let at = IDS.iter().position(|id| *id == service).context("no such service")?;
        let path = if service == "gradio" { "/" } else { "/health" };
        let asking = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.ports[at])).await?;
            stream
                .write_all(format!("GET {path} HTTP/1.1\r\nhost: forge\r\nconnection: close\r\n\r\n").as_bytes())
                .await?;
            let mut answer = Vec::new();
            stream.take(1 << 20).read_to_end(&mut answer).await?;
            anyhow::Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = timeout(Duration::from_secs(10), asking).await.context("no answer within 10 s")??;
        let status = answer.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.replace(['\r', '\n'], " ")).unwrap_or_default();
        Ok(format!("{status} {body}"))
    }

    /// Whether an answer names its version. The real Gradio shows a page, which names none.
    pub(super) fn is_version(&self, service: &str, answer: &str, version: &str) -> bool {
        (self.python && service == "gradio") || answer.contains(&format!("\"{version}\"")) || answer.contains(version)
    }

    /// The status issue: title and body.
    pub(super) fn issue(&self) -> Option<(String, String)> {
        let issue = self.github.issues().into_iter().find(|issue| issue.open)?;
        Some((issue.title, issue.body.unwrap_or_default()))
    }

    pub(super) fn issue_number(&self) -> Option<u64> {
        self.open_issues().first().copied()
    }

    pub(super) fn open_issues(&self) -> Vec<u64> {
        self.github.issues().iter().filter(|issue| issue.open).map(|issue| issue.number).collect()
    }

    /// Whether a branch has the tree of a tag, but for the paths that a rollback keeps as they are.
    pub(super) fn branch_equals(&self, branch: &str, tag: &str) -> Result<(String, bool)> {
        let git = self.repository.git();
        let tree = |name: &str| git.revparse_single(name).and_then(|found| found.peel_to_tree());
        let (branch_tree, tag_tree) = (tree(branch)?, tree(tag)?);
        let difference = git.diff_tree_to_tree(Some(&tag_tree), Some(&branch_tree), None)?;
        let different: Vec<String> = difference
            .deltas()
            .filter_map(|delta| {
                delta.new_file().path().or(delta.old_file().path()).map(|path| path.display().to_string())
            })
            .filter(|path| path != "runbook.toml" && !path.starts_with(".github/workflows/"))
            .collect();
        let same = different.is_empty();
        Ok((if same { branch.to_owned() } else { format!("{branch} differs in: {}", different.join(", ")) }, same))
    }

    /// Stops what runs. The folders go with the value.
    pub(super) async fn end(self) -> Result<()> {
        let mut stop = self.command(&["emergency-stop", "--quiet", "--reason", "the story is over"]);
        stop.stdout(Stdio::null()).stderr(Stdio::null());
        // A Ctrl-C at the terminal must not reach the clean-up.
        stop.process_group(0);
        let stopped = timeout(Duration::from_secs(60), stop.status()).await;
        if !matches!(&stopped, Ok(Ok(status)) if status.code() == Some(0)) {
            self.kill_leftovers();
        }
        reap().await;
        Ok(())
    }

    /// The last resort: ends the process groups that the state directory knows.
    fn kill_leftovers(&self) {
        let services = self.state.path().join("services/production");
        for id in IDS {
            let pid = fs::read(services.join(id).join("state.json"))
                .ok()
                .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
                .and_then(|state| i32::try_from(state.pointer("/process/pid")?.as_i64()?).ok())
                .and_then(rustix::process::Pid::from_raw);
            if let Some(group) = pid {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
    }
}

/// Takes in what the services left when they ended: they outlive the command that started them, and then belong to
/// this process.
async fn reap() {
    use rustix::process::{WaitOptions, wait};
    for _ in 0..50 {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            // One is still ending.
            Ok(None) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(_) => return,
        }
    }
}

/// The two releases, as commits and tags of a real repository.
fn releases(repository: &TempRepository, python: bool) -> Result<()> {
    let forge = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&forge.join("services"), "services", repository)?;
    let config = if python { "runbook.toml" } else { "stand-in.toml" };
    repository.write("runbook.toml", fs::read(forge.join(config)).context("failed to read the forge's configuration")?);
    repository.write("VERSION", "1.0.0\n");
    repository.commit("Release 1.0.0");
    repository.tag("v1.0.0");
    repository.write("VERSION", "1.1.0\n");
    repository.write("services/fastapi_app/health.py", BAD_HEALTH_PY);
    repository.write("services/fastapi_app/service.toml", "status = 500\nlatency_ms = 5\n");
    repository.commit("Release 1.1.0: let the conduit check its calibration");
    repository.tag("v1.1.0");
    Ok(())
}

fn copy(from: &Path, to: &str, repository: &TempRepository) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.') && *name != "__pycache__") else {
            continue;
        };
        let place = format!("{to}/{name}");
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place, repository)?;
        } else {
            repository.write(&place, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// A program that was built beside this one.
fn beside(name: &str) -> Result<PathBuf> {
    let me = std::env::current_exe().context("failed to find this program")?;
    let program = me.with_file_name(name);
    if !program.is_file() {
        bail!("{} was not found; `cargo xtask demo` builds all that is needed", program.display());
    }
    Ok(program)
}

/// A port that is free now. Another program may take it before a service does; that then shows as an occupied port.
fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("failed to find a free port")?;
    Ok(listener.local_addr()?.port())
}
