//! The crate's own probe, built as a configuration builds it.

use std::rc::Rc;

use runbook_core::{
    Health,
    ports::Probe,
    registry::{ProbeDefinition, Scope},
};
use runbook_health::HttpProbe;
use serde_json::{Value, json};

use crate::{Fault, load::Load};

/// Samples of probes that look for a pattern in the body.
pub async fn probe(urls: &[&str], pattern: &str, ca_file: Option<&str>, load: Load) -> Result<Value, Fault> {
    let probes = urls.iter().map(|url| {
        let mut settings = json!({ "url": url, "expect": { "status": [200], "body": format!("~ {pattern}") } });
        if let Some(file) = ca_file {
            settings["ca_file"] = file.into();
        }
        Ok(HttpProbe::build(serde_json::from_value(settings)?, &scope()?)?)
    });
    let probes: Rc<[HttpProbe]> = probes.collect::<Result<Vec<_>, Fault>>()?.into();
    load.run("self", || {
        let probes = Rc::clone(&probes);
        move |number| {
            let probes = Rc::clone(&probes);
            async move {
                let reading = probes[number % probes.len()].sample().await?;
                if reading.health == Health::Healthy { Ok(()) } else { Err(reading.evidence.into()) }
            }
        }
    })
    .await
}

fn scope() -> Result<Scope, Fault> {
    Ok(Scope::bare("bench", "production".parse()?, "."))
}
