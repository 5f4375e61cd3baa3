//! Where a bench does its work: a folder below `target`, on the disk that builds are on, gone afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tools::{Checkout, output, program, text};

/// A folder that is removed with the value.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(checkout: &Checkout, bench: &str) -> Result<Self> {
        let folder = checkout.target().join(format!("bench-{bench}-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it, written, with the folders that lead to it.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let file = self.0.join(name);
        let folder = file.parent().unwrap_or(&self.0);
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
        fs::write(&file, content).with_context(|| format!("failed to write {}", file.display()))?;
        Ok(file)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies below `target`, where whatever is left is in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Why a program that is compared with cannot be used on this machine.
pub(super) fn missing(name: &str) -> Option<String> {
    let works = output(program(name).arg("--version")).is_ok_and(|output| output.status.success());
    (!works).then(|| format!("{name} was not found; install it to compare with it"))
}

/// A command that knows nobody's settings of git.
pub(super) fn without_settings_of_git(mut command: Command) -> Command {
    let names = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("GIT_"));
    names.for_each(|name| {
        command.env_remove(name);
    });
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// Builds a bench program of a crate as a release, and says where it is.
pub(super) fn built(checkout: &Checkout, package: &str, bench: &str) -> Result<PathBuf> {
    let arguments = ["bench", "--no-run", "--package", package, "--bench", bench];
    let mut cargo: Command = checkout.cargo(&arguments);
    cargo.args(["--message-format", "json-render-diagnostics"]).stderr(std::process::Stdio::inherit());
    let messages = text(&mut cargo)?;
    let program = messages.lines().find_map(|line| executable(line, bench));
    program.with_context(|| format!("cargo did not say where it put the bench {bench} of {package}"))
}

fn executable(message: &str, bench: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_it = message["target"]["name"] == bench && message["target"]["kind"][0] == "bench";
    message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let message = |kind: &str| {
            let target = format!(r#"{{"kind":["{kind}"],"name":"engine"}}"#);
            format!(r#"{{"reason":"compiler-artifact","target":{target},"executable":"/t/engine-1"}}"#)
        };
        assert_eq!(executable(&message("bench"), "engine"), Some("/t/engine-1".into()));
        assert_eq!(executable(&message("bench"), "rollback"), None);
        assert_eq!(executable(&message("test"), "engine"), None);
        assert_eq!(executable("warning: no JSON", "engine"), None);
    }

    #[test]
    fn a_missing_program_is_said_to_be_missing() {
        assert_eq!(missing("git"), None);
        assert!(missing("no-such-program").is_some_and(|why| why.contains("install it")));
    }
}
