//! One connection to a server, plain or over TLS, with what was read and not yet used. It never holds much more than one
//! frame.

use std::{io, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::{At, Handshake, Progress, Stop};
use crate::transport::{Fault, Host, connect, handshake_as, server_name, words_of};

/// The largest frame that is read, in bytes: a value of 64 KiB and what stands around it.
pub(in crate::probes) const MAX_FRAME: usize = 64 * 1024 + 1024;

/// How long the end of a connection may take. It is no part of what is measured.
const FAREWELL: Duration = Duration::from_millis(200);

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// A connection. Dropping it closes it.
pub(in crate::probes) struct Channel {
    stream: Box<dyn Duplex>,
    buffer: BytesMut,
    is_local: bool,
    is_encrypted: bool,
    is_verified: bool,
}

impl Channel {
    /// Looks the host up and connects.
    pub(in crate::probes) async fn open(host: &Host, port: u16, progress: &mut Progress) -> Result<Self, Stop> {
        if host.needs_lookup() {
            progress.enter(At::Lookup);
        }
        let addresses = host.addresses(port).await?;
        progress.enter(At::Connect);
        let stream = connect(&addresses).await?;
        let (stream, buffer) = (Box::new(stream), BytesMut::new());
        Ok(Self { stream, buffer, is_local: host.is_loopback(), is_encrypted: false, is_verified: false })
    }

    /// Goes on over TLS. The server must prove to be `host`, as far as it has to be verified.
    pub(in crate::probes) async fn secure(self, tls: Handshake, host: &Host) -> Result<Self, Stop> {
        // Whoever sits between could have put it there, and it would be taken for an encrypted answer (CVE-2021-23222).
        if !self.buffer.is_empty() {
            return Err(Stop::down("TLS failed: the server said more than it may before the handshake"));
        }
        // Protocols that are negotiated inside another one have no name to offer (ALPN); some servers refuse a wrong one.
        let stream = handshake_as(tls.config, server_name(host)?, &[], self.stream).await?;
        Ok(Self { stream: Box::new(stream), is_encrypted: true, is_verified: tls.is_verified, ..self })
    }

    /// Whether it is over TLS.
    pub(in crate::probes) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Checks that a password may be told as it is: nobody can listen, and nobody else can be at the other end. Whoever
    /// sits between would only have to ask for it, also over TLS of his own.
    pub(in crate::probes) fn check_trusted(&self) -> Result<(), Stop> {
        if self.is_local || self.is_verified {
            return Ok(());
        }
        Err(Stop::unclear(
            "the server asks for the password in clear text, which only a server gets that proves who it is: set \
             `tls = \"verify\"`",
        ))
    }

    pub(in crate::probes) async fn send(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.stream.write_all(bytes).await.map_err(|error| stop(error, "send"))?;
        self.stream.flush().await.map_err(|error| stop(error, "send"))
    }

    /// Reads until at least `wanted` bytes are there.
    pub(in crate::probes) async fn fill(&mut self, wanted: usize) -> Result<(), Stop> {
        debug_assert!(wanted <= MAX_FRAME, "a frame is measured before it is read");
        while self.buffer.len() < wanted {
            self.buffer.reserve(wanted - self.buffer.len());
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(|error| stop(error, "read the answer"))?;
            if read == 0 {
                return Err(Fault::of_io(io::ErrorKind::UnexpectedEof.into(), "read the answer").into());
            }
        }
        Ok(())
    }

    /// What was read and not yet used.
    pub(in crate::probes) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Says good-bye and waits a moment, at most as long as is `left`, until the server has heard it, so that it has
    /// nothing to complain about in its log. Nothing of it can change what was measured.
    pub(in crate::probes) async fn farewell(mut self, words: &[u8], left: Duration) {
        let end = async {
            self.stream.write_all(words).await?;
            self.stream.shutdown().await?;
            let mut rest = [0; 1024];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(left.min(FAREWELL), end).await;
    }
}

fn stop(error: io::Error, doing: &str) -> Stop {
    match words_of(&error) {
        Some(words) => Stop::Down(words),
        None => Fault::of_io(error, doing).into(),
    }
}
