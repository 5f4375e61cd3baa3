//! The checkout that xtask works in: where it is, its cargo, and the programs that were built.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{program, status};

/// A checkout of this repository.
#[derive(Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
    /// `target`, or wherever cargo was told to build.
    target: PathBuf,
}

impl Checkout {
    /// The checkout that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies at the root of the file system")?;
        if !root.join("Cargo.toml").is_file() {
            bail!("{} is no longer a checkout; start xtask with `cargo xtask`", root.display());
        }
        let me = env::current_exe().context("failed to find this program")?;
        let target = me.parent().and_then(Path::parent).context("this program lies outside of a target directory")?;
        Ok(Self { root: root.to_owned(), target: target.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where things are made that git does not see.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// A program of a debug build.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// A program of a release build.
    pub(crate) fn release_program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// The cargo that started this program, at the root of the checkout. Its own output goes to stderr.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// Runs cargo to its end.
    pub(crate) fn build(&self, arguments: &[&str]) -> Result<()> {
        if status(&mut self.cargo(arguments))?.success() {
            return Ok(());
        }
        bail!("`cargo {}` failed", arguments.join(" "));
    }
}

/// A command with the variables of whoever called cargo: without those that `cargo run` adds for xtask itself.
pub(super) fn without_own_variables(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        if is_own(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn is_own(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| {
        name.starts_with("CARGO_PKG_") || matches!(name, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_own_variables_are_told_from_the_callers() {
        for own in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO"] {
            assert!(is_own(&own.into()), "{own}");
        }
        for callers in ["CARGO_HOME", "CARGO_TERM_COLOR", "CARGO_INCREMENTAL", "PATH"] {
            assert!(!is_own(&callers.into()), "{callers}");
        }
    }
}
