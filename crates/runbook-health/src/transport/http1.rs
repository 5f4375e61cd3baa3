//! HTTP/1.1 (RFC 9112), by hyper.

use std::{error::Error, io};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    body::{Body as _, Bytes, Incoming},
    client::conn::http1::{Builder, SendRequest},
    http::response::Parts,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Fault, driver::Driver, fault::Sorted, handshake::words_of, http::MAX_HEAD};

/// A body that is on its way.
pub(super) struct Body {
    incoming: Incoming,
    driver: Driver,
    /// As long as a next request may come, hyper does not end the connection itself, which is closed by this in the end.
    _sender: SendRequest<Full<Bytes>>,
}

impl Body {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        // Asking the connection once more would only find out whether the server closes it.
        while !self.incoming.is_end_stream() {
            match self.driver.run(self.incoming.frame()).await {
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
        Ok(None)
    }
}

/// Sends the request and waits for the head of the answer.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
) -> Result<(Parts, Body), Fault> {
    // Buffers begin with 8 KiB and grow up to this.
    let (mut sender, connection) =
        Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await.map_err(fault)?;
    let mut driver = Driver::new(connection);
    let answer = driver.run(sender.send_request(request.map(Full::new))).await.map_err(fault)?;
    let (head, incoming) = answer.into_parts();
    Ok((head, Body { incoming, driver, _sender: sender }))
}

/// What an error of the exchange says, in words; the connection stood, so nearly all of it is the target's.
fn fault(error: hyper::Error) -> Fault {
    if error.is_parse() {
        // Such as "invalid HTTP version parsed" or "message head is too large".
        return Fault::Target(format!("the answer is not HTTP/1.1 that can be read: {error}"));
    }
    let Some(cause) = io_cause(&error) else {
        return Fault::target("the connection was closed before the answer was complete");
    };
    if let Some(words) = words_of(cause) {
        return Fault::Target(words);
    }
    if matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) {
        return Fault::target("the answer's body is not valid HTTP/1.1");
    }
    Sorted::of(cause, "read the answer").caused_by(error)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::failing::{CAUSE, Failing, causes};

    #[tokio::test]
    async fn the_cause_of_a_failure_on_this_side_is_kept() {
        let request = Request::new(Bytes::new());
        let Err(Fault::Own(error)) = exchange(Failing::default(), request).await else { panic!("no target did it") };
        assert!(causes(&error).contains(CAUSE), "{}", causes(&error));
    }
}
