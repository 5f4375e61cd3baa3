//! The kinds of probe, each with a feature of its own.

#[cfg(feature = "dns")]
pub(crate) mod dns;
#[cfg(feature = "grpc")]
pub(crate) mod grpc;
#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(feature = "icmp")]
pub(crate) mod icmp;
#[cfg(any(feature = "dns", feature = "grpc", feature = "icmp"))]
#[allow(dead_code, reason = "which parts are used depends on the features")]
mod target;
#[cfg(feature = "tcp")]
pub(crate) mod tcp;
