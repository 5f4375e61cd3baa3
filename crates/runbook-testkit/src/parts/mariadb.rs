//! MariaDB of one's own, which speaks MySQL's protocol.
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

/// A MariaDB server on a free port of 127.0.0.1. It ends, and its data with it, when it is dropped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use runbook_testkit::parts::MariaDb;
///
/// let Some(server) = MariaDb::start().await else { return };
/// server.sql("CREATE TABLE jobs (id int); INSERT INTO jobs VALUES (1), (2)").await;
/// assert_eq!(server.sql("SELECT count(*) FROM jobs").await, "2");
/// # });
/// ```
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
    client: PathBuf,
}

impl MariaDb {
    /// The user that may do everything, with [`PASSWORD`](Self::PASSWORD).
    pub const USER: &'static str = "runbook";
    /// The user's password.
    pub const PASSWORD: &'static str = "a-password-of-mariadb";
    /// An empty database.
    pub const DATABASE: &'static str = "app";

    /// Starts one; `None`, with a loud line, where MariaDB is not installed.
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
        let mariadbd = require("mariadbd", "mariadb-server")?;
        let install = require("mariadb-install-db", "mariadb-server")?;
        let client = require("mariadb", "mariadb-client")?;
        let home = Home::new("mariadb", false);
        create(&home, &install).await;
        let first = home.write(
            "first.sql",
            // A file of this kind has one statement on each line.
            &format!(
                "CREATE USER '{user}'@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO '{user}'@'%' WITH GRANT \
                 OPTION;\nCREATE DATABASE {database};\n",
                user = Self::USER,
                password = Self::PASSWORD,
                database = Self::DATABASE
            ),
        );
        let ask = async |port| ask(&client, port, "SELECT 1").await.map(drop);
        let command = |home: &Home, port: u16| {
            let mut command = home.command(&mariadbd);
            command.args(own(home)).arg(format!("--init-file={}", first.display())).arg(format!("--port={port}"));
            command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]);
            for name in ["socket", "pid-file"] {
                command.arg(format!("--{name}={}", home.path().join(name).display()));
            }
            if let Some(identity) = &options.tls {
                let (certificate, key) = home.identity(identity);
                command.arg(format!("--ssl-cert={}", certificate.display()));
                command.arg(format!("--ssl-key={}", key.display()));
            }
            command.args(&options.arguments);
            command
        };
        let server = Server::start("MariaDB", Signal::KILL, home, command, ask).await;
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

    /// Runs statements in [`DATABASE`](Self::DATABASE), by the `mariadb` client. The answer has a line for each row,
    /// with tabs between columns.
    ///
    /// # Panics
    /// When a statement fails.
    pub async fn sql(&self, statements: &str) -> String {
        let answer = ask(&self.client, self.port(), statements).await;
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

/// What every program of MariaDB's server needs to leave this machine's own data alone.
fn own(home: &Home) -> Vec<String> {
    let mut arguments = vec!["--no-defaults".to_owned(), format!("--datadir={}", home.path().join("data").display())];
    if rustix::process::geteuid().is_root() {
        arguments.push("--user=root".to_owned());
    }
    arguments
}

async fn create(home: &Home, install: &Path) {
    let mut command = home.command(install);
    command.args(own(home));
    command.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
    // Several at once would meet in the machine's own.
    command.env("TMPDIR", home.path());
    prepare(command).await.expect("failed to create MariaDB's data");
}

async fn ask(client: &Path, port: u16, statements: &str) -> Result<String, String> {
    let mut command = run::command(client);
    // No option files, no column names, tabs between columns.
    command.args(["--no-defaults", "-N", "-B", "-h", "127.0.0.1", "-u", MariaDb::USER, "-D", MariaDb::DATABASE]);
    command.arg("-P").arg(port.to_string()).arg("-e").arg(statements);
    run::text(command.env("MYSQL_PWD", MariaDb::PASSWORD)).await
}
