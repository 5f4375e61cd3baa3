//! Redis of one's own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use rustix::process::Signal;

use super::{
    ServerOptions,
    find::require,
    run,
    server::{Home, Server},
};

/// A Redis server on a free port of 127.0.0.1, which keeps everything in memory. It ends when it is dropped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use runbook_testkit::parts::Redis;
///
/// let Some(server) = Redis::start().await else { return };
/// server.command(&["RPUSH", "jobs", "first", "second"]).await;
/// assert_eq!(server.command(&["LLEN", "jobs"]).await, "2");
/// # });
/// ```
#[derive(Debug)]
pub struct Redis {
    server: Server,
    client: Client,
}

#[derive(Debug)]
struct Client {
    program: PathBuf,
    tls: bool,
}

impl Redis {
    /// The password of the user `default`.
    pub const PASSWORD: &'static str = "a-password-of-redis";

    /// Starts one; `None`, with a loud line, where Redis is not installed.
    ///
    /// # Panics
    /// When it does not answer, or is missing although parts are required.
    pub async fn start() -> Option<Self> {
        Self::start_with(&ServerOptions::default()).await
    }

    /// Starts one with options; as [`start`](Self::start) otherwise. With TLS, its port speaks nothing else.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_with(options: &ServerOptions) -> Option<Self> {
        let program = require("redis-server", "redis-server")?;
        let client = Client { program: require("redis-cli", "redis-tools")?, tls: options.tls.is_some() };
        let ask = async |port| match client.ask(port, &["PING"]).await?.as_str() {
            "PONG" => Ok(()),
            other => Err(other.to_owned()),
        };
        let command = |home: &Home, port: u16| {
            let mut command = home.command(&program);
            command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(["--requirepass", Self::PASSWORD, "--dir"]).arg(home.path());
            match &options.tls {
                None => command.arg("--port").arg(port.to_string()),
                Some(identity) => {
                    let (certificate, key) = home.identity(identity);
                    command.args(["--port", "0", "--tls-port"]).arg(port.to_string());
                    command.arg("--tls-cert-file").arg(certificate).arg("--tls-key-file").arg(key);
                    command.args(["--tls-auth-clients", "no"])
                }
            };
            command.args(&options.arguments);
            command
        };
        let server = Server::start("Redis", Signal::KILL, Home::new("redis", false), command, ask).await;
        Some(Self { server, client })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sends one command as the user `default`, by `redis-cli`, and hands back what it prints. An error of the server is
    /// printed like an answer.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn command(&self, words: &[&str]) -> String {
        self.client.ask(self.port(), words).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends it at once, with all its connections, as a crash would.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

impl Client {
    async fn ask(&self, port: u16, words: &[&str]) -> Result<String, String> {
        let mut command = run::command(Path::new(&self.program));
        command.args(["-h", "127.0.0.1", "-p"]).arg(port.to_string());
        if self.tls {
            command.args(["--tls", "--insecure"]);
        }
        run::text(command.args(words).env("REDISCLI_AUTH", Redis::PASSWORD)).await
    }
}
