//! Probes: measurements of services over the network, for [`runbook_core`].
//!
//! A probe asks a service once over a connection of its own and says what it measured, with evidence. What it measured
//! of the service is a [`Reading`](runbook_core::Reading), good or bad; what it could not measure is a
//! [`ProbeError`](runbook_core::ports::ProbeError), which is unknown. It neither repeats, schedules nor confirms: that
//! is the monitor stage's. It is no HTTP client either: no pool, no proxy, no cookies, no cache.
//! What was measured over time is kept by `SqliteHistory`, behind the feature `history`.
//!
//! ```
//! use runbook_core::registry::Registry;
//!
//! let mut registry = Registry::default();
//! runbook_health::register(&mut registry);
//! assert!(registry.schemas()["probe"].contains_key("http"));
//! assert!(registry.schemas()["probe"].contains_key("tcp"));
//! assert!(registry.schemas()["probe"].contains_key("tls"));
//! ```
//!
//! # Whose fault
//!
//! | what happened | health |
//! | --- | --- |
//! | connection refused or reset, no answer in time, an answer that is not HTTP | unhealthy |
//! | a certificate that has expired, is for another name, or comes from nobody who is trusted; a client certificate that the server refuses | unhealthy |
//! | the name cannot be looked up, no route from here, too many open files here, a variable or a file that is not there | unknown |
//! | an answer, and something in it is not as `expect` says | unhealthy |
//! | an answer, and something in it is not as `degrade` says | degraded |
//! | an answer as expected, but later than `max_latency` | degraded |
//! | a certificate that is valid, but for fewer days than `certificate_days` or `days_left` says, in whatever table | degraded |
//! | an answer without what a condition asks about, or with another type there; a part of the latency that did not happen | unknown |
//!
//! Of several findings the worst wins ([`Health::worst`](runbook_core::Health::worst)): a slow 500 stays unhealthy. A
//! certificate warning is never downtime.

pub mod condition;
#[cfg(feature = "network")]
#[allow(dead_code, reason = "which parts are used depends on the features")]
mod evidence;
#[cfg(feature = "network")]
#[allow(dead_code, reason = "which parts are used depends on the features")]
mod findings;
#[cfg(feature = "history")]
mod history;
mod probes;
#[cfg(feature = "network")]
mod reach;
mod register;
#[cfg(feature = "network")]
mod transport;

pub use condition::{Condition, ConditionError};
#[cfg(feature = "history")]
pub use history::{Retention, SqliteHistory};
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub use probes::database::QuerySettings;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "redis"))]
pub use probes::database::TlsMode;
#[cfg(feature = "dns")]
pub use probes::dns::{DnsExpectSettings, DnsProbe, DnsProtocol, DnsSettings, DnsType};
#[cfg(feature = "grpc")]
pub use probes::grpc::{GrpcProbe, GrpcSettings};
#[cfg(feature = "http")]
pub use probes::http::{
    ExpectSettings, HttpProbe, HttpSettings, HttpVersion, LatencySettings, Pointer, StatusSettings,
};
#[cfg(feature = "icmp")]
pub use probes::icmp::{IcmpFamily, IcmpProbe, IcmpSettings};
#[cfg(feature = "mysql")]
pub use probes::mysql::MySqlProbe;
#[cfg(feature = "postgres")]
pub use probes::postgres::PostgresProbe;
#[cfg(feature = "redis")]
pub use probes::redis::{RedisProbe, RedisSettings};
#[cfg(feature = "tcp")]
pub use probes::tcp::{TcpProbe, TcpSettings};
#[cfg(feature = "tls")]
pub use probes::tls::{TlsExpectSettings, TlsProbe, TlsSettings};
pub use register::register;
