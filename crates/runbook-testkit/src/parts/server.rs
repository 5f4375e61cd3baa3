//! A server of this machine: its folder, its port, its process, and its end.
#![allow(clippy::expect_used, reason = "a test cannot go on without its server, and says what failed")]

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{find::find, group::Group, options::Identity, run};

/// How long a server may take until it answers.
const READY: Duration = Duration::from_secs(60);
/// Between two questions whether it answers.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a server that was told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How often another port is tried, when somebody else was faster.
const ATTEMPTS: usize = 5;
/// How much of a log is shown.
const SHOWN: usize = 4000;

/// Waits until this process is gone, then ends the server and removes its folder. `read` ends when the other end of the
/// pipe is closed, which the kernel does at the end of a process, whatever ended it.
const GUARD: &str = r#"read -r _
kill -s "$1" "$2" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; rm -rf -- "$3" && break; done"#;

/// A folder for one server, and who runs it there.
#[derive(Debug)]
pub(super) struct Home {
    folder: TempDir,
    user: Option<User>,
}

/// Who runs a server that refuses to be run by root.
#[derive(Debug, Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

/// A server that has answered.
#[derive(Debug)]
pub(super) struct Server {
    name: &'static str,
    end: Signal,
    home: Home,
    port: u16,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    group: Group,
    guard: Option<Guard>,
}

/// The shell that outlives this process.
#[derive(Debug)]
struct Guard {
    shell: Child,
    _lease: Option<ChildStdin>,
}

impl Home {
    /// A new folder. `without_root`: the server would refuse root, so the folder is given to another user, and
    /// [`command`](Self::command) runs as that one.
    pub(super) fn new(name: &str, without_root: bool) -> Self {
        let folder = TempDir::with_prefix(format!("runbook-{name}-")).expect("failed to make a temporary folder");
        let is_root = rustix::process::geteuid().is_root();
        let user = (without_root && is_root)
            .then(|| ["postgres", "nobody"].into_iter().find_map(User::named).expect("there is no user besides root"));
        let home = Self { folder, user };
        home.give(home.path());
        home
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// Writes a file that only the server may read.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        fs::write(&file, text).expect("failed to write a file for a server");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("failed to protect a server's file");
        self.give(&file);
        file
    }

    /// Writes certificate and key, and returns where.
    pub(super) fn identity(&self, identity: &Identity) -> (PathBuf, PathBuf) {
        (self.write("server.pem", &identity.certificate), self.write("server.key", &identity.key))
    }

    /// A command that runs in this folder, not as root where that was asked for.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => {
                // It replaces itself, so the process id is the server's.
                let mut command = Command::new(find("setpriv").expect("setpriv (util-linux) is missing"));
                command.arg(format!("--reuid={}", user.id)).arg(format!("--regid={}", user.group));
                command.arg("--clear-groups").arg(program);
                command
            }
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("LC_ALL", "C").env("TZ", "UTC").env("HOME", self.path());
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn give(&self, path: &Path) {
        if let Some(user) = self.user {
            chown(path, Some(user.id), Some(user.group)).expect("failed to give a file to the server's user");
        }
    }
}

impl User {
    fn named(name: &str) -> Option<Self> {
        let users = fs::read_to_string("/etc/passwd").ok()?;
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_this = fields.next() == Some(name);
            let (id, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            is_this.then_some(Self { id, group })
        })
    }
}

impl Server {
    /// Starts a server on a free port and waits until `ask` has an answer. `end` is the signal that ends it at once.
    ///
    /// # Panics
    /// When it does not answer in time; its log is printed then.
    pub(super) async fn start(
        name: &'static str,
        end: Signal,
        home: Home,
        command: impl Fn(&Home, u16) -> Command,
        ask: impl AsyncFn(u16) -> Result<(), String>,
    ) -> Self {
        let mut server = Self { name, end, home, port: 0, running: Mutex::new(None) };
        for _ in 0..ATTEMPTS {
            server.kill();
            server.port = free_port().expect("failed to find a free port of 127.0.0.1");
            let running = Running::start(command(&server.home, server.port), &server.home, end);
            *server.running() = Some(running.unwrap_or_else(|error| panic!("failed to start {name}: {error}")));
            match server.until_it_answers(&ask).await {
                Ready::Yes => return server,
                Ready::Ended => {}
                Ready::Late(words) => panic!("{name} did not answer within {READY:?}: {words}"),
            }
        }
        panic!("{name} ended before it answered, on {ATTEMPTS} ports");
    }

    async fn until_it_answers(&self, ask: &impl AsyncFn(u16) -> Result<(), String>) -> Ready {
        let deadline = Instant::now() + READY;
        loop {
            if !self.is_running() {
                return Ready::Ended;
            }
            let words = match ask(self.port).await {
                // Whoever answers where the server has ended is somebody else.
                Ok(()) if self.is_running() => return Ready::Yes,
                Ok(()) => continue,
                Err(words) => words,
            };
            if Instant::now() > deadline {
                return Ready::Late(words);
            }
            sleep(PAUSE).await;
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The end of what the server has written to its log.
    pub(super) fn log(&self) -> String {
        let text = self.whole_log();
        let from = text.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
        text[from..].to_owned()
    }

    /// All that the server has written to its log.
    pub(super) fn whole_log(&self) -> String {
        let log = fs::read(self.home.log()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Ends the server at once, as a crash would. The port is refused from then on.
    pub(super) fn kill(&self) {
        if let Some(running) = self.running().take() {
            running.end(self.end);
        }
    }

    fn is_running(&self) -> bool {
        self.running().as_mut().is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the end of the log of {}:\n{}", self.name, self.log());
        }
        self.kill();
    }
}

enum Ready {
    Yes,
    Ended,
    Late(String),
}

impl Running {
    fn start(mut command: Command, home: &Home, end: Signal) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(home.log())?;
        let child = command.stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
        let group = Group::led_by(child.id());
        let mut running = Self { child, group, guard: None };
        running.guard = Some(Guard::over(running.child.id(), home.path(), end)?);
        Ok(running)
    }

    fn end(mut self, signal: Signal) {
        // First the guard: once the server's process id is free, it may be somebody else's.
        drop(self.guard.take());
        self.group.signal(signal);
        let (tell, told) = mpsc::channel();
        let mut child = self.child;
        let waiting = thread::spawn(move || {
            let _ = child.wait();
            let _ = tell.send(());
        });
        if told.recv_timeout(GRACE).is_err() {
            self.group.signal(Signal::KILL);
        }
        let _ = waiting.join();
    }
}

impl Guard {
    fn over(process: u32, folder: &Path, end: Signal) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", GUARD, "sh", if end == Signal::QUIT { "QUIT" } else { "KILL" }]);
        shell.arg(process.to_string()).arg(folder);
        // A group of its own, so that Ctrl-C at the terminal does not reach it.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut shell = shell.spawn()?;
        Ok(Self { _lease: shell.stdin.take(), shell })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Runs a command that prepares a home, to its end.
pub(super) async fn prepare(command: Command) -> Result<(), String> {
    run::output(&mut command.into()).await.map(drop)
}
