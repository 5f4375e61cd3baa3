//! The probe, and the way of one measurement.

use std::fmt;

use async_trait::async_trait;
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use runbook_core::{
    Reading,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Scope},
};

use super::{login::log_in, message, query::ask};
use crate::probes::database::{
    Answered, At, Channel, Dialect, Handshake, Inquiry, Login, Progress, Protocol, Query, QuerySettings, Stop, TlsMode,
};

/// Asks a PostgreSQL server one query, over a connection of its own. Kind `postgres`; see [`QuerySettings`] for its keys.
///
/// The query runs in a read-only transaction that is rolled back, with the server's statement timeout set to what is left
/// of `timeout`. So nothing is written, whatever the query calls, except by what PostgreSQL itself counts as no write
/// (functions for administrators, languages that are not trusted): give the probe a user that may only read.
///
/// | what happened (SQLSTATE) | health |
/// | --- | --- |
/// | connection refused or reset, no answer in time, TLS that fails, an answer that is not PostgreSQL's | unhealthy |
/// | too many connections, no disk or memory (53…), starting up or shutting down (57P01, 57P02, 57P03), an internal error (58…, XX…) | unhealthy |
/// | the query was not finished in time (57014) | unhealthy |
/// | the value, or the number of rows, is not as expected | unhealthy; with `degrade` degraded |
/// | user or password refused (28…), no such database (3D000) | unknown |
/// | the password is asked for in clear text by a server that has not proved who it is | unknown |
/// | the query would write (25006), cannot be run (42…), or fails in any other way | unknown |
/// | no row, `NULL`, a value of another type, a row of more than 64 KiB, more than 100 rows to count | unknown |
///
/// A dropped future closes the connection; the server ends the query at the latest when `timeout` would have.
pub struct PostgresProbe(Inquiry<Postgres>);

/// PostgreSQL's way.
pub(super) struct Postgres;

impl fmt::Debug for PostgresProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ProbeDefinition for PostgresProbe {
    const KIND: &'static str = Postgres::KIND;
    type Settings = QuerySettings;

    fn build(settings: QuerySettings, scope: &Scope) -> Result<Self, BuildError> {
        settings.inquiry(Dialect::Postgres, scope).map(Self)
    }
}

#[async_trait]
impl Probe for PostgresProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.0.sample().await
    }

    fn limit(&self) -> std::time::Duration {
        self.0.limit()
    }
}

impl Protocol for Postgres {
    const KIND: &'static str = "postgres";
    const NAME: &'static str = "PostgreSQL";
    const SCHEMES: &'static [&'static str] = &["postgres", "postgresql"];
    const PORT: u16 = 5432;
    const NEEDS_USER: bool = true;
    const TLS: TlsMode = TlsMode::Prefer;
    type Question = Query;

    async fn ask(
        inquiry: &Inquiry<Self>,
        login: &Login,
        tls: Option<Handshake>,
        progress: &mut Progress,
    ) -> Result<Answered, Stop> {
        let mut channel = Channel::open(&login.host, login.port, progress).await?;
        if let Some(tls) = tls {
            progress.enter(At::Tls);
            channel = encrypt(channel, tls, login, inquiry.may_be_plain()).await?;
        }
        progress.enter(At::Login);
        log_in(&mut channel, login).await?;
        progress.enter(At::Query);
        let answer = ask(&mut channel, &inquiry.question, progress).await?;
        Ok(Answered { answer, channel, goodbye: Vec::new() })
    }
}

/// Asks for TLS, and shakes hands where the server has it.
async fn encrypt(mut channel: Channel, tls: Handshake, login: &Login, may_be_plain: bool) -> Result<Channel, Stop> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    channel.send(&request).await?;
    channel.fill(1).await?;
    // An error comes before there is TLS: from a server that is older than it, or that cannot even begin to talk.
    if channel.buffer().first() == Some(&b'E') {
        return Err(message::next(&mut channel).await.map_or_else(|stop| stop, |_| message::foreign()));
    }
    match channel.buffer().split_to(1).first() {
        Some(b'S') => channel.secure(tls, &login.host).await,
        Some(b'N') if may_be_plain => Ok(channel),
        Some(b'N') => Err(Stop::down("TLS failed: the server does not offer it")),
        _ => Err(message::foreign()),
    }
}
