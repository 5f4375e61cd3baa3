//! `rollback`: recording a rollback in a repository of 100,000 files, beside the `git reset --hard` on a new branch
//! that runbooks do in its place.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Map;

use super::{
    measure::{in_turns, whole_process},
    outcome::{Measured, Outcome},
    scratch::{Scratch, built, missing},
};
use crate::tools::{Checkout, text};

pub(super) const NAME: &str = "rollback";
const ROUNDS: usize = 9;
const FILES: usize = 100_000;
const FILES_PER_FOLDER: usize = 100;
/// Every hundredth file differs between the two releases.
const CHANGED: usize = 100;

pub(super) fn run(checkout: &Checkout) -> Result<Outcome> {
    let outcome = |result| Outcome {
        bench: NAME,
        case: String::new(),
        ours: "a process that makes the rollback commit on a branch of its own".to_owned(),
        theirs: "`git checkout -b X && git reset --hard v1.0.0`".to_owned(),
        facts: Map::from_iter([("files".to_owned(), FILES.into())]),
        goals: Vec::new(),
        result,
    };
    if let Some(why) = missing("git") {
        return Ok(outcome(Err(why)));
    }
    let program = built(checkout, "runbook-git", NAME)?;
    let scratch = Scratch::new(checkout, NAME)?;
    let repository = Repository::make(scratch.path())?;
    let ours = |round: usize| {
        let branch = format!("rollback/{round}");
        let took = whole_process(Command::new(&program).arg(&repository.0).args(["v1.0.0", &branch]))?;
        repository.holds("v1.0.0", &branch)?;
        Ok(took)
    };
    let theirs = |round: usize| {
        let branch = format!("reset-{round}");
        let mut shell = repository.clean(Command::new("sh"));
        let took =
            whole_process(shell.args(["-c", "git checkout -q -b \"$0\" && git reset -q --hard v1.0.0", &branch]))?;
        repository.holds("v1.0.0", "HEAD")?;
        repository.return_to_main(&branch)?;
        Ok(took)
    };
    Ok(outcome(Ok(Measured::Time(in_turns(ROUNDS, ours, theirs)?))))
}

/// A repository with two releases, v1.0.0 and the head.
#[derive(Debug)]
struct Repository(PathBuf);

impl Repository {
    fn make(folder: &Path) -> Result<Self> {
        let repository = Self(folder.join("repository"));
        text(repository.clean(Command::new("git")).current_dir(folder).args([
            "init",
            "-q",
            "-b",
            "main",
            "repository",
        ]))?;
        let mut import = repository.clean(Command::new("git"));
        let mut import = import
            .args(["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .context("failed to start git fast-import")?;
        let stdin = import.stdin.take().context("its input is a pipe")?;
        let written = write_releases(BufWriter::new(stdin));
        let status = import.wait().context("failed to wait for git fast-import")?;
        written.context("failed to write to git fast-import")?;
        if !status.success() {
            bail!("git fast-import failed ({status})");
        }
        repository.git(&["reset", "-q", "--hard"])?;
        Ok(repository)
    }

    /// A command in it that knows nobody's settings of git.
    fn clean(&self, mut command: Command) -> Command {
        let names = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("GIT_"));
        names.for_each(|name| {
            command.env_remove(name);
        });
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        if self.0.is_dir() {
            command.current_dir(&self.0);
        }
        command
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        text(self.clean(Command::new("git")).args(arguments))
    }

    /// Holds both sides to having done the work: the tree is the release's.
    fn holds(&self, release: &str, branch: &str) -> Result<()> {
        self.git(&["diff", "--quiet", release, branch, "--", ".", ":!runbook.toml"])
            .map(drop)
            .with_context(|| format!("{branch} does not have the tree of {release}"))
    }

    /// As it was before, with an index that knows every file.
    fn return_to_main(&self, branch: &str) -> Result<()> {
        self.git(&["checkout", "-q", "main"])?;
        self.git(&["branch", "-q", "-D", branch])?;
        self.git(&["update-index", "-q", "--refresh"]).map(drop)
    }
}

/// Both releases, in the language of `git fast-import`.
fn write_releases(mut import: impl Write) -> std::io::Result<()> {
    let file = |import: &mut dyn Write, path: &str, content: &str| {
        write!(import, "M 100644 inline {path}\ndata {}\n{content}\n", content.len())
    };
    let path = |number: usize| format!("src/{:04}/{number:06}.txt", number / FILES_PER_FOLDER);
    for (mark, release) in [(1, "v1.0.0"), (2, "v1.1.0")] {
        writeln!(
            import,
            "commit refs/heads/main\nmark :{mark}\ncommitter bench <bench@localhost> 170000000{mark} +0000"
        )?;
        writeln!(import, "data {}\n{release}", release.len())?;
        // What a rollback keeps as it is at the head.
        file(&mut import, "runbook.toml", &format!("# {release}\n"))?;
        let changed = if mark == 1 { 1 } else { CHANGED };
        for number in (0..FILES - 1).step_by(changed) {
            file(&mut import, &path(number), &format!("file {number} of {release}\n"))?;
        }
        writeln!(import, "reset refs/tags/{release}\nfrom :{mark}\n")?;
    }
    import.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn the_first_release_has_all_files_and_the_second_changes_some() {
        let mut stream = Vec::new();
        write_releases(&mut stream).unwrap();
        let stream = String::from_utf8(stream).unwrap();
        let (first, second) = stream.split_once("mark :2").unwrap();
        let files = |part: &str| part.lines().filter(|line| line.starts_with("M ")).count();
        assert_eq!((files(first), files(second)), (FILES, FILES / CHANGED + 1));
    }
}
