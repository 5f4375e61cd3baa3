//! The `postgres` probe against PostgreSQL itself, and against what only pretends to be one.

mod faults;
mod logins;
mod values;
mod writes;

use runbook_core::{Reading, ports::ProbeError};
use runbook_health::PostgresProbe;
use runbook_testkit::parts::PostgreSql;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::databases::{sample, with};

static SERVER: OnceCell<Option<PostgreSql>> = OnceCell::const_new();

/// The server that most tests share; `None` where PostgreSQL is not installed.
async fn server() -> Option<&'static PostgreSql> {
    SERVER.get_or_init(PostgreSql::start).await.as_ref()
}

/// Settings that reach a server, and more.
fn settings(server: &PostgreSql, more: &Value) -> Value {
    let base = json!({
        "host": "127.0.0.1",
        "port": server.port(),
        "user": PostgreSql::USER,
        "password_env": "POSTGRES_PASSWORD",
        "database": PostgreSql::DATABASE,
    });
    with(base, more)
}

async fn ask(server: &PostgreSql, more: Value) -> Result<Reading, ProbeError> {
    sample::<PostgresProbe>(settings(server, &more)).await
}
