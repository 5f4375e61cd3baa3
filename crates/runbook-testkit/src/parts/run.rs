//! A program that ends by itself, within a limit: what prepares a server, and what asks one.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::group::Group;

/// How long preparing a server or asking it may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A command with an environment of its own, so that nothing of the user's settings has a say in a test.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// Runs it to its end. A dropped future kills it, with all that it has started.
pub(super) async fn output(command: &mut Command) -> Result<Output, String> {
    let name = Path::new(command.as_std().get_program()).file_name().map(OsStr::to_string_lossy);
    let name = name.unwrap_or_default().into_owned();
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true).spawn();
    let child = started.map_err(|error| format!("failed to start {name}: {error}"))?;
    let _group = child.id().map(Group::led_by);
    let ended = timeout(LIMIT, child.wait_with_output()).await;
    let output = ended.map_err(|_| format!("{name} did not end within {LIMIT:?}"))?;
    let output = output.map_err(|error| format!("failed to read what {name} printed: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let words = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    Err(format!("{name} failed ({}): {}", output.status, words.join("\n")))
}

/// Runs it to its end, and hands back what it printed, without the last line break.
pub(super) async fn text(command: &mut Command) -> Result<String, String> {
    let output = output(command).await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
}
