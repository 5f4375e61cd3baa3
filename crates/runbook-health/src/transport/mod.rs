//! From a host and a port to an answer: look-up, connection, TLS, one HTTP exchange. Each probe opens one fresh
//! connection and leaves nothing behind. When it has to be over is for the probes to say, around everything here.

#![allow(dead_code, unused_imports, reason = "which parts are used depends on the features")]

#[cfg(feature = "rustls")]
mod certificate;
mod connect;
mod deadline;
#[cfg(feature = "http")]
mod driver;
#[cfg(all(test, feature = "http"))]
mod failing;
mod fault;
#[cfg(feature = "rustls")]
mod handshake;
mod host;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod http1;
#[cfg(feature = "http")]
mod http2;
#[cfg(feature = "rustls")]
mod tls;
mod trace;

#[cfg(feature = "rustls")]
pub(crate) use certificate::{Certificate, days_left, not_after};
pub(crate) use connect::connect;
pub(crate) use deadline::{Deadline, limit_of};
pub(crate) use fault::Fault;
#[cfg(feature = "rustls")]
pub(crate) use handshake::{handshake_as, names, server_name, words_of};
pub(crate) use host::Host;
#[cfg(feature = "http")]
pub(crate) use http::{Answer, Call, Family, Version, send};
#[cfg(feature = "rustls")]
pub(crate) use tls::{ClientCertificate, Tls};
pub(crate) use trace::{Step, Trace};
