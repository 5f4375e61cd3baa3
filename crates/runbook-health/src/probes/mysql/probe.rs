//! The probe, and the way of one measurement.

use std::fmt;

use async_trait::async_trait;
use runbook_core::{
    Reading,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Scope},
};

use super::{login::log_in, packets::Command, query::ask};
use crate::probes::database::{
    Answered, At, Channel, Dialect, Handshake, Inquiry, Login, Progress, Protocol, Query, QuerySettings, Stop, TlsMode,
};

/// Asks a MySQL or MariaDB server one query, over a connection of its own. Kind `mysql`; see [`QuerySettings`] for its
/// keys.
///
/// The query runs in a read-only transaction that is rolled back, with the server's limit of time
/// (`max_execution_time`, `max_statement_time`) set to what is left of `timeout`, and with `sql_mode = ''`. `INTO` is
/// refused when the probe is built, since a transaction does not hold files. Give the probe a user that may only read.
///
/// | what happened (error) | health |
/// | --- | --- |
/// | connection refused or reset, no answer in time, TLS that fails, an answer that is not MySQL's | unhealthy |
/// | too many connections (1040), shutting down (1053), no disk or memory, a broken table | unhealthy |
/// | the query was not finished in time (1969, 3024) | unhealthy |
/// | the value, or the number of rows, is not as expected | unhealthy; with `degrade` degraded |
/// | user or password refused (1045), no such database (1049) | unknown |
/// | the password is asked for in clear text by a server that has not proved who it is | unknown |
/// | the query would write (1792), cannot be run (1064, 1146), or fails in any other way | unknown |
/// | no row, `NULL`, a value of another type, a row of more than 64 KiB, more than 100 rows to count | unknown |
///
/// Logins by `mysql_native_password` and `caching_sha2_password` are known; of the latter, a server that has forgotten
/// the password (after a restart) asks for it itself, which needs `tls = "verify"`, or TLS on this machine. There are no
/// booleans: `TRUE` is the number 1.
///
/// A dropped future closes the connection; the server ends the query at the latest when `timeout` would have.
pub struct MySqlProbe(Inquiry<MySql>);

/// MySQL's way.
struct MySql;

impl fmt::Debug for MySqlProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ProbeDefinition for MySqlProbe {
    const KIND: &'static str = MySql::KIND;
    type Settings = QuerySettings;

    fn build(settings: QuerySettings, scope: &Scope) -> Result<Self, BuildError> {
        settings.inquiry(Dialect::MySql, scope).map(Self)
    }
}

#[async_trait]
impl Probe for MySqlProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.0.sample().await
    }

    fn limit(&self) -> std::time::Duration {
        self.0.limit()
    }
}

impl Protocol for MySql {
    const KIND: &'static str = "mysql";
    const NAME: &'static str = "MySQL";
    const SCHEMES: &'static [&'static str] = &["mysql", "mariadb"];
    const PORT: u16 = 3306;
    const NEEDS_USER: bool = true;
    const TLS: TlsMode = TlsMode::Prefer;
    type Question = Query;

    async fn ask(
        inquiry: &Inquiry<Self>,
        login: &Login,
        tls: Option<Handshake>,
        progress: &mut Progress,
    ) -> Result<Answered, Stop> {
        let channel = Channel::open(&login.host, login.port, progress).await?;
        progress.enter(At::Login);
        let (mut packets, greeting) = log_in(channel, login, tls, inquiry.may_be_plain(), progress).await?;
        match ask(&mut packets, &greeting, &inquiry.question, progress).await {
            Ok(asked) => {
                let end = [Command::Query.packet("ROLLBACK"), Command::Quit.packet("")].concat();
                let goodbye = if asked.is_complete { end } else { Vec::new() };
                Ok(Answered { answer: asked.answer, channel: packets.channel, goodbye })
            }
            Err(stop) => {
                // What was begun is rolled back when the connection ends.
                let _ = packets.command(Command::Quit, "").await;
                Err(stop)
            }
        }
    }
}
