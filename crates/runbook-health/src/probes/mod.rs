//! The kinds of probe, each with a feature of its own.

#[cfg(any(feature = "postgres", feature = "mysql", feature = "redis"))]
#[allow(dead_code, unused_imports, reason = "which parts are used depends on the features")]
pub(crate) mod database;
#[cfg(feature = "dns")]
pub(crate) mod dns;
#[cfg(feature = "grpc")]
pub(crate) mod grpc;
#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(feature = "icmp")]
pub(crate) mod icmp;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "network")]
#[allow(dead_code, reason = "which parts are used depends on the features")]
mod target;
#[cfg(feature = "tcp")]
pub(crate) mod tcp;
#[cfg(feature = "tls")]
pub(crate) mod tls;
