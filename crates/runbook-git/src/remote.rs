//! The one place that talks to a remote: a push by the user's own `git`, whose credential helpers and SSH settings just
//! work. Argv only, no prompts, a deadline, never a force; the result is read from `--porcelain`, line by line, so that a
//! refused push is never silent.

use std::{path::Path, process::Stdio, time::Duration};

use git2::Repository;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
    task::JoinHandle,
};

use crate::url::{shell_word, without_credentials};

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

/// One branch on its way to one remote.
#[derive(Debug)]
pub(crate) struct Push<'a> {
    /// The repository's own folder.
    pub(crate) git_dir: &'a Path,
    /// Where git runs; what relative remotes are relative to.
    pub(crate) root: &'a Path,
    /// From [`ssh_command`].
    pub(crate) ssh_command: Option<String>,
    /// A remote's name or address.
    pub(crate) remote: &'a str,
    /// A branch that exists here.
    pub(crate) branch: &'a str,
    /// How long it may take.
    pub(crate) deadline: Duration,
}

impl Push<'_> {
    /// Pushes. A repeat after success finds the branch up to date; a dropped future ends git and all it started.
    ///
    /// # Errors
    /// Why the branch is not there, or why nobody knows, with the command that finishes it. No credentials in it.
    pub(crate) async fn run(&self) -> Result<(), String> {
        if self.remote.is_empty() || self.remote.starts_with('-') || self.remote.contains(char::is_control) {
            return Err(format!(
                "{:?} cannot be a remote, so nothing was pushed; finish with: git push <remote> {}",
                without_credentials(self.remote),
                shell_word(self.branch)
            ));
        }
        let refspec = format!("refs/heads/{0}:refs/heads/{0}", self.branch);
        let end = self.git(&refspec).await.map_err(|problem| self.told(&problem, self.branch))?;
        match Answer::read(&end.stdout, &refspec) {
            Answer::Arrived if end.success => Ok(()),
            Answer::Rejected(reason) => {
                // Only the remote's own branch of that name stands in the way: it stays, and this one goes beside it.
                let beside = format!("{0}:refs/heads/{0}-2", self.branch);
                Err(self.told(
                    &format!(
                        "was refused: {reason}, the remote's branch of that name has other commits and stays{}",
                        end.said()
                    ),
                    &beside,
                ))
            }
            Answer::Refused(reason) => Err(self.told(&format!("was refused: {reason}{}", end.said()), self.branch)),
            Answer::Arrived | Answer::Silent => Err(self.told(
                &format!("ended with {} and did not confirm that the branch arrived{}", end.code, end.said()),
                self.branch,
            )),
        }
    }

    /// Why a push was not even begun, with the command that finishes it.
    pub(crate) fn not_begun(&self, why: &str) -> String {
        self.told(&format!("was not begun: {why}"), self.branch)
    }

    fn told(&self, problem: &str, refspec: &str) -> String {
        let remote = without_credentials(self.remote);
        format!("the push to {remote} {problem}; finish with: git push {} {}", shell_word(&remote), shell_word(refspec))
    }

    /// Runs git to its end, or ends it.
    async fn git(&self, refspec: &str) -> Result<End, String> {
        let mut git = Command::new("git");
        let mut git_dir = std::ffi::OsString::from("--git-dir=");
        git_dir.push(self.git_dir);
        git.arg(git_dir);
        if let Some(ssh) = &self.ssh_command {
            git.args(["-c", &format!("core.sshCommand={ssh}")]);
        }
        // The branch alone: neither tags nor submodules, whatever the user's configuration adds to a push.
        git.args(["push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--", self.remote, refspec]);
        git.current_dir(self.root).envs(UNATTENDED).process_group(0).kill_on_drop(true);
        git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ELSEWHERE {
            git.env_remove(name);
        }

        let mut child = git.spawn().map_err(|error| format!("did not start: git cannot be run ({error})"))?;
        let mut group = Group(child.id());
        let (stdout, stderr) = (keep(child.stdout.take()), keep(child.stderr.take()));
        let status = match tokio::time::timeout(self.deadline, child.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                return Err(format!("was lost from sight ({error}); whether the branch arrived is unknown"));
            }
            Err(_) => {
                drop(group);
                let seconds = self.deadline.as_secs_f32();
                return Err(format!("was ended after {seconds} s; whether the branch arrived is unknown"));
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
struct End {
    success: bool,
    code: String,
    stdout: String,
    stderr: String,
}

impl End {
    /// What git and the remote said about it, as the tail of a sentence; empty when nothing.
    fn said(&self) -> String {
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
fn harmless(line: &str) -> String {
    without_credentials(line)
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_LINE)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// What `--porcelain` says about one ref: <https://git-scm.com/docs/git-push#_output>.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// New, moved forward, or there before.
    Arrived,
    /// Our git did not even send it: the remote's branch has commits that ours has not.
    Rejected(String),
    /// The remote did not take it.
    Refused(String),
    /// Nothing was said about it.
    Silent,
}

impl Answer {
    fn read(porcelain: &str, refspec: &str) -> Self {
        for line in porcelain.lines() {
            let mut fields = line.splitn(3, '\t');
            let (Some(flag), Some(of), Some(summary)) = (fields.next(), fields.next(), fields.next()) else { continue };
            if of != refspec {
                continue;
            }
            return match flag {
                " " | "*" | "=" => Self::Arrived,
                _ if summary.starts_with("[rejected]") => Self::Rejected(harmless(summary)),
                _ => Self::Refused(harmless(summary)),
            };
        }
        Self::Silent
    }
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

    const REF: &str = "refs/heads/r:refs/heads/r";

    #[test]
    fn each_line_of_porcelain_is_read() {
        let answer = |line: &str| Answer::read(&format!("To /x\n*\tother:other\t[new branch]\n{line}\nDone\n"), REF);
        for there in ["*\tREF\t[new branch]", "=\tREF\t[up to date]", " \tREF\t1..2"] {
            assert_eq!(answer(&there.replace("REF", REF)), Answer::Arrived);
        }
        let hook = format!("!\t{REF}\t[remote rejected] (pre-receive hook declined)");
        assert_eq!(answer(&hook), Answer::Refused("[remote rejected] (pre-receive hook declined)".to_owned()));
        let behind = format!("!\t{REF}\t[rejected] (fetch first)");
        assert_eq!(answer(&behind), Answer::Rejected("[rejected] (fetch first)".to_owned()));
        assert_eq!(answer(""), Answer::Silent, "exit code 0 without a word is not success");
    }

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
