//! One HTTP/1.1 request over one connection, with as little around it as can be.

use std::future::poll_fn;

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Uri,
    body::{Bytes, Incoming},
    client::conn::http1::handshake,
    header::HOST,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Fault;

/// A request of `uri`, as its server wants it.
pub fn request(uri: &Uri) -> Result<Request<Empty<Bytes>>, Fault> {
    let authority = uri.authority().ok_or("the URL has no host")?.as_str();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    Ok(Request::get(target).header(HOST, authority).body(Empty::new())?)
}

/// The body, when the answer is 200.
pub async fn body(answer: hyper::Response<Incoming>) -> Result<Bytes, Fault> {
    if answer.status() != 200 {
        return Err(format!("the answer is {}", answer.status()).into());
    }
    Ok(answer.into_body().collect().await?.to_bytes())
}

/// Over a fresh connection, which is driven in place and closed in the end.
pub async fn ask_afresh(address: &str, uri: &Uri) -> Result<Bytes, Fault> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let mut connection = std::pin::pin!(connection);
    let mut work = std::pin::pin!(async { body(sender.send_request(request(uri)?).await?).await });
    let mut is_open = true;
    poll_fn(|context| {
        is_open = is_open && connection.as_mut().poll(context).is_pending();
        work.as_mut().poll(context)
    })
    .await
}
