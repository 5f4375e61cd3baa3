//! Starting a release: its process gets the lock, a group of its own and a file for its output, and must outlive a
//! short while.

use std::{
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use command_fds::{CommandFdExt, FdMapping};
use jiff::Timestamp;
use runbook_core::{
    CommitId, LeftBehind, Release,
    engine::{Permit, with_causes},
    ports::{DeployError, Deployed, Order},
};
use tokio::time::Instant;

use super::{
    LocalProcessDeployer,
    home::Home,
    record::{Phase, Record, ServiceProcess},
};
use crate::{
    command::{LOCK_DESCRIPTOR, ProcessGroup, find_program, last_words, program_path},
    fence::fenced,
    files::FileLock,
    procfs,
};

/// How often a starting service is looked at.
const POLL: Duration = Duration::from_millis(10);
/// How long the group of a service that failed to start may take to be gone after SIGKILL.
const GONE_WAIT: Duration = Duration::from_secs(1);

/// A release that is ready to be started: its checkout is there, and so is its program.
#[derive(Debug)]
pub(super) struct Prepared {
    release: Release,
    argv: Vec<String>,
    cwd: PathBuf,
}

impl LocalProcessDeployer {
    /// Writes the checkout and looks for the program. What runs is not touched.
    pub(super) async fn prepare(&self, order: &Order) -> Result<Prepared, DeployError> {
        let failed = |message: &str| DeployError::new(LeftBehind::NoChange, message.to_owned());
        let commit = self.checkouts.commit(&order.release).await;
        let commit = commit.map_err(|error| failed("the release cannot be deployed").caused_by(error))?;
        let checkout = self.checkouts.export(&commit).await;
        let checkout = checkout.map_err(|error| failed("the release cannot be checked out").caused_by(error))?;
        let argv = self.argv(order, &commit)?;
        let cwd = checkout.join(&self.launch.cwd);
        let path = self.launch.surroundings.path();
        find_program(argv.first().map_or("", String::as_str), &cwd, path.as_deref()).map_err(|problem| {
            failed(&format!("the release has no program to start: {}", self.redactor.redact(&problem)))
        })?;
        Ok(Prepared { release: Release { id: order.release.id.clone(), commit: Some(commit) }, argv, cwd })
    }

    pub(super) fn argv(&self, order: &Order, commit: &CommitId) -> Result<Vec<String>, DeployError> {
        let values = crate::command::Values {
            version: Some(order.release.id.to_string()),
            commit: Some(commit.to_string()),
            component: Some(order.service.to_string()),
            environment: Some(self.environment.to_string()),
        };
        let argv = self.launch.argv.expand(&values);
        argv.map_err(|missing| DeployError::new(LeftBehind::NoChange, missing.to_string()))
    }

    /// Starts a release; nothing of the service runs. `left` is what a failure leaves before there is a process.
    pub(super) async fn start(
        &self,
        home: &Home,
        permit: &Permit,
        prepared: &Prepared,
        left: LeftBehind,
    ) -> Result<Deployed, DeployError> {
        let failed = |message: &str, error: io::Error| DeployError::new(left, message.to_owned()).caused_by(error);
        let mut record = Record {
            schema: Record::SCHEMA.to_owned(),
            phase: Phase::Starting,
            key: permit.key().clone(),
            started_by: Some(permit.key().clone()),
            release: prepared.release.clone(),
            process: None,
            started_at: Timestamp::now(),
            argv: prepared.argv.iter().map(|argument| self.redactor.redact(argument)).collect(),
        };
        // Written first: a crash right after the start must not leave a process that the record calls something else.
        home.remember(&record).map_err(|error| failed("failed to write the service's record", error))?;
        let started = self.claim_and_spawn(home, permit, prepared, left).await;
        let (child, log_start) = started.inspect_err(|_| {
            self.note(home, Some(Record { phase: Phase::Stopped, started_by: None, ..record.clone() }));
        })?;
        let pid = child.id();
        let process = ServiceProcess { pid, start_time: procfs::stat(pid).ok().map(|stat| stat.start_time) };
        self.adopt(child);
        record.process = Some(process);
        // When this fails, the process is still found by its lock.
        self.note(home, Some(record.clone()));
        let ended = tokio::select! {
            ended = self.ends_early(home, pid) => ended.map_err(|error| {
                DeployError::new(LeftBehind::Unknown, "failed to see whether the service is alive").caused_by(error)
            })?,
            // Whoever has taken over decides what becomes of it, and is waiting for the lock.
            refusal = fenced(permit) => {
                let message = format!("{} was started and is left as it is: {}", prepared.release, with_causes(&refusal));
                return Err(DeployError::new(LeftBehind::Changed, message));
            }
        };
        if let Some(end) = ended {
            let is_down = self.end(home, Some(process), permit).await.unwrap_or(false);
            self.note(home, Some(record.turned(Phase::Stopped, permit.key())));
            let left = match is_down {
                // Without anything left of it, all is as it was before the start.
                true if self.is_gone(pid).await => left,
                true => LeftBehind::Changed,
                false => LeftBehind::Unknown,
            };
            let words = last_words(&home.log_tail(log_start, &self.redactor));
            return Err(DeployError::new(left, format!("{} {end}; its last words: {words}", prepared.release)));
        }
        self.note(home, Some(Record { phase: Phase::Running, ..record }));
        Ok(Deployed { detail: serde_json::json!({ "pid": pid, "log": home.log_for_people() }) })
    }

    /// Takes the lock that says that the service is alive, and hands it to the service, unless the permit has ended.
    async fn claim_and_spawn(
        &self,
        home: &Home,
        permit: &Permit,
        prepared: &Prepared,
        left: LeftBehind,
    ) -> Result<(Child, u64), DeployError> {
        let failed = |message: &str, error: io::Error| DeployError::new(left, message.to_owned()).caused_by(error);
        let lock = home.take_alive_lock().await.map_err(|error| failed("failed to lock the service", error))?;
        let lock = lock.ok_or_else(|| {
            DeployError::new(left, "another process has taken the service's lock; see `runbook status`")
        })?;
        if let Err(refusal) = permit.recheck().await {
            return Err(DeployError::new(left, format!("nothing was started: {}", with_causes(&refusal))));
        }
        self.spawn(home, prepared, lock).map_err(|error| failed("failed to start the service", error))
    }

    /// The parent's own copy of the lock is closed when the command is dropped, so that the service alone holds it.
    fn spawn(&self, home: &Home, prepared: &Prepared, lock: FileLock) -> io::Result<(Child, u64)> {
        let (log, log_start) = home.open_log()?;
        let (program, arguments) = prepared.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program_path(program, &prepared.cwd));
        command
            .args(arguments)
            .current_dir(&prepared.cwd)
            .env_clear()
            .envs(self.launch.surroundings.variables())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let parent_fd = lock.into_descriptor().ok_or(io::ErrorKind::InvalidInput)?;
        let lock = FdMapping { parent_fd, child_fd: LOCK_DESCRIPTOR };
        command.fd_mappings(vec![lock]).map_err(io::Error::other)?;
        Ok((command.spawn()?, log_start))
    }

    /// Whether nothing is left of the group of a service that is down. What holds the lock no longer may still be there.
    async fn is_gone(&self, pid: u32) -> bool {
        let deadline = Instant::now() + GONE_WAIT;
        loop {
            self.reap();
            if ProcessGroup::led_by(pid).is_none_or(ProcessGroup::is_empty) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Watches a service for its settling time; how it ended, when it did.
    async fn ends_early(&self, home: &Home, pid: u32) -> io::Result<Option<String>> {
        let deadline = Instant::now() + self.launch.settle;
        loop {
            // The lock first: a process that ends between the two questions is seen as ended.
            let is_alive = home.is_alive()?;
            let status = self.exit_status(pid);
            match (is_alive, status) {
                // A leader that hands over to a child and ends well is unusual, but the lock says that it lives.
                (true, None) => {}
                (true, Some(status)) if status.success() => {}
                (_, Some(status)) => return Ok(Some(format!("ended at once ({})", in_words(status)))),
                (false, None) => {
                    return Ok(Some(format!(
                        "closed descriptor {LOCK_DESCRIPTOR}, by which it is known to be alive; \
                         run it in the foreground, and let it leave descriptors alone that it did not open"
                    )));
                }
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "nobody knows how".to_owned(),
    }
}
