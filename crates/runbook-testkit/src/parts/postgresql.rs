//! PostgreSQL of one's own.
#![allow(clippy::expect_used, reason = "a test cannot go on without its server, and says what failed")]

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use rustix::process::Signal;

use super::{
    ServerOptions,
    find::require,
    run,
    server::{Home, Server, prepare},
};

/// A PostgreSQL server on a free port of 127.0.0.1. It ends, and its data with it, when it is dropped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use runbook_testkit::parts::PostgreSql;
///
/// let Some(server) = PostgreSql::start().await else { return };
/// server.sql("CREATE TABLE jobs (id int); INSERT INTO jobs VALUES (1), (2)").await;
/// assert_eq!(server.sql("SELECT count(*) FROM jobs").await, "2");
/// # });
/// ```
#[derive(Debug)]
pub struct PostgreSql {
    server: Server,
    psql: PathBuf,
}

impl PostgreSql {
    /// The superuser that every client may use with [`PASSWORD`](Self::PASSWORD).
    pub const USER: &'static str = "runbook";
    /// The superuser's password, asked for by SCRAM-SHA-256.
    pub const PASSWORD: &'static str = "a-password-of-postgresql";
    /// An empty database.
    pub const DATABASE: &'static str = "app";

    /// Starts one; `None`, with a loud line, where PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it does not answer, or is missing although parts are required.
    pub async fn start() -> Option<Self> {
        Self::start_with(&ServerOptions::default()).await
    }

    /// Starts one with options; as [`start`](Self::start) otherwise.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_with(options: &ServerOptions) -> Option<Self> {
        let postgres = require("postgres", "postgresql")?;
        // Debian's names lead to a folder with everything of the same version.
        let tools = postgres.canonicalize().expect("failed to find PostgreSQL's folder");
        let tools = tools.parent().expect("a program stands in a folder").to_owned();
        let home = Home::new("postgresql", true);
        create(&home, &tools).await;
        let psql = tools.join("psql");
        let ask = async |port| ask(&psql, port, "postgres", "SELECT 1").await.map(drop);
        let command = |home: &Home, port: u16| {
            let mut command = home.command(&tools.join("postgres"));
            command.arg("-D").arg(home.path().join("data")).arg("-p").arg(port.to_string());
            for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
                command.arg("-c").arg(setting);
            }
            if let Some(identity) = &options.tls {
                let (certificate, key) = home.identity(identity);
                command.args(["-c", "ssl=on", "-c"]).arg(format!("ssl_cert_file={}", certificate.display()));
                command.arg("-c").arg(format!("ssl_key_file={}", key.display()));
            }
            command.args(&options.arguments);
            command
        };
        // SIGQUIT is its immediate shutdown; after SIGKILL its shared memory would stay behind.
        let server = Server::start("PostgreSQL", Signal::QUIT, home, command, ask).await;
        let this = Self { psql, server };
        let created = ask_as_owner(&this, "postgres", &format!("CREATE DATABASE {}", Self::DATABASE)).await;
        created.expect("failed to create a database");
        Some(this)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Runs statements in [`DATABASE`](Self::DATABASE) as the superuser, by `psql`. The answer has a line for each row,
    /// with `|` between columns.
    ///
    /// # Panics
    /// When a statement fails.
    pub async fn sql(&self, statements: &str) -> String {
        let answer = ask_as_owner(self, Self::DATABASE, statements).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
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

async fn create(home: &Home, tools: &Path) {
    let password = home.write("password", PostgreSql::PASSWORD);
    let mut command = home.command(&tools.join("initdb"));
    command.arg("-D").arg(home.path().join("data")).arg("-U").arg(PostgreSql::USER);
    command.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    command.arg(format!("--pwfile={}", password.display()));
    prepare(command).await.expect("failed to create PostgreSQL's data");
}

async fn ask_as_owner(server: &PostgreSql, database: &str, statements: &str) -> Result<String, String> {
    ask(&server.psql, server.port(), database, statements).await
}

async fn ask(psql: &Path, port: u16, database: &str, statements: &str) -> Result<String, String> {
    let mut command = run::command(psql);
    // No start-up file, tuples only, unaligned; the first error ends it.
    command.args(["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", PostgreSql::USER]);
    command.arg("-p").arg(port.to_string()).arg("-d").arg(database).arg("-c").arg(statements);
    run::text(command.env("PGPASSWORD", PostgreSql::PASSWORD)).await
}
