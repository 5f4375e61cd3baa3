//! From a host and a port to an answer: look-up, connection, TLS, one HTTP/1.1 exchange. Each probe opens one fresh
//! connection and leaves nothing behind. Deadlines are the probes' own, around everything here.

#![allow(dead_code, unused_imports, reason = "which parts are used depends on the features")]

mod connect;
mod fault;
mod host;
#[cfg(feature = "http")]
mod http1;
#[cfg(feature = "rustls")]
mod tls;
mod trace;

pub(crate) use connect::connect;
pub(crate) use fault::Fault;
pub(crate) use host::Host;
#[cfg(feature = "http")]
pub(crate) use http1::{Answer, send};
#[cfg(feature = "rustls")]
pub(crate) use tls::{Tls, handshake};
pub(crate) use trace::{Step, Trace};
