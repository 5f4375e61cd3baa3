//! Other programs: run to their end, read, or become.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    process::{Command, ExitStatus, Output, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};

use super::checkout::without_own_variables;

/// A program by its name or path.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    without_own_variables(Command::new(name))
}

/// Runs a program to its end; what it prints is seen.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| failed_to_start(command))
}

/// Runs a program to its end and keeps what it prints. It has no stdin.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| failed_to_start(command))
}

/// What a program prints on stdout; its failure is an error with what it said on stderr.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}): {}", shown(command), output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed what is not UTF-8", shown(command)))
}

/// Becomes the program, so that signals, terminal and exit code are its own. Comes back only when it cannot be started.
pub(crate) fn replace(mut command: Command) -> anyhow::Error {
    let error = command.exec();
    anyhow!(error).context(failed_to_start(&command))
}

fn failed_to_start(command: &Command) -> String {
    format!("failed to start {}; is it installed?", command.get_program().to_string_lossy())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    format!("`{}`", words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn a_failure_says_which_command_and_what_it_said() {
        assert_eq!(text(program("sh").args(["-c", "echo out"])).unwrap(), "out\n");
        let error = text(program("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err().to_string();
        assert!(
            error.contains("`sh -c echo why") && error.contains("exit status: 3") && error.ends_with("why"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = output(&mut program("/nonexistent/tool")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/tool; is it installed?"), "{error:#}");
    }
}
