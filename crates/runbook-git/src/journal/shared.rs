//! The way to a remote that several machines share: what it holds, fetching it, and a push that is never forced.
//!
//! Each answer of git is read. An error is not an empty journal, nor is the answer of somebody who does not speak git; a
//! push without a word is not success, and credentials that are wrong end after one try, because nobody is asked for
//! others.

use std::time::Duration;

use git2::Oid;

use super::layout::Names;
use crate::{
    git::{End, Git, NoAnswer, TOLD_PACKETS},
    remote::Answer,
    url::without_credentials,
};

/// The remote and how to get there.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) git: Git,
    /// A remote's name or address.
    pub(super) remote: String,
    /// How long one call of git may take.
    pub(super) deadline: Duration,
}

/// A volume as the remote holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) number: u32,
    pub(super) reference: String,
    pub(super) at: Oid,
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The remote has it.
    Arrived,
    /// The remote does not have it, with what it said.
    Refused(String),
    /// The remote let nobody in, with what was said; to look there would be one more try with the same credentials.
    KeptOut(String),
    /// Nobody knows, with why.
    Unknown(String),
}

/// Git could not say, or do, what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Failed(String);

impl Shared {
    /// The remote without its credentials.
    pub(super) fn name(&self) -> String {
        without_credentials(&self.remote)
    }

    /// The volumes that the remote holds, the newest last.
    pub(super) async fn volumes(&self, names: &Names) -> Result<Vec<Volume>, Failed> {
        let (first, later) = (names.volume(1), names.later_volumes());
        let arguments = ["ls-remote", "--refs", "--quiet", "--", &self.remote, &first, &later];
        let end = self.run(&arguments, &[TOLD_PACKETS]).await?;
        let volumes = volumes_of(&end.stdout, names)?;
        // Git takes a web page without a line break, or an empty one, for a repository that holds nothing ("dumb HTTP").
        if volumes.is_empty() && !end.spoke_git() {
            return Err(Failed("git ls-remote got an answer that is none of git's; is the address right?".to_owned()));
        }
        Ok(volumes)
    }

    /// Brings these volumes' commits here. It moves no ref.
    pub(super) async fn fetch(&self, volumes: &[Volume]) -> Result<(), Failed> {
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-write-fetch-head",
            "--no-auto-gc",
            "--no-recurse-submodules",
            "--refmap=",
            "--",
            &self.remote,
        ];
        arguments.extend(volumes.iter().map(|volume| volume.reference.as_str()));
        self.run(&arguments, &[]).await.map(drop)
    }

    /// Moves a ref of the remote forward to a commit that is here. The remote refuses what is not ahead of its own.
    pub(super) async fn push(&self, commit: Oid, reference: &str) -> Pushed {
        let refspec = format!("{commit}:{reference}");
        // The owner's hooks are for work, not for bookkeeping.
        let arguments = [
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--no-signed",
            "--recurse-submodules=no",
            "--",
            &self.remote,
            &refspec,
        ];
        let end = match self.git.run(&arguments, self.deadline).await {
            Ok(end) => end,
            Err(NoAnswer::NotStarted(why)) => return Pushed::Refused(why),
            Err(NoAnswer::Lost(why)) => return Pushed::Unknown(format!("the push {why}")),
        };
        match Answer::read(&end.stdout, &refspec) {
            Answer::Arrived if end.success => Pushed::Arrived,
            Answer::Rejected(reason) | Answer::Refused(reason) => Pushed::Refused(format!("{reason}{}", end.said())),
            Answer::Silent if end.was_kept_out() => {
                Pushed::KeptOut(format!("the push ended with {}{}", end.code, end.said()))
            }
            Answer::Arrived | Answer::Silent => {
                Pushed::Unknown(format!("the push ended with {} and no word of the journal{}", end.code, end.said()))
            }
        }
    }

    async fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Result<End, Failed> {
        let what = arguments.first().copied().unwrap_or_default();
        match self.git.run_with(arguments, variables, self.deadline).await {
            Ok(end) if end.success => Ok(end),
            Ok(end) => Err(Failed(format!("git {what} ended with {}{}", end.code, end.said()))),
            Err(NoAnswer::NotStarted(why) | NoAnswer::Lost(why)) => Err(Failed(format!("git {what} {why}"))),
        }
    }
}

fn volumes_of(listed: &str, names: &Names) -> Result<Vec<Volume>, Failed> {
    let mut volumes = Vec::new();
    for line in listed.lines() {
        let Some((id, reference)) = line.split_once('\t') else { continue };
        // A pattern also finds refs that only end like ours.
        let Some(number) = names.number_of(reference) else { continue };
        // A shorter one would be taken for one that ends in zeros.
        let at = Some(id).filter(|id| id.len() == 40).and_then(|id| Oid::from_str(id).ok());
        let at = at.ok_or_else(|| Failed("git ls-remote named an object that has no SHA-1 id".to_owned()))?;
        volumes.push(Volume { number, reference: reference.to_owned(), at });
    }
    volumes.sort_by_key(|volume| volume.number);
    Ok(volumes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn only_refs_of_the_journal_are_volumes() {
        let id = "0123456789012345678901234567890123456789";
        let names = Names::of(&"prod".parse().unwrap());
        let listed = format!(
            "{id}\trefs/runbook/journal/prod.2\n{id}\trefs/runbook/journal/prod\n\
             {id}\trefs/heads/refs/runbook/journal/prod\nwarning: something\n"
        );
        let found: Vec<u32> = volumes_of(&listed, &names).unwrap().iter().map(|volume| volume.number).collect();
        assert_eq!(found, [1, 2]);
        assert!(volumes_of("cafe\trefs/runbook/journal/prod\n", &names).is_err());
    }
}
