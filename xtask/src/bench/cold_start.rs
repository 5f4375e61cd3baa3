//! `cold-start`: how long a look at three live services takes from the prompt to the prompt, beside the script of three curls
//! that teams write.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};
use serde_json::Map;

use super::{
    measure::{in_turns, whole_process},
    outcome::{Measured, Outcome},
    scratch::{Scratch, missing},
};
use crate::tools::{Checkout, Server};

pub(super) const NAME: &str = "cold-start";
const ROUNDS: usize = 25;
const SERVICES: [&str; 3] = ["fastapi", "flask", "gradio"];

pub(super) fn run(checkout: &Checkout) -> Result<Outcome> {
    let outcome = |result| Outcome {
        bench: NAME,
        case: String::new(),
        ours: "`runbook check` of three services that answer at once".to_owned(),
        theirs: "a shell script with `curl -fsS` of each in turn".to_owned(),
        facts: Map::from_iter([("services".to_owned(), SERVICES.len().into())]),
        goals: Vec::new(),
        result,
    };
    if let Some(why) = missing("curl") {
        return Ok(outcome(Err(why)));
    }
    checkout.build(&["build", "--release", "--package", "runbook-cli", "--package", "forge", "--bins"])?;
    let scratch = Scratch::new(checkout, NAME)?;
    let program = checkout.release_program("forge-service");
    for id in SERVICES {
        // Waiting for a slow service is no part of a start.
        scratch.write(&format!("services/{id}_app/service.toml"), "status = 200\nlatency_ms = 0\n")?;
    }
    let services =
        SERVICES.iter().map(|id| Service::start(&program, id, scratch.path())).collect::<Result<Vec<_>>>()?;
    let config = scratch.write("runbook.toml", &config(&services))?;
    let script = scratch.write("health-check.sh", &script(&services))?;
    let runbook = checkout.release_program("runbook");
    let comparison = in_turns(
        ROUNDS,
        |_| whole_process(Command::new(&runbook).arg("--config").arg(&config).arg("check")),
        |_| whole_process(Command::new("sh").arg(&script)),
    )?;
    Ok(outcome(Ok(Measured::Time(comparison))))
}

fn config(services: &[Service]) -> String {
    let mut text = "schema = 1\n\n[project]\nname = \"cold start\"\n".to_owned();
    for Service { id, address, .. } in services {
        text.push_str(&format!("\n[[service]]\nid = \"{id}\"\nurl = \"{address}\"\n"));
        text.push_str(&format!("\n[[service.probe]]\nkind = \"http\"\npath = \"{}\"\n", path(id)));
    }
    text
}

fn script(services: &[Service]) -> String {
    let mut text = "set -e\n".to_owned();
    for Service { id, address, .. } in services {
        text.push_str(&format!("curl -fsS -o /dev/null {address}{} && echo {id} is healthy\n", path(id)));
    }
    text
}

fn path(id: &str) -> &'static str {
    if id == "gradio" { "/" } else { "/health" }
}

/// A stand-in of one of the forge's services; ended with the value.
#[derive(Debug)]
struct Service {
    id: &'static str,
    address: String,
    _process: Server,
}

impl Service {
    fn start(program: &Path, id: &'static str, root: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args([id, "--port", "0", "--root"]).arg(root).env_remove("HOST");
        let process = Server::start(&mut command)?;
        match process.said().split_whitespace().find(|word| word.starts_with("http://")) {
            Some(address) => Ok(Self { id, address: address.to_owned(), _process: process }),
            None => bail!("{id} did not say where it listens: {:?}", process.said()),
        }
    }
}
