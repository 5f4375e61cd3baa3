//! The floor: requests without a monitor.

use std::rc::Rc;

use hyper::Uri;
use serde_json::Value;

use crate::{Fault, client::ask_afresh, load::Load, target::BODY};

/// Requests over fresh connections, with whole bodies.
pub async fn requests(urls: &[&str], load: Load) -> Result<Value, Fault> {
    let targets = urls.iter().map(|url| {
        let uri: Uri = url.parse()?;
        let address = uri.authority().ok_or("the URL has no host")?.to_string();
        Ok((uri, address))
    });
    let targets: Rc<[(Uri, String)]> = targets.collect::<Result<Vec<_>, Fault>>()?.into();
    load.run("self", || {
        let targets = Rc::clone(&targets);
        move |number| {
            let targets = Rc::clone(&targets);
            async move {
                let (uri, address) = &targets[number % targets.len()];
                let body = ask_afresh(address, uri).await?;
                if body == BODY.as_bytes() { Ok(()) } else { Err("the body is another one".into()) }
            }
        }
    })
    .await
}
