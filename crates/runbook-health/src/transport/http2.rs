//! HTTP/2 (RFC 9113), by h2 itself: hyper's own client of it hands the connection to a task, and a dropped probe must
//! leave none behind.

use std::io;

use h2::{RecvStream, client::Builder};
use hyper::{
    Method, Request, Uri,
    body::Bytes,
    header::{CONTENT_LENGTH, HOST, HeaderValue},
    http::{response::Parts, uri::Authority},
};
use runbook_core::ports::ProbeError;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Fault, driver::Driver, fault::Sorted, handshake::words_of, http::MAX_HEAD};

/// How much of a body may be on its way at once: enough for a fast answer from far away, little enough that a flood
/// stays small.
const WINDOW: u32 = 256 * 1024;

/// A body that is on its way.
pub(super) struct Body {
    incoming: RecvStream,
    driver: Driver,
}

impl Body {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = match self.driver.run(self.incoming.data()).await {
            None => return Ok(None),
            Some(piece) => piece.map_err(fault)?,
        };
        // The next piece may take the room of this one.
        self.incoming.flow_control().release_capacity(piece.len()).map_err(fault)?;
        Ok(Some(piece))
    }
}

/// Sends the request and waits for the head of the answer.
pub(super) async fn exchange(
    scheme: &str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
) -> Result<(Parts, Body), Fault> {
    let (request, body) = with_authority(scheme, request)?;
    let (client, connection) = Builder::new()
        .enable_push(false)
        .max_header_list_size(MAX_HEAD as u32)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(stream)
        .await
        .map_err(fault)?;
    let mut driver = Driver::new(connection);
    let mut client = driver.run(client.ready()).await.map_err(fault)?;
    let (answer, mut rest) = client.send_request(request, body.is_empty()).map_err(fault)?;
    if !body.is_empty() {
        rest.send_data(body, true).map_err(fault)?;
    }
    let (head, incoming) = driver.run(answer).await.map_err(fault)?.into_parts();
    Ok((head, Body { incoming, driver }))
}

/// The request as HTTP/2 writes it: its authority in the address, no `Host` (RFC 9113, section 8.3.1).
fn with_authority(scheme: &str, request: Request<Bytes>) -> Result<(Request<()>, Bytes), ProbeError> {
    let (mut parts, body) = request.into_parts();
    let host = parts.headers.remove(HOST);
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let target = parts.uri.path_and_query().cloned();
    let uri = authority.zip(target).and_then(|(authority, target)| {
        Uri::builder().scheme(scheme).authority(authority).path_and_query(target).build().ok()
    });
    parts.uri = uri.ok_or_else(|| ProbeError::new("the host cannot be sent over HTTP/2"))?;
    // An empty body needs no words, except where one is usual (RFC 9110, section 8.6).
    if !body.is_empty() || matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    Ok((Request::from_parts(parts, ()), body))
}

/// What an error of the exchange says, in words.
fn fault(error: h2::Error) -> Fault {
    if let Some(cause) = error.get_io() {
        if let Some(words) = words_of(cause) {
            return Fault::Target(words);
        }
        // Of an error of TLS, such as a refusal that version 1.3 sends after its handshake, h2 keeps the words alone.
        if cause.kind() == io::ErrorKind::InvalidData {
            return Fault::Target(format!("the answer cannot be read: {cause}"));
        }
        return Sorted::of(cause, "read the answer").caused_by(error);
    }
    match error.reason() {
        Some(reason) if error.is_remote() => Fault::Target(format!("the server broke off: {reason} ({reason:?})")),
        // Such as a greeting of another protocol, or a body that is not as long as it says.
        Some(_) => Fault::Target(format!("the answer is not HTTP/2 that can be read: {error}")),
        None => ProbeError { message: "failed to send the request".to_owned(), source: Some(Box::new(error)) }.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::failing::{CAUSE, Failing, causes};

    #[tokio::test]
    async fn the_cause_of_a_failure_on_this_side_is_kept() {
        let mut request = Request::new(Bytes::new());
        request.headers_mut().insert(HOST, HeaderValue::from_static("h"));
        let ended = exchange("http", Failing::default(), request).await;
        let Err(Fault::Own(error)) = ended else { panic!("no target did it") };
        assert!(causes(&error).contains(CAUSE), "{}", causes(&error));
    }
}
