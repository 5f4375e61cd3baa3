//! What people write in a table with `kind = "grpc"`. An empty table asks the server at the service's URL how it is as a
//! whole.

use std::path::PathBuf;

use runbook_core::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;

/// The keys of a `grpc` probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcSettings {
    /// The host; by default that of the service's URL.
    pub host: Option<String>,
    /// The port; by default that of the service's URL (`http` is 80 and `https` is 443, `grpc` and `grpcs` must name
    /// theirs).
    pub port: Option<u16>,
    /// The service to ask about, such as `payments.v1.Payments`; by default the server as a whole.
    pub service: String,
    /// Whether to speak TLS; by default when the service's URL begins with `https` or `grpcs`, or `ca_file` is given.
    pub tls: Option<bool>,
    /// A PEM file with the certificates to trust instead of the machine's, relative to `runbook.toml`.
    pub ca_file: Option<PathBuf>,
    /// The variable that holds a bearer token, which is sent as the metadata `authorization`.
    pub bearer_env: Option<String>,
    /// How long the whole measurement may take, from look-up to the answer.
    pub timeout: Period,
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            service: String::new(),
            tls: None,
            ca_file: None,
            bearer_env: None,
            timeout: Period::secs(5),
        }
    }
}
