//! `cargo xtask e2e`: the story of the bad release on the real FastAPI, Flask and Gradio, in a Python environment that
//! is made once and renewed when `requirements.txt` changes.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};

use super::demo;
use crate::{
    passes,
    tools::{Checkout, output, program, replace},
};

const REQUIREMENTS: &str = "examples/forge/services/requirements.txt";

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    // The slow part of a first run is the build, the part that may be missing is Python: so that comes first.
    let python = environment(checkout)?;
    demo::build(checkout)?;
    let mut command = program(checkout.program("forge"));
    command.args(["--services", "python", "--scenario", "bad-release", "--python"]).arg(python).args(arguments);
    Err(replace(command))
}

/// The Python that has all that the services need.
fn environment(checkout: &Checkout) -> Result<PathBuf> {
    let requirements = checkout.root().join(REQUIREMENTS);
    let wanted = fs::read(&requirements).with_context(|| format!("failed to read {}", requirements.display()))?;
    let folder = checkout.target().join("forge-venv");
    let python = folder.join("bin/python");
    if is_ready(&folder, &wanted) {
        return Ok(python);
    }
    eprintln!("making {} with what {REQUIREMENTS} names", folder.display());
    require_python()?;
    // Half an environment of another time is worse than none.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    if !passes(program("python3").args(["-m", "venv"]).arg(&folder))? {
        bail!("`python3 -m venv {}` failed", folder.display());
    }
    let mut pip = program(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"]);
    // What pip says is no part of a document on stdout.
    pip.stdout(std::io::stderr());
    if !passes(pip.arg(&requirements))? {
        bail!("pip failed to install {REQUIREMENTS}; its reason stands above");
    }
    fs::write(stamp(&folder), &wanted).context("failed to note what was installed")?;
    Ok(python)
}

/// Whether the environment is complete, and made of these very requirements.
fn is_ready(folder: &Path, wanted: &[u8]) -> bool {
    let python_works = || output(program(folder.join("bin/python")).arg("--version")).is_ok_and(|o| o.status.success());
    fs::read(stamp(folder)).is_ok_and(|installed| installed == wanted) && python_works()
}

/// Written last: the requirements that were installed.
fn stamp(folder: &Path) -> PathBuf {
    folder.join("installed-requirements.txt")
}

fn require_python() -> Result<()> {
    let Ok(found) =
        output(program("python3").args(["-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"]))
    else {
        bail!("python3 was not found; install Python 3.11 or newer (`apt-get install python3 python3-venv`)");
    };
    if found.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&found.stderr);
    match said.lines().last() {
        Some(why) => bail!("python3 cannot make an environment: {why} (`apt-get install python3-venv`)"),
        None => bail!("python3 is older than 3.11, which the services need"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_environment_is_made_again_when_the_requirements_change() {
        let folder = std::env::temp_dir().join(format!("xtask-e2e-{}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).unwrap();
        assert!(!is_ready(&folder, b"flask==3"), "nothing was installed");
        fs::write(stamp(&folder), "flask==3").unwrap();
        assert!(!is_ready(&folder, b"flask==3"), "its Python is gone");
        symlink("/bin/true", folder.join("bin/python")).unwrap();
        assert!(is_ready(&folder, b"flask==3"));
        assert!(!is_ready(&folder, b"flask==4"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
