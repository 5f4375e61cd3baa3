//! One HTTP/1.1 exchange over one connection, driven in place: no task is spawned, so a dropped future leaves nothing.

use std::{
    error::Error,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1::Builder,
    http::response::Parts,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::ClientConfig;

use super::{Fault, Host, Step, Trace, connect, tls};

/// The most bytes that an answer's head may have; also the size of the read buffer.
const MAX_HEAD: usize = 64 * 1024;

type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An answer whose head has come. Dropping it closes the connection.
pub(crate) struct Answer {
    /// Status and headers.
    pub(crate) head: Parts,
    body: Incoming,
    driver: Driver,
}

impl Answer {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// When the body breaks off or is not framed as HTTP.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            match self.driver.run(self.body.frame()).await {
                None => return Ok(None),
                Some(Err(error)) => return Err(fault(error)),
                Some(Ok(frame)) => {
                    // Trailers are of no interest.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

/// Connects, does the TLS handshake where there is a configuration for it, sends the request, and waits for the head
/// of the answer.
///
/// # Errors
/// See [`Fault`].
pub(crate) async fn send(
    host: &Host,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    request: Request<Full<Bytes>>,
    trace: &mut Trace,
) -> Result<Answer, Fault> {
    if host.needs_lookup() {
        trace.enter(Step::Lookup);
    }
    let addresses = host.addresses(port).await?;
    trace.enter(Step::Connect);
    let stream = connect(&addresses).await?;
    match tls {
        None => exchange(stream, request, trace).await,
        Some(config) => {
            trace.enter(Step::Tls);
            let stream = tls::handshake(config, host, stream).await?;
            exchange(stream, request, trace).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    trace: &mut Trace,
) -> Result<Answer, Fault> {
    trace.enter(Step::FirstByte);
    let (mut sender, connection) =
        Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await.map_err(fault)?;
    let mut driver = Driver(Some(Box::pin(connection)));
    let (head, body) = driver.run(sender.send_request(request)).await.map_err(fault)?.into_parts();
    trace.enter(Step::Body);
    Ok(Answer { head, body, driver })
}

/// Moves the connection on while something waits for it.
struct Driver(Option<Connection>);

impl Driver {
    async fn run<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| {
            // The connection hands its error to whoever waits for the answer, so its own result says nothing new.
            if self.0.as_mut().is_some_and(|connection| connection.as_mut().poll(context).is_ready()) {
                self.0 = None;
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

/// What an error of the exchange says, in words; the connection stood, so nearly all of it is the target's.
fn fault(error: hyper::Error) -> Fault {
    if error.is_parse() {
        // Such as "invalid HTTP version parsed" or "message head is too large".
        return Fault::Target(format!("the answer is not HTTP/1.1 that can be read: {error}"));
    }
    if let Some(cause) = io_cause(&error) {
        if let Some(words) = tls::words_of(cause) {
            return Fault::Target(words);
        }
        return match cause.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Fault::target("the answer's body is not valid HTTP/1.1")
            }
            kind => Fault::of_io(kind.into(), "read the answer"),
        };
    }
    Fault::target("the connection was closed before the answer was complete")
}

fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<io::Error>() {
            return Some(found);
        }
        cause = current.source();
    }
    None
}
