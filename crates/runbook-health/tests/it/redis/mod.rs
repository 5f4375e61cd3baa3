//! The `redis` probe against Redis itself, and against what only pretends to be one.

mod faults;
mod logins;
mod values;

use runbook_core::{Reading, ports::ProbeError};
use runbook_health::RedisProbe;
use runbook_testkit::parts::Redis;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::databases::{sample, with};

static SERVER: OnceCell<Option<Redis>> = OnceCell::const_new();

/// The server that most tests share; `None` where Redis is not installed.
async fn server() -> Option<&'static Redis> {
    SERVER.get_or_init(Redis::start).await.as_ref()
}

/// Settings that reach a server, and more.
fn settings(server: &Redis, more: &Value) -> Value {
    with(json!({"host": "127.0.0.1", "port": server.port(), "password_env": "REDIS_PASSWORD"}), more)
}

async fn ask(server: &Redis, more: Value) -> Result<Reading, ProbeError> {
    sample::<RedisProbe>(settings(server, &more)).await
}
