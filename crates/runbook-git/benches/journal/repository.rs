//! Where the journal is stored: a repository whose history is imported at once, and git's own commands in it.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use runbook_core::{EnvironmentId, state::Snapshot};
use runbook_git::{GitJournal, JournalSettings};

use super::{
    Result,
    runs::{APPENDS, Batch, Runs},
};

/// An append by git alone: the same objects, and the ref moved from the expected commit. Arguments: the ref, and a
/// folder with the files and the message.
const PLUMBING: &str = r#"set -e
old=$(git rev-parse --verify --quiet "$1")
blobs=$(git hash-object -w --no-filters "$2/events.jsonl" "$2/state.json")
set -- "$1" "$2" $blobs
tree=$(printf '100644 blob %s\tevents.jsonl\n100644 blob %s\tstate.json\n' "$3" "$4" | git mktree)
commit=$(git commit-tree -p "$old" -F "$2/message" "$tree")
git update-ref "$1" "$commit" "$old"
"#;

/// Makes git sync what an append of ours syncs, but for the tree, as `mktree` does not read this, and for folders,
/// which git never syncs.
const DURABLE: [(&str, &str); 5] = [
    ("GIT_CONFIG_COUNT", "2"),
    ("GIT_CONFIG_KEY_0", "core.fsync"),
    ("GIT_CONFIG_VALUE_0", "loose-object,reference"),
    ("GIT_CONFIG_KEY_1", "core.fsyncMethod"),
    ("GIT_CONFIG_VALUE_1", "fsync"),
];

/// A repository with a journal.
#[derive(Debug)]
pub(super) struct Repository {
    folder: PathBuf,
    /// What is appended next by git's own commands.
    next: PathBuf,
    environment: EnvironmentId,
    reference: String,
}

impl Repository {
    /// Makes it with so many runs, as it is after some years: in one pack, with packed refs.
    pub(super) fn make(folder: &Path, runs: &mut Runs, wanted: u32) -> Result<Self> {
        let environment = runs.environment().clone();
        let reference = format!("refs/runbook/journal/{environment}");
        let (next, folder) = (folder.join("next"), folder.join("repository"));
        let repository = Self { folder, next, environment, reference };
        fs::create_dir_all(&repository.next)?;
        fs::create_dir_all(&repository.folder)?;
        timed(repository.command("git").args(["init", "--quiet"]))?;
        repository.import(runs, wanted)?;
        timed(repository.command("git").args(["gc", "--quiet"]))?;
        Ok(repository)
    }

    /// Appends one by one, each durable, would take longer than all that is measured here. That an import writes what
    /// appends write is seen later: the chain is verified to the end, and appends go on from there.
    fn import(&self, runs: &mut Runs, wanted: u32) -> Result<()> {
        let mut import = self.command("git");
        import.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut import = import.spawn()?;
        let stdin = import.stdin.take().ok_or("git fast-import has no input")?;
        let written = write(BufWriter::new(stdin), &self.reference, runs, wanted);
        let status = import.wait()?;
        written?;
        if status.success() { Ok(()) } else { Err(format!("git fast-import failed ({status})").into()) }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command
    }

    /// The journal, as a run opens it.
    pub(super) fn journal(&self) -> Result<GitJournal> {
        Ok(GitJournal::open(&self.folder, &self.environment, JournalSettings::default())?)
    }

    /// How large its packs are, with their indexes.
    pub(super) fn pack_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(self.folder.join(".git/objects/pack"))? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes)
    }

    /// A process of git that prints the newest fold.
    pub(super) fn show_state(&self, runs: &Runs) -> Result<Duration> {
        let mut git = self.command("git");
        let (took, said) = timed(git.args(["cat-file", "blob"]).arg(format!("{}:state.json", self.reference)))?;
        let newest = said == Snapshot::text(runs.head(), runs.state()).as_bytes();
        if newest { Ok(took) } else { Err("git does not show the newest state".into()) }
    }

    /// Appends a batch by git's own commands, from the start of a shell to its end.
    pub(super) fn append_by_git(&self, batch: &Batch, runs: &Runs) -> Result<Duration> {
        let append = Append::of(batch);
        fs::write(self.next.join("events.jsonl"), &append.events)?;
        fs::write(self.next.join("state.json"), Snapshot::text(runs.head(), runs.state()))?;
        fs::write(self.next.join("message"), &append.message)?;
        let mut shell = self.command("sh");
        shell.args(["-c", PLUMBING, "sh", &self.reference]).arg(&self.next).envs(DURABLE);
        for who in ["AUTHOR", "COMMITTER"] {
            shell.env(format!("GIT_{who}_NAME"), "runbook").env(format!("GIT_{who}_EMAIL"), "runbook@localhost");
            shell.env(format!("GIT_{who}_DATE"), format!("{} +0000", append.seconds));
        }
        Ok(timed(&mut shell)?.0)
    }

    /// One durable write of a file as large as the fold: what the disk alone takes, of which an append needs several.
    pub(super) fn sync_once(&self, runs: &Runs) -> Result<Duration> {
        let (path, text) = (self.next.join("synced"), Snapshot::text(runs.head(), runs.state()));
        let started = Instant::now();
        let mut file = File::create(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let took = started.elapsed();
        fs::remove_file(path)?;
        Ok(took)
    }
}

/// Runs a program to its end, and returns what it printed too. One that fails is no measurement.
fn timed(command: &mut Command) -> Result<(Duration, Vec<u8>)> {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = started.elapsed();
    if output.status.success() {
        return Ok((took, output.stdout));
    }
    Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// A batch as a commit of the journal holds it, but for the fold.
struct Append {
    events: String,
    message: String,
    seconds: i64,
}

impl Append {
    fn of(batch: &Batch) -> Self {
        let (first, head) = (batch.after.seq + 1, batch.encoded.head);
        let names: Vec<&str> = batch.encoded.events.iter().map(|event| event.kind.name()).collect();
        let subject = format!("#{first}-{} {}", head.seq, names.join(", "));
        Self {
            events: batch.encoded.lines.join("\n") + "\n",
            message: format!("{subject}\n\nRunbook-Head: {} {}\n", head.seq, head.digest),
            seconds: batch.encoded.events.last().map_or(0, |event| event.at.as_second()),
        }
    }
}

/// So many runs in the language of `git fast-import`, an append a commit.
fn write(mut import: impl Write, reference: &str, runs: &mut Runs, wanted: u32) -> Result<()> {
    let mut appends = Vec::new();
    // All folds in a row, then all events: each differs little from the one before, and git keeps the differences.
    for at in 0..wanted * APPENDS {
        let batch = runs.next_batch()?;
        let state = Snapshot::text(runs.head(), runs.state());
        write!(import, "blob\nmark :{}\ndata {}\n{state}\n", 2 * at + 1, state.len())?;
        appends.push((at, Append::of(&batch)));
    }
    for (at, Append { events, .. }) in &appends {
        write!(import, "blob\nmark :{}\ndata {}\n{events}\n", 2 * at + 2, events.len())?;
    }
    for (at, Append { message, seconds, .. }) in &appends {
        writeln!(import, "commit {reference}")?;
        for who in ["author", "committer"] {
            writeln!(import, "{who} runbook <runbook@localhost> {seconds} +0000")?;
        }
        write!(import, "data {}\n{message}", message.len())?;
        write!(import, "M 100644 :{} events.jsonl\nM 100644 :{} state.json\n\n", 2 * at + 2, 2 * at + 1)?;
    }
    Ok(import.flush()?)
}
