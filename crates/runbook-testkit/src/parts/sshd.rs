//! OpenSSH of one's own: a server that opens to one key, and an agent that holds keys.
#![allow(clippy::expect_used, reason = "a test cannot go on without its server, and says what failed")]

use std::{
    fs, io,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{
    find::require,
    run,
    server::{Home, Server},
};

/// Where a server that root started shuts away the part of it that speaks with strangers. Where it is missing, no
/// service manager has made it.
const SEPARATION: &str = "/run/sshd";
/// How long the server may take to greet.
const GREETING: Duration = Duration::from_secs(5);
/// What the server logs once for each connection, before it greets.
const CONNECTION: &str = "Connection from ";

/// An SSH server on a free port of 127.0.0.1, which lets in whoever runs the tests, with one key and nothing else. It ends
/// when it is dropped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use runbook_testkit::parts::Sshd;
///
/// let Some(server) = Sshd::start().await else { return };
/// assert!(server.key().is_file());
/// assert_eq!(server.connections(), 0);
/// # });
/// ```
#[derive(Debug)]
pub struct Sshd {
    server: Server,
    user: String,
    folder: PathBuf,
    keygen: PathBuf,
    /// So many connections asked whether it answers.
    before: usize,
}

impl Sshd {
    /// Starts one; `None`, with a loud line, where OpenSSH is not installed.
    ///
    /// # Panics
    /// When it does not answer, or is missing although parts are required.
    pub async fn start() -> Option<Self> {
        let program = require("sshd", "openssh-server")?;
        let keygen = require("ssh-keygen", "openssh-client")?;
        require("ssh", "openssh-client")?;
        let home = Home::new("sshd", false);
        let folder = home.path().to_owned();
        let host = make_key(&keygen, &folder, "host").await;
        let key = make_key(&keygen, &folder, "key").await;
        home.write("authorized_keys", &public(&key));
        separate();
        let command = |home: &Home, port: u16| {
            let config = home.write("sshd_config", &config(home.path(), port));
            let mut command = home.command(&program);
            // In the foreground, with its log on standard error.
            command.args(["-D", "-e", "-f"]).arg(config);
            command
        };
        let server = Server::start("sshd", Signal::KILL, home, command, greets).await;
        let hosts = format!("[127.0.0.1]:{} {}", server.port(), public(&host));
        fs::write(folder.join("known_hosts"), hosts).expect("failed to write the file of known hosts");
        let user = run::text(run::command(Path::new("id")).arg("-un")).await.unwrap_or_else(|error| panic!("{error}"));
        let before = server.whole_log().matches(CONNECTION).count();
        Some(Self { server, user, folder, keygen, before })
    }

    /// The address of a repository of this machine, for git.
    pub fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.server.port(), repository.display())
    }

    /// The file of the private key that the server opens to.
    pub fn key(&self) -> PathBuf {
        self.folder.join("key")
    }

    /// A new private key, which the server does not know.
    ///
    /// # Panics
    /// When it could not be made.
    pub async fn unknown_key(&self) -> PathBuf {
        make_key(&self.keygen, &self.folder, "unknown").await
    }

    /// A command for git's `core.sshCommand`: with this key file alone.
    pub fn ssh_with_key(&self, key: &Path) -> String {
        format!("{} -i '{}' -o IdentitiesOnly=yes -o IdentityAgent=none", self.ssh(), key.display())
    }

    /// A command for git's `core.sshCommand`: with what this agent holds, and no file.
    pub fn ssh_with_agent(&self, agent: &SshAgent) -> String {
        format!("{} -o IdentityFile=none -o 'IdentityAgent={}'", self.ssh(), agent.socket.display())
    }

    /// It trusts this server alone, and owes nothing to the settings of whoever runs the tests.
    fn ssh(&self) -> String {
        let hosts = self.folder.join("known_hosts");
        format!(
            "ssh -F none -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=none -o 'UserKnownHostsFile={}'",
            hosts.display()
        )
    }

    /// How many connections have come since it was started.
    pub fn connections(&self) -> usize {
        self.log().matches(CONNECTION).count() - self.before
    }

    /// How many keys it has refused. Its log may be a moment late.
    pub fn refusals(&self) -> usize {
        self.log().matches("Failed publickey for ").count()
    }

    /// Its log.
    pub fn log(&self) -> String {
        self.server.whole_log()
    }
}

/// An SSH agent, which ends when it is dropped.
#[derive(Debug)]
pub struct SshAgent {
    _server: Server,
    socket: PathBuf,
}

impl SshAgent {
    /// Starts one and hands it a private key, whose file it does not need from then on; `None`, with a loud line, where
    /// OpenSSH is not installed.
    ///
    /// # Panics
    /// When it does not take the key, or is missing although parts are required.
    pub async fn start(key: &Path) -> Option<Self> {
        let program = require("ssh-agent", "openssh-client")?;
        let add = require("ssh-add", "openssh-client")?;
        let home = Home::new("ssh-agent", false);
        let socket = home.path().join("socket");
        let ask = async |_port: u16| {
            let mut command = run::command(&add);
            run::output(command.env("SSH_AUTH_SOCK", &socket).arg("-q").arg(key)).await.map(drop)
        };
        // It listens on its socket, and on no port.
        let command = |home: &Home, _port: u16| {
            let mut command = home.command(&program);
            command.arg("-D").arg("-a").arg(&socket);
            command
        };
        let server = Server::start("ssh-agent", Signal::KILL, home, command, ask).await;
        Some(Self { _server: server, socket })
    }
}

/// Opens to one key, as whoever started it, and runs what it is told: no passwords, no PAM, no files of the user.
fn config(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    // Git may be where only this process's PATH leads to.
    let path = std::env::var("PATH").unwrap_or_default();
    format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey \"{folder}/host\"\nAuthorizedKeysFile \"{folder}/authorized_keys\"\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nPermitUserRC no\nLogLevel VERBOSE\nSetEnv \"PATH={path}\"\n"
    )
}

async fn make_key(keygen: &Path, folder: &Path, name: &str) -> PathBuf {
    let key = folder.join(name);
    let mut command = run::command(keygen);
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&key);
    run::output(&mut command).await.unwrap_or_else(|error| panic!("{error}"));
    key
}

/// The public half of a private key, as one line.
fn public(key: &Path) -> String {
    fs::read_to_string(key.with_extension("pub")).expect("failed to read a public key")
}

fn separate() {
    if rustix::process::geteuid().is_root() && fs::create_dir(SEPARATION).is_ok() {
        let closed = fs::Permissions::from_mode(0o755);
        fs::set_permissions(SEPARATION, closed).expect("failed to prepare the server's separation");
    }
}

/// Whether an SSH server greets on this port (RFC 4253, section 4.2).
async fn greets(port: u16) -> Result<(), String> {
    let greeting = async {
        let mut words = [0; 8];
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?.read_exact(&mut words).await?;
        Ok::<_, io::Error>(words)
    };
    match timeout(GREETING, greeting).await {
        Ok(Ok(words)) if &words == b"SSH-2.0-" => Ok(()),
        Ok(Ok(words)) => Err(format!("it said {:?}", String::from_utf8_lossy(&words))),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it did not greet".to_owned()),
    }
}
