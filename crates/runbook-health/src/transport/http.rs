//! One HTTP exchange over one connection of its own, in the version that was asked for or that both sides agree on.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hyper::{Request, body::Bytes, http::response::Parts};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::rustls::ClientConfig;

use super::{
    Fault, Host, Step, Trace, certificate, connect::connect_to_one, handshake::handshake_as, handshake::server_name,
    http1, http2,
};

/// The most bytes that an answer's head may have.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// HTTP/1.1.
    One,
    /// HTTP/2; without TLS with prior knowledge (RFC 9113, section 3.3).
    Two,
}

/// Where and how to ask.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The server.
    pub(crate) host: &'a Host,
    /// Its port.
    pub(crate) port: u16,
    /// Without it, nothing is encrypted.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Without it, what the server prefers over TLS, and HTTP/1.1 otherwise.
    pub(crate) version: Option<Version>,
    /// What is known of the server from earlier calls.
    pub(crate) family: Option<&'a Family>,
}

/// Which address of `localhost` answered last. It is asked first the next time (RFC 8305, section 4), so that a
/// service on 127.0.0.1 alone does not cost a refused connection to ::1 in each measurement.
#[derive(Debug, Default)]
pub(crate) struct Family(AtomicBool);

impl Family {
    fn sort(&self, addresses: &mut [SocketAddr]) {
        if self.0.load(Ordering::Relaxed) {
            addresses.reverse();
        }
    }

    fn remember(&self, address: SocketAddr) {
        self.0.store(address.is_ipv4(), Ordering::Relaxed);
    }
}

/// An answer whose head has come. Dropping it closes the connection.
pub(crate) struct Answer {
    /// Status and headers.
    pub(crate) head: Parts,
    body: Body,
}

enum Body {
    One(http1::Body),
    Two(http2::Body),
}

impl Answer {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// When the body breaks off or is not framed as HTTP.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match &mut self.body {
            Body::One(body) => body.next().await,
            Body::Two(body) => body.next().await,
        }
    }
}

/// Connects, does the TLS handshake where there is a configuration for it, sends the request, and waits for the head
/// of the answer. The request's address is in origin form, its `Host` is among the headers.
///
/// # Errors
/// See [`Fault`].
pub(crate) async fn send(call: Call<'_>, request: Request<Bytes>, trace: &mut Trace) -> Result<Answer, Fault> {
    if call.host.needs_lookup() {
        trace.enter(Step::Lookup);
    }
    let mut addresses = call.host.addresses(call.port).await?;
    let family = call.family.filter(|_| matches!(call.host, Host::Localhost(_)));
    if let Some(family) = family {
        family.sort(&mut addresses);
    }
    trace.enter(Step::Connect);
    let (stream, address) = connect_to_one(&addresses).await?;
    if let Some(family) = family {
        family.remember(address);
    }
    match call.tls {
        None => exchange(call.version.unwrap_or(Version::One), "http", stream, request, trace).await,
        // On the heap, as is HTTP/2: the many probes without either stay small.
        Some(config) => Box::pin(secured(config, call.host, call.version, stream, request, trace)).await,
    }
}

/// The exchange over TLS, whose handshake says which version it is.
async fn secured(
    config: Arc<ClientConfig>,
    host: &Host,
    version: Option<Version>,
    stream: TcpStream,
    request: Request<Bytes>,
    trace: &mut Trace,
) -> Result<Answer, Fault> {
    trace.enter(Step::Tls);
    let offered: &[&[u8]] = match version {
        None => &[b"h2", b"http/1.1"],
        Some(Version::One) => &[b"http/1.1"],
        Some(Version::Two) => &[b"h2"],
    };
    let stream = handshake_as(config, server_name(host)?, offered, stream).await?;
    let session = stream.get_ref().1;
    trace.saw_certificate(session.peer_certificates().and_then(|chain| certificate::not_after(chain.first()?)));
    // A server that agrees on nothing speaks HTTP/1.1, as it did before there was a way to agree (RFC 7301).
    let agreed = if session.alpn_protocol() == Some(b"h2") { Version::Two } else { Version::One };
    if version.is_some_and(|wanted| wanted != agreed) {
        return Err(Fault::target("the server does not offer HTTP/2"));
    }
    exchange(agreed, "https", stream, request, trace).await
}

async fn exchange(
    version: Version,
    scheme: &str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
    trace: &mut Trace,
) -> Result<Answer, Fault> {
    trace.enter(Step::FirstByte);
    let (head, body) = match version {
        Version::One => {
            let (head, body) = http1::exchange(stream, request).await?;
            (head, Body::One(body))
        }
        Version::Two => {
            let (head, body) = Box::pin(http2::exchange(scheme, stream, request)).await?;
            (head, Body::Two(body))
        }
    };
    trace.enter(Step::Body);
    Ok(Answer { head, body })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_family_that_answered_is_asked_first() {
        let both = ["[::1]:80".parse().unwrap(), "127.0.0.1:80".parse().unwrap()];
        let family = Family::default();
        let sorted = || {
            let mut addresses = both;
            family.sort(&mut addresses);
            addresses
        };
        assert_eq!(sorted(), both);
        family.remember(both[1]);
        assert_eq!(sorted(), [both[1], both[0]]);
        family.remember(both[0]);
        assert_eq!(sorted(), both);
    }
}
