//! What people write in a table with `kind = "postgres"` or `kind = "mysql"`.

use std::path::PathBuf;

use runbook_core::{
    config::Period,
    registry::{BuildError, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Dialect, Expected, Inquiry, Place, Protocol, Statement, Stop, TlsMode, answer::cut};
use crate::condition::{Condition, NumberCondition};

/// How much is told of the other columns when the judged one is not there, in characters.
const MAX_NAMES: usize = 200;

/// The keys of a `postgres` and of a `mysql` probe. `SELECT 1` is asked when there is no `query`, and its answer alone
/// is enough when nothing is expected.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QuerySettings {
    /// The host; by default that of the service's URL.
    pub host: Option<String>,
    /// The port; by default that of the service's URL unless it is a web address, then the usual one (5432 or 3306).
    pub port: Option<u16>,
    /// The database; by default that of the service's URL where it is a database's, otherwise the server's choice.
    pub database: Option<String>,
    /// The user; by default that of the service's URL where it is a database's. It should be one that may only read.
    pub user: Option<String>,
    /// The variable that holds the user's password.
    pub password_env: Option<String>,
    /// The variable that holds a whole URL, such as `postgres://user:password@db:5432/app?sslmode=verify-full`, instead
    /// of the keys above.
    pub url_env: Option<String>,
    /// Whether to speak TLS; by default `verify` with a `ca_file`, otherwise as the URL says, otherwise `prefer`. A server
    /// that asks for the password in clear text gets it only with `verify`, or on this machine.
    pub tls: Option<TlsMode>,
    /// A PEM file with the certificates to trust instead of the machine's, relative to `runbook.toml`.
    pub ca_file: Option<PathBuf>,
    /// One statement that begins with `SELECT`, `WITH`, `VALUES`, `TABLE`, `SHOW` or `EXPLAIN`. It runs in a read-only
    /// transaction, which is rolled back.
    pub query: String,
    /// The column that is judged; by default the first.
    pub column: Option<String>,
    /// What the first row's value must be. It is missing when there is no row; no comparison holds for `NULL`.
    pub expect: Option<Condition>,
    /// What the value must be, or the service is degraded.
    pub degrade: Option<Condition>,
    /// How many rows there must be. At most 100 are fetched: more are unknown.
    pub rows: Option<NumberCondition>,
    /// Slower than this is degraded.
    pub max_latency: Option<Period>,
    /// How long the whole measurement may take, from look-up to the last row. The server is told what is left of it.
    pub timeout: Period,
}

impl Default for QuerySettings {
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
            query: "SELECT 1".to_owned(),
            column: None,
            expect: None,
            degrade: None,
            rows: None,
            max_latency: None,
            timeout: Period::secs(5),
        }
    }
}

/// What is asked of a database that speaks SQL.
#[derive(Debug)]
pub(in crate::probes) struct Query {
    pub(in crate::probes) statement: Statement,
    pub(in crate::probes) column: Option<String>,
    pub(in crate::probes) counts_rows: bool,
}

impl QuerySettings {
    /// The inquiry of a server whose questions are queries.
    pub(in crate::probes) fn inquiry<P: Protocol<Question = Query>>(
        self,
        dialect: Dialect,
        scope: &Scope,
    ) -> Result<Inquiry<P>, BuildError> {
        let statement = Statement::parse(&self.query, dialect);
        let question = Query {
            statement: statement.map_err(|problem| BuildError::key("query", problem))?,
            column: self.column,
            counts_rows: self.rows.is_some(),
        };
        let place = Place {
            host: self.host,
            port: self.port,
            database: self.database,
            user: self.user,
            password_env: self.password_env,
            url_env: self.url_env,
            tls: self.tls,
            ca_file: self.ca_file,
        };
        let expected = Expected {
            expect: self.expect,
            degrade: self.degrade,
            rows: self.rows,
            max_latency: self.max_latency.map(|limit| limit.0),
        };
        Inquiry::build(place, question, expected, self.timeout, scope)
    }
}

impl Query {
    /// Where the judged column stands among these; `None` when there are no columns at all.
    pub(in crate::probes) fn column_of<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<Option<usize>, Stop> {
        let names: Vec<&str> = names.collect();
        let Some(wanted) = &self.column else { return Ok((!names.is_empty()).then_some(0)) };
        match names.iter().position(|name| name == wanted) {
            Some(at) => Ok(Some(at)),
            None => {
                let others = names.join(", ");
                Err(Stop::Unclear(format!("the answer has no column `{wanted}`; it has {}", cut(&others, MAX_NAMES))))
            }
        }
    }
}

impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.statement.fmt(f)
    }
}
