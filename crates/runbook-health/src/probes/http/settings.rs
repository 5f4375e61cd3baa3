//! What people write in a table with `kind = "http"`. Every key has a default: an empty table asks `GET` of the
//! service's URL and expects a 2xx answer within five seconds.

use std::{collections::BTreeMap, path::PathBuf};

use runbook_core::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Pointer, StatusSettings};
use crate::condition::{Condition, DurationCondition, NumberCondition};

/// The keys of an `http` probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Appended to the service's URL, with its query if it has one; without it, the URL is asked as it is.
    pub path: Option<String>,
    /// A whole URL, instead of the service's and a path. Values of its query are taken out of evidence.
    pub url: Option<String>,
    /// The method.
    pub method: String,
    /// The version of HTTP. Without it, what the server prefers of both over `https`, and 1.1 over `http`; "2" over
    /// `http` is spoken without asking first (prior knowledge).
    pub version: Option<HttpVersion>,
    /// Headers to send. After a redirect to another origin none of them is sent.
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secret: for each, the variable that holds it. Not sent to other origins either.
    pub headers_env: BTreeMap<String, String>,
    /// The body to send. A redirect that would take it to another origin is not followed, but judged itself.
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
    /// A PEM file with the certificate to show when the server asks for one, and those between it and its authority;
    /// relative to `runbook.toml`. Other origins are not shown it.
    pub client_cert_file: Option<PathBuf>,
    /// A PEM file with that certificate's private key, relative to `runbook.toml`.
    pub client_key_file: Option<PathBuf>,
    /// How many bytes of the body are read, at most 16 MiB. A body that is longer is not read further; a condition
    /// on it is unknown.
    pub max_body: u64,
    /// What is expected of the answer: what fails here is unhealthy.
    pub expect: ExpectSettings,
    /// The same keys as `expect`: what fails here is only degraded.
    pub degrade: ExpectSettings,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            path: None,
            url: None,
            method: "GET".to_owned(),
            version: None,
            headers: BTreeMap::new(),
            headers_env: BTreeMap::new(),
            body: None,
            timeout: Period::secs(5),
            redirects: 0,
            basic_env: None,
            bearer_env: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            max_body: 1024 * 1024,
            expect: ExpectSettings::default(),
            degrade: ExpectSettings::default(),
        }
    }
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    One,
    /// HTTP/2.
    #[serde(rename = "2")]
    Two,
}

/// What is expected of an answer. All of it must hold for a healthy reading. In either table, a condition that asks
/// about something that is missing is unknown.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectSettings {
    /// The status codes; without it `200-299` in `expect`, and any in `degrade`.
    pub status: Option<StatusSettings>,
    /// Conditions on values of a JSON body, by JSON pointer.
    pub json: BTreeMap<Pointer, Condition>,
    /// A condition on the body's text, without the white space around it.
    pub body: Option<Condition>,
    /// Conditions on headers, by name; several of one name are joined by commas.
    pub header: BTreeMap<String, Condition>,
    /// Conditions on how long the measurement and its parts took.
    pub latency: LatencySettings,
    /// A condition on how many whole days the server's certificate is still valid. A warning is never downtime: what
    /// fails here is only degraded, in both tables. A certificate that has expired fails the handshake itself.
    pub certificate_days: Option<NumberCondition>,
    /// Slower than this is degraded, in both tables.
    pub max_latency: Option<Period>,
}

/// How long the parts of a measurement may take; after redirects, all of a kind together. A part that did not happen
/// is unknown: an address or `localhost` is not looked up, and `http` has no TLS.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LatencySettings {
    /// All of it, from look-up to the body's last byte.
    pub total: Option<DurationCondition>,
    /// Looking the name up.
    pub dns: Option<DurationCondition>,
    /// Opening the connection.
    pub connect: Option<DurationCondition>,
    /// The TLS handshake.
    pub tls: Option<DurationCondition>,
    /// From the request to the answer's head.
    pub first_byte: Option<DurationCondition>,
    /// Reading the body.
    pub body: Option<DurationCondition>,
}
