//! Probes: measurements of services over the network, for [`runbook_core`].
//!
//! A probe asks a service once over a connection of its own and says what it measured, with evidence. What it measured
//! of the service is a [`Reading`](runbook_core::Reading), good or bad; what it could not measure is a
//! [`ProbeError`](runbook_core::ports::ProbeError), which is unknown. It neither repeats, schedules nor confirms: that
//! is the monitor stage's. It is no HTTP client either: no pool, no proxy, no cookies, no cache.
//!
//! ```
//! use runbook_core::registry::Registry;
//!
//! let mut registry = Registry::default();
//! runbook_health::register(&mut registry);
//! assert!(registry.schemas()["probe"].contains_key("http"));
//! assert!(registry.schemas()["probe"].contains_key("tcp"));
//! ```
//!
//! # Whose fault
//!
//! | what happened | health |
//! | --- | --- |
//! | connection refused or reset, no answer in time, a certificate that is not valid, an answer that is not HTTP | unhealthy |
//! | the name cannot be looked up, no route from here, too many open files here, a variable that is not set | unknown |
//! | an answer, and something in it is not as expected | unhealthy |
//! | an answer as expected, but later than `max_latency` | degraded |
//! | an answer without what a condition asks about, or with another type there | unknown |
//!
//! Of several findings the worst wins ([`Health::worst`](runbook_core::Health::worst)): a slow 500 stays unhealthy.

pub mod condition;
#[cfg(feature = "network")]
#[allow(dead_code, reason = "which parts are used depends on the features")]
mod evidence;
mod probes;
#[cfg(feature = "network")]
mod reach;
mod register;
#[cfg(feature = "network")]
mod transport;

pub use condition::{Condition, ConditionError};
#[cfg(feature = "dns")]
pub use probes::dns::{DnsExpectSettings, DnsProbe, DnsProtocol, DnsSettings, DnsType};
#[cfg(feature = "grpc")]
pub use probes::grpc::{GrpcProbe, GrpcSettings};
#[cfg(feature = "http")]
pub use probes::http::{ExpectSettings, HttpProbe, HttpSettings, Pointer, StatusSettings};
#[cfg(feature = "icmp")]
pub use probes::icmp::{IcmpFamily, IcmpProbe, IcmpSettings};
#[cfg(feature = "tcp")]
pub use probes::tcp::{TcpProbe, TcpSettings};
pub use register::register;
