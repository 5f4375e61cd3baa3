//! What people write in a table with `kind = "http"`. Every key has a default: an empty table asks `GET` of the
//! service's URL and expects a 2xx answer within five seconds.

use std::{collections::BTreeMap, path::PathBuf};

use runbook_core::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Pointer, StatusSettings};
use crate::condition::Condition;

/// The keys of an `http` probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Appended to the service's URL, with its query if it has one; without it, the URL is asked as it is.
    pub path: Option<String>,
    /// A whole URL, instead of the service's and a path.
    pub url: Option<String>,
    /// The method.
    pub method: String,
    /// Headers to send. After a redirect to another origin they are not sent.
    pub headers: BTreeMap<String, String>,
    /// The body to send.
    pub body: Option<String>,
    /// How long the whole measurement may take, from look-up to the body's last byte.
    pub timeout: Period,
    /// How many redirects are followed. By default none: the redirect itself is judged.
    pub redirects: u8,
    /// The variable that holds `user:password` for basic authorization.
    pub basic_env: Option<String>,
    /// The variable that holds a bearer token.
    pub bearer_env: Option<String>,
    /// A PEM file with the certificates to trust instead of the machine's, relative to `runbook.toml`.
    pub ca_file: Option<PathBuf>,
    /// How many bytes of the body are read, at most 16 MiB. A body that is longer is not read further; a condition
    /// on it is unknown.
    pub max_body: u64,
    /// What is expected of the answer.
    pub expect: ExpectSettings,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            path: None,
            url: None,
            method: "GET".to_owned(),
            headers: BTreeMap::new(),
            body: None,
            timeout: Period::secs(5),
            redirects: 0,
            basic_env: None,
            bearer_env: None,
            ca_file: None,
            max_body: 1024 * 1024,
            expect: ExpectSettings::default(),
        }
    }
}

/// What is expected of an answer. All of it must hold for a healthy reading.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectSettings {
    /// The status codes.
    pub status: StatusSettings,
    /// Conditions on values of a JSON body, by JSON pointer.
    pub json: BTreeMap<Pointer, Condition>,
    /// A condition on the body's text, without the white space around it.
    pub body: Option<Condition>,
    /// Conditions on headers, by name; several of one name are joined by commas.
    pub header: BTreeMap<String, Condition>,
    /// Slower than this is degraded.
    pub max_latency: Option<Period>,
}
