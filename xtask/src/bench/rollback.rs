//! `rollback`: recording a rollback in repositories of three sizes, beside the `git reset --hard` on a new branch that
//! runbooks do in its place. Ours is measured twice: the commit alone, as a run makes it, and a whole process.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Map;

use super::{
    measure::{Comparison, Figures, Side, all_in_turns, own_time, whole_process},
    outcome::{Goal, Measured, Outcome},
    scratch::{Scratch, built, missing, without_settings_of_git},
};
use crate::tools::{Checkout, text};

pub(super) const NAME: &str = "rollback";
const ROUNDS: usize = 9;
/// How many files the repositories have, the fewest first and the most last.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const FILES_PER_FOLDER: usize = 100;
/// Every hundredth file differs between the two releases.
const CHANGED: usize = 100;
/// How many times as fast the commit shall be in the largest repository.
const TIMES_AS_FAST: f64 = 200.0;
/// How many times its time in the smallest repository the commit may take in the largest.
const FLAT: f64 = 2.0;

const COMMIT: &str = "a run makes the rollback commit on a branch of its own: opens the repository, resolves, commits";
const PROCESS: &str = "a process does the same, from its start to its end";
const THEIRS: &str = "`git checkout -b X && git reset --hard v1.0.0` in a shell, from its start to its end";

pub(super) fn run(checkout: &Checkout) -> Result<Vec<Outcome>> {
    if let Some(why) = missing("git") {
        return Ok(vec![Outcome {
            bench: NAME,
            case: String::new(),
            ours: COMMIT.to_owned(),
            theirs: THEIRS.to_owned(),
            facts: Map::new(),
            goals: Vec::new(),
            result: Err(why),
        }]);
    }
    let program = built(checkout, "runbook-git", NAME)?;
    let scratch = Scratch::new(checkout, NAME)?;
    let make = |files: usize| Repository::make(&scratch.path().join(files.to_string()), files);
    let repositories = SIZES.into_iter().map(make).collect::<Result<Vec<_>>>()?;
    // Every size in every round, so that what else the machine does falls on all of them alike.
    let sides = repositories.iter().flat_map(|repository| repository.sides(&program)).collect();
    outcomes(&all_in_turns(ROUNDS, sides)?)
}

/// What was measured in one repository.
#[derive(Debug)]
struct Row {
    files: usize,
    commit: Comparison,
    process: Comparison,
}

/// First the commit in each size, then the process: whoever looks for a size finds the commit.
fn outcomes(figures: &[Figures]) -> Result<Vec<Outcome>> {
    let mut rows = Vec::new();
    for (files, figures) in SIZES.into_iter().zip(figures.chunks(3)) {
        let [commit, process, theirs] = figures else { bail!("not every side was measured in {files} files") };
        let beside = |ours: &Figures| Comparison { ours: ours.clone(), theirs: theirs.clone() };
        rows.push(Row { files, commit: beside(commit), process: beside(process) });
    }
    ensure!(rows.len() == SIZES.len(), "not every size was measured");
    let mut outcomes: Vec<Outcome> = rows
        .iter()
        .map(|row| outcome(row.files, "commit", COMMIT, row.commit.clone()))
        .chain(rows.iter().map(|row| outcome(row.files, "process", PROCESS, row.process.clone())))
        .collect();
    let (fewest, most) = (&rows[0].commit, &rows[rows.len() - 1].commit);
    outcomes[rows.len() - 1].goals = vec![
        Goal::at_least("times as fast", TIMES_AS_FAST, most.ratio()),
        Goal::at_most("times its time in the smallest repository", FLAT, most.ours.median() / fewest.ours.median()),
    ];
    Ok(outcomes)
}

fn outcome(files: usize, what: &str, ours: &str, comparison: Comparison) -> Outcome {
    Outcome {
        bench: NAME,
        case: format!("{what}, {files} files"),
        ours: ours.to_owned(),
        theirs: THEIRS.to_owned(),
        facts: Map::from_iter([("files".to_owned(), files.into())]),
        goals: Vec::new(),
        result: Ok(Measured::Time(comparison)),
    }
}

/// A repository with two releases, v1.0.0 and the head.
#[derive(Debug)]
struct Repository(PathBuf);

impl Repository {
    fn make(folder: &Path, files: usize) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
        let repository = Self(folder.to_owned());
        repository.git(&["init", "-q", "-b", "main"])?;
        let mut import = repository.clean(Command::new("git"));
        let mut import = import
            .args(["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .context("failed to start git fast-import")?;
        let stdin = import.stdin.take().context("its input is a pipe")?;
        let written = write_releases(BufWriter::new(stdin), files);
        let status = import.wait().context("failed to wait for git fast-import")?;
        written.context("failed to write to git fast-import")?;
        if !status.success() {
            bail!("git fast-import failed ({status})");
        }
        repository.git(&["reset", "-q", "--hard"])?;
        Ok(repository)
    }

    /// The commit of a run, the commit of a process, and git's way, each on new branches.
    fn sides<'a>(&'a self, program: &'a Path) -> [Side<'a>; 3] {
        [
            Box::new(move |round| self.ours(program, "run", round, own_time)),
            Box::new(move |round| self.ours(program, "process", round, whole_process)),
            Box::new(move |round| self.theirs(round)),
        ]
    }

    fn ours(
        &self,
        program: &Path,
        how: &str,
        round: usize,
        measure: fn(&mut Command) -> Result<Duration>,
    ) -> Result<Duration> {
        let branch = format!("rollback/{how}-{round}");
        let took = measure(Command::new(program).arg(how).arg(&self.0).args(["v1.0.0", &branch]))?;
        self.holds("v1.0.0", &branch)?;
        Ok(took)
    }

    fn theirs(&self, round: usize) -> Result<Duration> {
        let branch = format!("reset-{round}");
        let mut shell = self.clean(Command::new("sh"));
        let took =
            whole_process(shell.args(["-c", "git checkout -q -b \"$0\" && git reset -q --hard v1.0.0", &branch]))?;
        self.holds("v1.0.0", "HEAD")?;
        self.return_to_main(&branch)?;
        Ok(took)
    }

    /// A command in it that knows nobody's settings of git.
    fn clean(&self, command: Command) -> Command {
        let mut command = without_settings_of_git(command);
        command.current_dir(&self.0);
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

/// Both releases of so many files, in the language of `git fast-import`.
fn write_releases(mut import: impl Write, files: usize) -> std::io::Result<()> {
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
        for number in (0..files - 1).step_by(changed) {
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
        for size in SIZES {
            let mut stream = Vec::new();
            write_releases(&mut stream, size).unwrap();
            let stream = String::from_utf8(stream).unwrap();
            let (first, second) = stream.split_once("mark :2").unwrap();
            let files = |part: &str| part.lines().filter(|line| line.starts_with("M ")).count();
            assert_eq!((files(first), files(second)), (size, size / CHANGED + 1));
        }
    }

    /// Figures of one round: the commit, the process and git's way in each size.
    fn measured(ms: [[f64; 3]; 3]) -> Vec<Outcome> {
        let figures: Vec<Figures> = ms.into_iter().flatten().map(|ms| Figures::new(vec![ms]).unwrap()).collect();
        outcomes(&figures).unwrap()
    }

    #[test]
    fn the_commit_has_goals_in_the_largest_repository() {
        let fast = measured([[1.0, 4.0, 10.0], [1.0, 4.0, 50.0], [1.5, 4.0, 375.0]]);
        let cases: Vec<&str> = fast.iter().map(|outcome| outcome.case.as_str()).collect();
        assert_eq!(cases[..3], ["commit, 1000 files", "commit, 10000 files", "commit, 100000 files"]);
        assert_eq!(cases[3..], ["process, 1000 files", "process, 10000 files", "process, 100000 files"]);
        assert_eq!(fast.iter().map(|outcome| outcome.goals.len()).collect::<Vec<_>>(), [0, 0, 2, 0, 0, 0]);
        assert!(fast[2].goals.iter().all(Goal::is_met), "{:?}", fast[2]);
        let slow = measured([[1.0, 4.0, 10.0], [2.0, 4.0, 50.0], [2.5, 4.0, 375.0]]);
        assert!(!slow[2].goals.iter().any(Goal::is_met), "{:?}", slow[2]);
        assert!(outcomes(&[]).is_err());
    }
}
