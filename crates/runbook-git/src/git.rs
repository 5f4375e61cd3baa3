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

/// Nobody is there to answer a prompt: each way of asking is switched off, or gets an empty answer. Git itself must get
/// none, because it would knock a second time with an empty one. `LC_ALL` keeps git's words the same everywhere.
const UNATTENDED: [(&str, &str); 6] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", ""),
    ("SSH_ASKPASS", "true"),
    ("SSH_ASKPASS_REQUIRE", "force"),
    ("GCM_INTERACTIVE", "never"),
    ("LC_ALL", "C"),
];

/// Makes git tell each packet of its protocol on standard error; see [`End::spoke_git`].
pub(crate) const TOLD_PACKETS: (&str, &str) = ("GIT_TRACE_PACKET", "1");

/// What git says when whatever carries its protocol ended early; the line before it is that carrier's, such as SSH's.
const CARRIER_FAILED: &str = "fatal: Could not read from remote repository.";
/// How git says that it got no credentials, or none that were taken, and that it would ask for others.
const WOULD_ASK: [&str; 2] = ["fatal: could not read Username for ", "fatal: could not read Password for "];

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
        self.run_with(arguments, &[], deadline).await
    }

    /// As [`run`](Self::run), with these variables besides.
    pub(crate) async fn run_with<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        variables: &[(&str, &str)],
        deadline: Duration,
    ) -> Result<End, NoAnswer> {
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
        git.envs(variables.iter().copied());
        for name in ELSEWHERE {
            git.env_remove(name);
        }
        if let Some(authorization) = &self.authorization {
            // <https://git-scm.com/docs/git-config#ENVIRONMENT>; what the user handed over in the same way is replaced.
            git.env("GIT_CONFIG_COUNT", "2").env("GIT_CONFIG_KEY_0", "http.extraHeader");
            git.env("GIT_CONFIG_VALUE_0", authorization);
            // No helper is asked for other credentials once the token is refused: the token would be sent again.
            git.env("GIT_CONFIG_KEY_1", "credential.helper").env("GIT_CONFIG_VALUE_1", "");
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
    /// What git, the remote, and what carries git's protocol said about it, as the tail of a sentence; empty when nothing.
    pub(crate) fn said(&self) -> String {
        let all: Vec<String> = self.stderr.lines().filter(|line| !is_packet(line)).map(harmless).collect();
        let mut said = Vec::new();
        for (at, line) in all.iter().enumerate() {
            let is_carriers = !line.is_empty() && all.get(at + 1).is_some_and(|next| next == CARRIER_FAILED);
            if WOULD_ASK.iter().any(|words| line.starts_with(words)) {
                said.push(format!("credentials are missing or were refused, and nobody is asked for others: {line}"));
            } else if is_carriers || is_said(line) {
                said.push(line.clone());
            }
        }
        said.truncate(MOST_LINES);
        if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) }
    }

    /// Whether the remote let nobody in, so that nothing was done there: credentials that are missing or were refused, by
    /// HTTP or SSH, or a host that is not the one that is known.
    pub(crate) fn was_kept_out(&self) -> bool {
        let is_refusal = |line: &str| {
            WOULD_ASK.iter().any(|words| line.starts_with(words))
                || line.starts_with("fatal: Authentication failed for ")
                || line.starts_with("Host key verification failed.")
                || (!line.starts_with("remote:") && line.contains(": Permission denied (") && line.ends_with(")."))
        };
        !self.success && self.stdout.is_empty() && self.stderr.lines().any(is_refusal)
    }

    /// Whether who answered speaks git's protocol, when git was asked to tell its packets ([`TOLD_PACKETS`]).
    pub(crate) fn spoke_git(&self) -> bool {
        self.stderr.lines().any(|line| is_packet(line) && line.contains('<'))
    }
}

/// A line about a packet of git's protocol.
fn is_packet(line: &str) -> bool {
    line.contains("packet: ") && !is_said(line)
}

/// A line by git itself, or one of the remote that git passes on.
fn is_said(line: &str) -> bool {
    let words = line.split_once(':').map(|(who, words)| (who, words.trim()));
    matches!(words, Some(("remote" | "fatal" | "error", words)) if !words.is_empty())
        && !line.starts_with("error: failed to push some refs")
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

    fn failed(stdout: &str, stderr: &str) -> End {
        End { success: false, code: String::new(), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    #[test]
    fn whoever_was_kept_out_is_told_why() {
        let ssh = failed(
            "",
            "me@host: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n\n\
             Please make sure you have the correct access rights\nand the repository exists.\n",
        );
        assert_eq!(
            ssh.said(),
            " (me@host: Permission denied (publickey).; fatal: Could not read from remote repository.)"
        );
        let https = failed("", "fatal: could not read Username for 'https://host': terminal prompts disabled\n");
        assert!(
            https.said().starts_with(" (credentials are missing or were refused, and nobody is asked for others: ")
        );
        let stranger = failed("", "Host key verification failed.\r\nfatal: Could not read from remote repository.\n");
        assert!(stranger.said().starts_with(" (Host key verification failed.; "), "{}", stranger.said());
        assert!(ssh.was_kept_out() && https.was_kept_out() && stranger.was_kept_out());
    }

    #[test]
    fn a_word_of_the_remote_keeps_nobody_out() {
        let hook = "remote: me@other: Permission denied (publickey).\n";
        assert!(!failed("", hook).was_kept_out());
        assert!(!failed("To host\n", "me@host: Permission denied (publickey).\n").was_kept_out());
        assert!(!failed("", "fatal: the remote end hung up unexpectedly\n").was_kept_out());
    }

    #[test]
    fn packets_tell_who_speaks_git_and_are_no_words() {
        let packets = "21:37:37.340092 pkt-line.c:86           packet:          git< version 2\n\
                       21:37:37.340234 pkt-line.c:86           packet:    ls-remote< 0000\n";
        let end = failed("", &format!("{packets}fatal: Could not read from remote repository.\n"));
        assert!(end.spoke_git());
        assert_eq!(end.said(), " (fatal: Could not read from remote repository.)");
        assert!(!failed("", "remote: packet: git< version 2\nwarning: nothing\n").spoke_git());
    }
}
