//! What people write in a table with `kind = "redis"`. An empty table sends `PING`.

use std::path::PathBuf;

use runbook_core::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{condition::Condition, probes::database::TlsMode};

/// The keys of a `redis` probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// The host; by default that of the service's URL.
    pub host: Option<String>,
    /// The port; by default that of the service's URL unless it is a web address, then 6379.
    pub port: Option<u16>,
    /// The number of the database; by default that of the service's URL where it is a Redis', otherwise 0.
    pub database: Option<u32>,
    /// The user, where it is not `default`.
    pub user: Option<String>,
    /// The variable that holds the password. The protocol sends it as it is: without `tls = "verify"`, whoever is on the
    /// way to a host elsewhere can read it.
    pub password_env: Option<String>,
    /// The variable that holds a whole URL, such as `rediss://user:password@cache:6379/0`, instead of the keys above.
    pub url_env: Option<String>,
    /// Whether to speak TLS; by default `verify` with a `ca_file` or for `rediss`, otherwise `off`. There is no `prefer`.
    pub tls: Option<TlsMode>,
    /// A PEM file with the certificates to trust instead of the machine's, relative to `runbook.toml`.
    pub ca_file: Option<PathBuf>,
    /// The command and its arguments, such as `["LLEN", "jobs"]`: one of those that only read.
    pub command: Vec<String>,
    /// Of `INFO` or `CLUSTER INFO`, the field that is judged, such as `role`.
    pub field: Option<String>,
    /// What the answer must be. It is missing when there is no such key or field.
    pub expect: Option<Condition>,
    /// What the answer must be, or the service is degraded.
    pub degrade: Option<Condition>,
    /// Slower than this is degraded.
    pub max_latency: Option<Period>,
    /// How long the whole measurement may take, from look-up to the end of the answer.
    pub timeout: Period,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            database: None,
            user: None,
            password_env: None,
            url_env: None,
            tls: None,
            ca_file: None,
            command: vec!["PING".to_owned()],
            field: None,
            expect: None,
            degrade: None,
            max_latency: None,
            timeout: Period::secs(5),
        }
    }
}
