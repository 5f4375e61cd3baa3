//! A blackbox_exporter at work: asked over connections that stay open, as Prometheus does. What counts is the
//! exporter's process, not this one.

use std::rc::Rc;

use hyper::{Uri, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, sync::Mutex};

use crate::{
    Fault,
    client::{body, request},
    load::Load,
};

/// Asks for probes of `urls` by the module `bench`.
pub async fn exporter(exporter: &str, process: &str, urls: &[&str], load: Load) -> Result<Value, Fault> {
    let uris = urls.iter().map(|url| format!("http://{exporter}/probe?module=bench&target={url}").parse());
    let uris: Rc<[Uri]> = uris.collect::<Result<Vec<_>, _>>()?.into();
    let mut senders = Vec::new();
    for _ in 0..load.concurrency {
        let stream = TcpStream::connect(exporter).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        senders.push(Rc::new(Mutex::new(sender)));
    }
    load.run(process, || {
        // There are as many as there are workers.
        let (sender, uris) = (senders.pop(), Rc::clone(&uris));
        move |number| {
            let (sender, uris) = (sender.clone(), Rc::clone(&uris));
            async move {
                let sender = sender.ok_or("there are more workers than connections")?;
                let mut sender = sender.lock().await;
                sender.ready().await?;
                let answer = body(sender.send_request(request(&uris[number % uris.len()])?).await?).await?;
                let answer = std::str::from_utf8(&answer)?;
                let succeeded = answer.lines().any(|line| line == "probe_success 1");
                if succeeded { Ok(()) } else { Err(format!("the probe failed:\n{answer}").into()) }
            }
        }
    })
    .await
}
