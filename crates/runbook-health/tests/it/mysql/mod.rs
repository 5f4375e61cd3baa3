//! The `mysql` probe against MariaDB, and against what only pretends to be MySQL.

mod faults;
mod imitation;
mod logins;
mod values;
mod writes;

use runbook_core::{Reading, ports::ProbeError};
use runbook_health::MySqlProbe;
use runbook_testkit::parts::MariaDb;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::databases::{sample, with};

static SERVER: OnceCell<Option<MariaDb>> = OnceCell::const_new();

/// The server that most tests share; `None` where MariaDB is not installed.
async fn server() -> Option<&'static MariaDb> {
    SERVER.get_or_init(MariaDb::start).await.as_ref()
}

/// Settings that reach a server, and more.
fn settings(server: &MariaDb, more: &Value) -> Value {
    let base = json!({
        "host": "127.0.0.1",
        "port": server.port(),
        "user": MariaDb::USER,
        "password_env": "MARIADB_PASSWORD",
        "database": MariaDb::DATABASE,
    });
    with(base, more)
}

async fn ask(server: &MariaDb, more: Value) -> Result<Reading, ProbeError> {
    sample::<MySqlProbe>(settings(server, &more)).await
}
