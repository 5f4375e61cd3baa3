//! The push of a branch: never forced, and its result is read from `--porcelain`, line by line, so that a refused push is
//! never silent.

use std::time::Duration;

use crate::{
    git::{Git, NoAnswer, harmless, is_remote},
    url::{shell_word, without_credentials},
};

/// One branch on its way to one remote.
#[derive(Debug)]
pub(crate) struct Push<'a> {
    /// Who pushes.
    pub(crate) git: Git,
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
        if !is_remote(self.remote) {
            return Err(format!(
                "{:?} cannot be a remote, so nothing was pushed; finish with: git push <remote> {}",
                without_credentials(self.remote),
                shell_word(self.branch)
            ));
        }
        let refspec = format!("refs/heads/{0}:refs/heads/{0}", self.branch);
        // The branch alone: neither tags nor submodules, whatever the user's configuration adds to a push.
        let alone = ["push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--", self.remote, &refspec];
        let end = self.git.run(&alone, self.deadline).await.map_err(|problem| match problem {
            NoAnswer::NotStarted(why) => self.told(&format!("did not start: {why}"), self.branch),
            NoAnswer::Lost(why) => self.told(&format!("{why}; whether the branch arrived is unknown"), self.branch),
        })?;
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
}

/// What `--porcelain` says about one ref: <https://git-scm.com/docs/git-push#_output>.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
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
    pub(crate) fn read(porcelain: &str, refspec: &str) -> Self {
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
}
