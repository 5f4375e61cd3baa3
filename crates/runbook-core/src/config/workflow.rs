//! What the generated workflow needs of the configuration: the table `[workflow]`, and the variables that a file names.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Document,
    tree::{Node, Table, Value},
};

/// How the jobs of the generated workflow are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkflowLayout {
    /// One job for each stage, which continue one run through the journal.
    Jobs,
    /// One job for the whole run.
    Single,
}

/// How a job of the generated workflow comes by `runbook`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkflowInstall {
    /// It is built from the checkout, by `cargo xtask run`.
    Checkout,
    /// Its released version is installed by cargo, which verifies the checksum, and cached.
    Release,
    /// It is on the runner's `PATH` already.
    Preinstalled,
}

/// `[workflow]`: the generated workflow. Its file is named by `[status_issue] workflow`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkflowConfig {
    /// How its jobs are laid out; by default `jobs` where the journal is at the remote and the deployer allows it.
    pub layout: Option<WorkflowLayout>,
    /// The default branch of the repository.
    pub branch: String,
    /// The names of the workflows whose end starts a run; by default none.
    pub after: Vec<String>,
    /// The labels of the runner.
    pub runs_on: Vec<String>,
    /// How `runbook` comes to the runner; by default `checkout` in a repository with `cargo xtask`, else `release`.
    pub install: Option<WorkflowInstall>,
    /// Whether GitHub queues the runs of an environment (`concurrency.queue: max`), instead of the lock alone; by default
    /// where `[github] api_url` names no server of one's own, which may not know it yet.
    pub queue: Option<bool>,
    /// With more services than this, their probes are spread over jobs of at most so many each.
    pub shard_size: u32,
}

impl Default for WorkflowConfig {
    fn default() -> Self {
        Self {
            layout: None,
            branch: "main".to_owned(),
            after: Vec::new(),
            runs_on: vec!["ubuntu-latest".to_owned()],
            install: None,
            queue: None,
            shard_size: 50,
        }
    }
}

/// The variables that a file names, in all of its environments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedVariables {
    /// Those of `${NAME}`, and of `[variables]`.
    pub filled: BTreeSet<String>,
    /// Those that must be set, because somewhere they have neither a default nor an entry in `[variables]`.
    pub required: BTreeSet<String>,
    /// Those that `pass_env` hands on to commands.
    pub passed: BTreeSet<String>,
}

impl Document {
    /// The variables that this file names, in any environment. It needs none of them to be set.
    pub fn named_variables(&self) -> NamedVariables {
        let mut named = NamedVariables::default();
        let mut own = BTreeSet::new();
        for (key, node) in &self.root.0 {
            match (&*key.name, &node.value) {
                ("variables", Value::Table(table)) => own.extend(names_of(table)),
                ("environment", Value::Table(environments)) => {
                    for (_, overlay) in &environments.0 {
                        let Value::Table(overlay) = &overlay.value else { continue };
                        for (key, node) in &overlay.0 {
                            match (&*key.name, &node.value) {
                                // One environment's entry is none of the others; there the name stays required.
                                ("variables", Value::Table(table)) => named.filled.extend(names_of(table)),
                                (name, _) => named.take(name, node),
                            }
                        }
                    }
                }
                (name, _) => named.take(name, node),
            }
        }
        named.required.retain(|name| !own.contains(name));
        named.filled.extend(own);
        named
    }
}

fn names_of(table: &Table) -> impl Iterator<Item = String> {
    table.0.iter().map(|(key, _)| key.name.clone())
}

impl NamedVariables {
    fn take(&mut self, key: &str, node: &Node) {
        match &node.value {
            Value::String(text) => {
                if key == "pass_env" {
                    self.passed.insert(text.clone());
                }
                self.take_text(text);
            }
            Value::Array(items) => items.iter().for_each(|item| self.take(key, item)),
            Value::Table(table) => table.0.iter().for_each(|(key, node)| self.take(&key.name, node)),
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {}
        }
    }

    /// As [interpolation](super::interpolate) reads it: `$${` is no variable.
    fn take_text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let is_plain = rest[..at].ends_with('$');
            let inner = &rest[at + 2..];
            if is_plain {
                rest = inner;
                continue;
            }
            let Some(end) = inner.find('}') else { return };
            let (name, has_default) = match inner[..end].split_once(":-") {
                Some((name, _)) => (name, true),
                None => (&inner[..end], false),
            };
            self.filled.insert(name.to_owned());
            if !has_default {
                self.required.insert(name.to_owned());
            }
            rest = &inner[end + 1..];
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]

    use std::path::Path;

    use super::*;

    #[test]
    fn every_variable_that_a_file_names_is_found_in_any_environment() {
        let text = r#"schema = 1
[project]
name = "P"
[variables]
OWN = "1"
[[service]]
id = "a"
url = "${A_URL:-http://localhost}/$${NO}/${OWN}"
deploy = { kind = "process", argv = ["x", "${MUST}"], pass_env = ["PORT"] }
[environment.staging]
variables = { STAGED = "2" }
[environment.staging.service.a]
url = "https://${HOST}/${A_URL}"
"#;
        let named = Document::parse(Path::new("runbook.toml"), text).unwrap().named_variables();
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(named.filled, set(&["A_URL", "HOST", "MUST", "OWN", "STAGED"]));
        assert_eq!(named.required, set(&["A_URL", "HOST", "MUST"]));
        assert_eq!(named.passed, set(&["PORT"]));
    }
}
