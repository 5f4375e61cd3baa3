//! Python environments of this checkout: made once, and made anew when their requirements change.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::{output, program, status};

/// The Python that has all that a file of requirements names, in an environment in this folder.
///
/// # Errors
/// When there is no Python that can make an environment, or pip fails.
pub(crate) fn environment(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read(requirements).with_context(|| format!("failed to read {}", requirements.display()))?;
    let python = folder.join("bin/python");
    if is_ready(folder, &wanted) {
        return Ok(python);
    }
    eprintln!("making {} with what {} names", folder.display(), requirements.display());
    require_python()?;
    // Half an environment of another time is worse than none.
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    if !status(program("python3").args(["-m", "venv"]).arg(folder))?.success() {
        bail!("`python3 -m venv {}` failed", folder.display());
    }
    let mut pip = program(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"]);
    // What pip says is no part of a document on stdout.
    pip.stdout(std::io::stderr());
    if !status(pip.arg(requirements))?.success() {
        bail!("pip failed to install {}; its reason stands above", requirements.display());
    }
    fs::write(stamp(folder), &wanted).context("failed to note what was installed")?;
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
        None => bail!("python3 is older than the 3.11 that is needed"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_environment_is_made_again_when_the_requirements_change() {
        let folder = std::env::temp_dir().join(format!("xtask-python-{}", std::process::id()));
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
