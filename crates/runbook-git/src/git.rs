//! The one place that starts the user's own `git`: for the network alone, because its credential helpers, proxies and SSH
//! settings just work. Argv only, no prompts, a deadline, and a bound on what is kept of its output.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use git2::Repository;
use runbook_core::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
    task::JoinHandle,
};

use crate::url::without_credentials;

/// How much of either output is kept, in bytes. The rest is read and dropped, so that git never waits for us.
const MOST_OUTPUT: usize = 64 * 1024;
/// How long after git's end its outputs may stay open: something that it left running may hold them.
const GRACE: Duration = Duration::from_secs(2);
/// How many lines of what git or the remote said go into a message, and how long each may be.
const MOST_LINES: usize = 3;
const LONGEST_LINE: usize = 200;

/// Variables that would turn git to another repository than the one that was opened.
const ELSEWHERE: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
];

/// Nobody is there to answer a prompt: each way of asking gets an empty answer or is switched off. `LC_ALL` keeps git's
/// words the same everywhere.
const UNATTENDED: [(&str, &str); 6] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "true"),
    ("SSH_ASKPASS", "true"),
    ("SSH_ASKPASS_REQUIRE", "force"),
    ("GCM_INTERACTIVE", "never"),
    ("LC_ALL", "C"),
];

/// The user's git, turned to one repository.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    /// The repository's own folder.
    pub(crate) git_dir: PathBuf,
    /// Where git runs; what relative remotes are relative to.
    pub(crate) root: PathBuf,
    /// From [`ssh_command`].
    pub(crate) ssh_command: Option<String>,
    /// A value for `http.extraHeader`, which never shows among the arguments of a process.
    pub(crate) authorization: Option<String>,
}

/// Why git has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It could not be started, so nothing was asked.
    NotStarted(String),
    /// It was started; what it did is unknown.
    Lost(String),
}

impl Git {
    /// Runs git to its end, or ends it and all that it started after `deadline`. A dropped future ends it too.
    pub(crate) async fn run<A: AsRef<OsStr>>(&self, arguments: &[A], deadline: Duration) -> Result<End, NoAnswer> {
        let mut git = Command::new("git");
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(&self.git_dir);
        git.arg(git_dir);
        if let Some(ssh) = &self.ssh_command {
            git.args(["-c", &format!("core.sshCommand={ssh}")]);
        }
        git.args(arguments);
        git.current_dir(&self.root).envs(UNATTENDED).process_group(0).kill_on_drop(true);
        git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ELSEWHERE {
            git.env_remove(name);
        }
        if let Some(authorization) = &self.authorization {
            // <https://git-scm.com/docs/git-config#ENVIRONMENT>; what the user handed over in the same way is replaced.
            git.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "http.extraHeader");
            git.env("GIT_CONFIG_VALUE_0", authorization);
        }

        let spawned = git.spawn();
        let mut child = spawned.map_err(|error| NoAnswer::NotStarted(format!("git cannot be run ({error})")))?;
        let mut group = Group(child.id());
        let (stdout, stderr) = (keep(child.stdout.take()), keep(child.stderr.take()));
        let status = match tokio::time::timeout(deadline, child.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return Err(NoAnswer::Lost(format!("was lost from sight ({error})"))),
            Err(_) => {
                drop(group);
                return Err(NoAnswer::Lost(format!("was ended after {} s", deadline.as_secs_f32())));
            }
        };
        // Its number may soon be another process's.
        group.0 = None;
        Ok(End {
            success: status.success(),
            code: status.code().map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}")),
            stdout: text(stdout).await,
            stderr: text(stderr).await,
        })
    }
}

/// A token as GitHub and other forges take it over HTTPS (RFC 7617): any user, the token as the password.
pub(crate) fn basic_authorization(token: &Secret) -> String {
    let encoded = data_encoding::BASE64.encode(format!("x-access-token:{}", token.reveal()).as_bytes());
    format!("Authorization: Basic {encoded}")
}

/// Whether a text can be a remote's name or address, and no option.
pub(crate) fn is_remote(remote: &str) -> bool {
    !(remote.is_empty() || remote.starts_with('-') || remote.contains(char::is_control))
}

/// Kills a process and what it started, unless it ended in time.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // It may have ended by itself in this moment; then there is nothing to kill.
        let _ = pid.map(|pid| kill_process_group(pid, Signal::KILL));
    }
}

/// How git ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) success: bool,
    pub(crate) code: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl End {
    /// What git and the remote said about it, as the tail of a sentence; empty when nothing.
    pub(crate) fn said(&self) -> String {
        let lines = self.stderr.lines().map(harmless).filter(|line| {
            let words = line.split_once(':').map(|(who, words)| (who, words.trim()));
            matches!(words, Some(("remote" | "fatal" | "error", words)) if !words.is_empty())
                && !line.starts_with("error: failed to push some refs")
        });
        let lines: Vec<String> = lines.take(MOST_LINES).collect();
        if lines.is_empty() { String::new() } else { format!(" ({})", lines.join("; ")) }
    }
}

/// A line from outside as a part of a message: one line, short, without control characters and credentials.
pub(crate) fn harmless(line: &str) -> String {
    without_credentials(line)
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_LINE)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// Reads an output to its end, and keeps the first part.
fn keep(output: Option<impl AsyncRead + Send + Unpin + 'static>) -> JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
        let Some(mut output) = output else { return kept };
        while let Ok(read @ 1..) = output.read(&mut chunk).await {
            kept.extend_from_slice(&chunk[..read.min(MOST_OUTPUT - kept.len())]);
        }
        kept
    })
}

async fn text(mut output: JoinHandle<Vec<u8>>) -> String {
    let read = tokio::time::timeout(GRACE, &mut output).await;
    output.abort();
    read.ok().and_then(Result::ok).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The command that git shall use for SSH, so that it never asks. A program other than `ssh` is left as it is: it may not
/// know the option.
pub(crate) fn ssh_command(repository: &Repository) -> Option<String> {
    let configured = repository.config().and_then(|config| config.get_string("core.sshCommand"));
    with_batch_mode(configured.ok().as_deref())
}

fn with_batch_mode(configured: Option<&str>) -> Option<String> {
    let command = configured.unwrap_or("ssh");
    let program = command.split_whitespace().next()?.trim_matches(['"', '\'']);
    (program.rsplit('/').next() == Some("ssh")).then(|| format!("{command} -o BatchMode=yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_never_asks_and_keeps_its_settings() {
        assert_eq!(with_batch_mode(None).as_deref(), Some("ssh -o BatchMode=yes"));
        let quoted = r#""/usr/bin/ssh" -i "key" -o StrictHostKeyChecking=yes"#;
        assert_eq!(with_batch_mode(Some(quoted)), Some(format!("{quoted} -o BatchMode=yes")));
        assert_eq!(with_batch_mode(Some("plink -batch")), None);
    }

    #[test]
    fn what_the_remote_says_is_quoted_without_harm() {
        let stderr = "remote: no pushes\x1b[2J on Fridays   \nremote: \nfatal: https://me:pw@host/ said no\nTo somewhere\n\
                      error: failed to push some refs to 'x'\n";
        let end = End { success: false, code: String::new(), stdout: String::new(), stderr: stderr.to_owned() };
        assert_eq!(end.said(), " (remote: no pushes[2J on Fridays; fatal: https://***@host/ said no)");
    }
}
