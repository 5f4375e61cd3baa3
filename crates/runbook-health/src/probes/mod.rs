//! The kinds of probe, each with a feature of its own.

#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(feature = "tcp")]
pub(crate) mod tcp;
