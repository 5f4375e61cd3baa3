//! Runs one command to its end, within its time.

use std::{collections::BTreeMap, io, os::unix::process::CommandExt, path::PathBuf, process::Stdio, time::Duration};

use command_fds::{CommandFdExt, FdMapping};
use runbook_core::Redactor;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::Instant,
};

use super::{HeldLock, Kept, ProcessGroup, Signal, Stream, Tail, group::KillOnDrop, program_path};

/// The number under which a child inherits its lock: high enough that no program uses it for something else, or closes
/// it with the few that it knows of.
pub(crate) const LOCK_DESCRIPTOR: i32 = 97;
/// How long output is read after the command has ended, while something that it started still holds the pipe.
const DRAIN: Duration = Duration::from_secs(1);

/// A command, ready to run.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: PathBuf,
    /// The whole environment; nothing else is inherited.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) timeout: Duration,
    /// How long it may take to end when it is asked to, after the timeout; then it is killed.
    pub(crate) grace: Duration,
    /// What the command inherits, so that it is known to be at work even when this process is gone. Unlocked once the
    /// command has ended.
    pub(crate) lock: Option<HeldLock>,
    /// How many bytes of its standard output are kept as they are, beside the tail.
    pub(crate) keep: usize,
    /// Takes secrets out of the tail.
    pub(crate) redactor: Redactor,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself; `None` when a signal ended it.
    Exited(Option<i32>),
    /// It took too long and was stopped, with its whole process group.
    TimedOut,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) elapsed: Duration,
    /// The last lines that it printed, redacted.
    pub(crate) tail: Vec<String>,
    /// The last line of its standard output that is not blank, redacted.
    pub(crate) answer: Option<String>,
    /// The beginning of its standard output, with whatever secrets it holds.
    pub(crate) kept: Kept,
}

impl Ran {
    /// Whether it ended with exit code 0.
    pub(crate) fn succeeded(&self) -> bool {
        self.end == End::Exited(Some(0))
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The command, until its timeout.
    Running,
    /// A command that was asked to end, until its grace is over.
    Terminating,
    /// The last output of a command that has ended.
    Draining,
    /// The last output of a group that was killed.
    Killed,
}

impl Invocation {
    /// Runs it: standard input is empty, output is read to its end, the process group is its own.
    ///
    /// After the timeout the group gets SIGTERM and, when its grace is over, SIGKILL. When the returned future is dropped,
    /// the group is killed at once. A process that it leaves in the background may live on when it does not hold the
    /// output; one that does is killed with the group, a second after the command has ended.
    ///
    /// # Errors
    /// When it could not be started, or not be waited for.
    pub(crate) async fn run(self) -> io::Result<Ran> {
        if !self.cwd.is_dir() {
            // Said here, because the system would say "not found" as if it were the program.
            let problem = format!("the folder {} is missing", self.cwd.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, problem));
        }
        let started = Instant::now();
        let mut child = self.command()?.spawn()?;
        if let (Some(lock), Some(pid)) = (&self.lock, child.id()) {
            lock.note(pid);
        }
        // Declared after the lock, and so dropped before it: it is unlocked once the group was killed.
        let group = KillOnDrop::new(child.id().and_then(ProcessGroup::led_by));
        let mut printed = Printed { tail: Tail::new(&self.redactor), kept: Kept::up_to(self.keep) };
        let end = watch(&mut child, &group, &mut printed, started + self.timeout, self.grace).await?;
        if let End::Exited(_) = end {
            group.disarm();
        }
        let (tail, answer) = printed.tail.finish();
        Ok(Ran { end, elapsed: started.elapsed(), tail, answer, kept: printed.kept })
    }

    fn command(&self) -> io::Result<Command> {
        let program = self.argv.first().map_or("", String::as_str);
        let mut command = std::process::Command::new(program_path(program, &self.cwd));
        command
            .args(self.argv.iter().skip(1))
            .current_dir(&self.cwd)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(lock) = &self.lock {
            let lock = FdMapping { parent_fd: lock.descriptor()?, child_fd: LOCK_DESCRIPTOR };
            command.fd_mappings(vec![lock]).map_err(io::Error::other)?;
        }
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        Ok(command)
    }
}

/// What a command prints, for people and for conditions.
#[derive(Debug)]
struct Printed {
    tail: Tail,
    kept: Kept,
}

async fn watch(
    child: &mut Child,
    group: &KillOnDrop,
    printed: &mut Printed,
    timeout: Instant,
    grace: Duration,
) -> io::Result<End> {
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut out_buffer, mut err_buffer) = ([0; 8192], [0; 8192]);
    let (mut phase, mut deadline) = (Phase::Running, timeout);
    let (mut status, mut timed_out) = (None, false);
    while status.is_none() || out.is_some() || err.is_some() {
        tokio::select! {
            ended = child.wait(), if status.is_none() => {
                status = Some(ended?);
                if phase == Phase::Running {
                    (phase, deadline) = (Phase::Draining, Instant::now() + DRAIN);
                }
            }
            read = read_some(&mut out, &mut out_buffer) => {
                printed.tail.push(Stream::Out, read);
                printed.kept.push(read);
            }
            read = read_some(&mut err, &mut err_buffer) => printed.tail.push(Stream::Err, read),
            () = tokio::time::sleep_until(deadline) => match phase {
                Phase::Running => {
                    timed_out = true;
                    group.signal(Signal::TERM);
                    (phase, deadline) = (Phase::Terminating, Instant::now() + grace);
                }
                Phase::Terminating => {
                    group.signal(Signal::KILL);
                    (phase, deadline) = (Phase::Killed, Instant::now() + DRAIN);
                }
                Phase::Draining => {
                    printed.tail.remark("(a process that it left behind held its output and was killed)");
                    group.signal(Signal::KILL);
                    (phase, deadline) = (Phase::Killed, Instant::now() + DRAIN);
                }
                // Whoever still holds the pipe has left the group: nothing more is to be had from it.
                Phase::Killed => break,
            }
        }
    }
    match status {
        Some(status) if !timed_out => Ok(End::Exited(status.code())),
        _ => Ok(End::TimedOut),
    }
}

/// Reads what there is; closes the stream at its end, and never returns for a closed one.
async fn read_some<'a>(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &'a mut [u8]) -> &'a [u8] {
    let Some(open) = stream else { return std::future::pending().await };
    match open.read(buffer).await {
        Ok(count) if count > 0 => &buffer[..count],
        // A pipe that cannot be read has nothing more to say, like one that is at its end.
        _ => {
            *stream = None;
            &[]
        }
    }
}
