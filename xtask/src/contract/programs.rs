//! The workspace's own programs: its tests, which produce what is checked, each started as cargo would.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tools::{Checkout, output, program, text};

/// A package's integration tests.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tests {
    program: PathBuf,
    /// The package's folder, where cargo starts its tests.
    folder: PathBuf,
}

/// The integration tests of the workspace, by package.
#[derive(Debug)]
pub(super) struct Programs(BTreeMap<String, Tests>);

impl Programs {
    /// Builds everything that the tests are and start.
    pub(super) fn build(checkout: &Checkout) -> Result<Self> {
        checkout.build(&["build", "--workspace", "--bins", "--examples"])?;
        let mut cargo = checkout.cargo(&["test", "--workspace", "--no-run"]);
        cargo.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
        let messages = text(&mut cargo)?;
        Ok(Self(messages.lines().filter_map(tests_in).collect()))
    }

    /// Why a package's tests did not all pass, or nothing where they did.
    pub(super) fn run(
        &self,
        package: &str,
        arguments: &[String],
        variables: &[(&str, &OsStr)],
    ) -> Result<Option<String>> {
        let ran = output(self.command(package)?.args(arguments).envs(variables.iter().copied()))?;
        let said = String::from_utf8_lossy(&ran.stdout);
        if !ran.status.success() {
            return Ok(Some(end_of(&said, &String::from_utf8_lossy(&ran.stderr))));
        }
        // A filter that fits no test is a test that was renamed or removed.
        let none = said.contains("test result: ok. 0 passed");
        Ok(none.then(|| "no test ran".to_owned()))
    }

    fn command(&self, package: &str) -> Result<Command> {
        let tests = self.0.get(package).with_context(|| format!("cargo did not say where it put {package}'s tests"))?;
        let mut command = program(&tests.program);
        command.current_dir(&tests.folder).env("CARGO_PKG_NAME", package);
        command.env("CARGO_MANIFEST_DIR", &tests.folder);
        Ok(command)
    }

    /// The folder of a package.
    pub(super) fn folder(&self, package: &str) -> Result<&Path> {
        let tests = self.0.get(package).with_context(|| format!("there is no package {package}"))?;
        Ok(&tests.folder)
    }
}

/// The integration tests that a message of cargo tells of.
fn tests_in(message: &str) -> Option<(String, Tests)> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["target"]["kind"][0] != "test" || message["target"]["name"] != "it" {
        return None;
    }
    let program = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let package = folder.file_name()?.to_str()?.to_owned();
    Some((package, Tests { program, folder }))
}

/// The end of what failed tests said.
fn end_of(stdout: &str, stderr: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<&str> = stdout.lines().chain(stderr.lines()).filter(|line| !line.ends_with(" ... ok")).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integration_tests_are_found_among_cargos_messages() {
        let message = |kind: &str, name: &str| {
            let target = format!(r#"{{"kind":["{kind}"],"name":"{name}"}}"#);
            let manifest = "/w/crates/runbook-github/Cargo.toml";
            format!(r#"{{"target":{target},"manifest_path":"{manifest}","executable":"/t/it-1"}}"#)
        };
        let tests = Tests { program: "/t/it-1".into(), folder: "/w/crates/runbook-github".into() };
        assert_eq!(tests_in(&message("test", "it")), Some(("runbook-github".to_owned(), tests)));
        assert_eq!(tests_in(&message("lib", "runbook_github")), None);
        assert_eq!(tests_in("warning: no JSON"), None);
    }

    #[test]
    fn of_failed_tests_the_end_is_told() {
        let said: String = (0..50).map(|n| format!("line {n}\n")).collect();
        let end = end_of(&format!("test a ... ok\n{said}"), "why\n");
        assert!(end.starts_with("line 21\n") && end.ends_with("line 49\nwhy"), "{end}");
    }
}
