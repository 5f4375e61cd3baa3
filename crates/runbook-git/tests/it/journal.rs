//! The journal in git: the port's contract at both homes, what plain git sees of it, volumes, and remotes that refuse,
//! go back or vanish.

use std::path::Path;

use jiff::Timestamp;
use runbook_core::{
    EnvironmentId, EventId, RunId, Verdict,
    event::{Draft, Encoded, EventKind, Head, encode},
    ports::{Journal, JournalError},
    state::{EnvironmentState, Snapshot},
};
use runbook_git::{GitJournal, JournalSettings};
use runbook_testkit::{TempRepository, conformance};
use tempfile::TempDir;

use crate::support::git;

const REF: &str = "refs/runbook/journal/production";

pub fn environment() -> EnvironmentId {
    "production".parse().unwrap()
}

fn open(path: &Path, remote: Option<&str>) -> GitJournal {
    let settings = JournalSettings { remote: remote.map(str::to_owned), ..JournalSettings::default() };
    GitJournal::open(path, &environment(), settings).unwrap()
}

/// Several machines, each with a repository of its own, and the remote that they share.
pub struct Machines {
    _home: TempDir,
    remote: String,
    pub all: Vec<std::path::PathBuf>,
}

impl Machines {
    pub fn new(count: usize) -> Self {
        let home = TempDir::new().unwrap();
        let bare = home.path().join("remote.git");
        git(home.path(), &["init", "--quiet", "--bare", bare.to_str().unwrap()]);
        let all = (0..count).map(|at| home.path().join(format!("machine-{at}"))).collect::<Vec<_>>();
        for machine in &all {
            git(home.path(), &["init", "--quiet", machine.to_str().unwrap()]);
        }
        Self { remote: format!("file://{}", bare.display()), _home: home, all }
    }

    pub fn bare(&self) -> &Path {
        Path::new(self.remote.strip_prefix("file://").unwrap())
    }

    fn journal(&self, at: usize) -> GitJournal {
        open(&self.all[at], Some(&self.remote))
    }
}

pub fn batch(head: Head, reasons: &[&str]) -> Encoded {
    let run = RunId::new();
    let draft = |reason: &&str| Draft {
        id: EventId::new(),
        at: Timestamp::UNIX_EPOCH,
        run,
        epoch: 1,
        kind: EventKind::RunAbandoned { abandoned: run, verdict: Verdict::Aborted, reason: (*reason).to_owned() },
    };
    encode(&reasons.iter().map(draft).collect::<Vec<_>>(), head, &str::to_owned).unwrap()
}

pub fn state(head: Head) -> EnvironmentState {
    EnvironmentState { epoch: head.seq, ..EnvironmentState::default() }
}

pub async fn append(journal: &GitJournal, head: Head, reasons: &[&str]) -> Head {
    let batch = batch(head, reasons);
    journal.append(&batch, head, &state(batch.head)).await.unwrap();
    batch.head
}

pub async fn count(journal: &GitJournal) -> usize {
    journal.replay(Head::EMPTY).await.unwrap().0.len()
}

#[tokio::test]
async fn at_home_in_one_repository_it_keeps_the_contract() {
    let kept = std::cell::RefCell::new(Vec::new());
    let paths = std::cell::RefCell::new(std::collections::BTreeMap::new());
    conformance::journal(
        async || {
            let repository = TempRepository::new();
            let journal = open(repository.path(), None);
            paths.borrow_mut().insert(journal.place(), repository.path().to_owned());
            kept.borrow_mut().push(repository);
            journal
        },
        async |journal| open(&paths.borrow()[&journal.place()], None),
    )
    .await;
}

#[tokio::test]
async fn shared_through_a_remote_it_keeps_the_contract() {
    let kept = std::cell::RefCell::new(std::collections::BTreeMap::new());
    conformance::journal(
        async || {
            let machines = Machines::new(2);
            let journal = machines.journal(0);
            kept.borrow_mut().insert(journal.place(), machines);
            journal
        },
        // Another machine, which has nothing but the remote.
        async |journal| kept.borrow()[&journal.place()].journal(1),
    )
    .await;
}

#[tokio::test]
async fn plain_git_reads_it_and_nothing_else_is_touched() {
    let repository = TempRepository::new();
    repository.write("app.txt", "1");
    repository.commit("one");
    let before =
        (git(repository.path(), &["status", "--porcelain=v2", "--branch"]), git(repository.path(), &["for-each-ref"]));
    let journal = open(repository.path(), None);
    let head = append(&journal, Head::EMPTY, &["one", "two"]).await;
    append(&journal, head, &["three"]).await;

    let log = git(repository.path(), &["log", "--format=%s", REF]);
    assert_eq!(log.trim(), "#3 run_abandoned\n#1-2 run_abandoned, run_abandoned");
    let lines = git(repository.path(), &["show", &format!("{REF}:events.jsonl")]);
    assert!(lines.contains("\"reason\":\"three\"") && lines.lines().count() == 1, "{lines}");
    git(repository.path(), &["fsck", "--strict"]);
    let refs = git(repository.path(), &["for-each-ref"]);
    let others: String =
        refs.lines().filter(|line| !line.contains("refs/runbook/")).map(|l| format!("{l}\n")).collect();
    assert_eq!(before, (git(repository.path(), &["status", "--porcelain=v2", "--branch"]), others));
}

#[tokio::test]
async fn opening_reads_one_snapshot_whatever_the_history() {
    let repository = TempRepository::new();
    let journal = open(repository.path(), None);
    let first = append(&journal, Head::EMPTY, &["one"]).await;
    let head = append(&journal, first, &["two"]).await;
    // Everything that is older is gone: the newest commit alone is enough to open.
    let old = git(repository.path(), &["rev-parse", &format!("{REF}~1^{{tree}}")]);
    let object = repository.path().join(".git/objects").join(&old.trim()[..2]).join(&old.trim()[2..]);
    std::fs::remove_file(object).unwrap();
    assert_eq!(journal.snapshot().await.unwrap(), Some(Snapshot { head, state: state(head) }));
    assert!(journal.replay(Head::EMPTY).await.is_err(), "and a replay says that something is missing");
}

#[tokio::test]
async fn a_journal_that_was_rewritten_is_damaged() {
    let repository = TempRepository::new();
    let journal = open(repository.path(), None);
    let first = append(&journal, Head::EMPTY, &["one"]).await;
    let second = append(&journal, first, &["two"]).await;
    git(repository.path(), &["update-ref", REF, &format!("{REF}~1")]);
    assert!(matches!(journal.replay(second).await, Err(JournalError::Damaged { .. })));
    let error = journal.append(&batch(second, &["x"]), second, &state(second)).await.unwrap_err();
    assert!(matches!(error, JournalError::Conflict { actual } if actual == first), "{error:?}");
}

#[tokio::test]
async fn a_new_volume_goes_on_where_the_old_one_ended() {
    let machines = Machines::new(3);
    let journal = machines.journal(0);
    let head = append(&journal, Head::EMPTY, &["one", "two"]).await;
    assert_eq!(journal.start_volume().await.unwrap().unwrap(), format!("{REF}.2"));
    let head = append(&journal, head, &["three"]).await;
    // A machine that was there before, and one that comes now.
    let other = machines.journal(1);
    assert_eq!(count(&other).await, 3);
    let head = append(&other, head, &["four"]).await;
    let newcomer = machines.journal(2);
    assert_eq!(newcomer.snapshot().await.unwrap().map(|snapshot| snapshot.head), Some(head));
    let fetched = git(&machines.all[2], &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(fetched.trim(), format!("{REF}.2"), "it fetches only the volume that goes on");
    assert_eq!(count(&newcomer).await, 4, "and the old one when somebody wants to read it");
    assert_eq!(count(&journal).await, 4);
    assert_eq!(journal.start_volume().await.unwrap().unwrap(), format!("{REF}.3"));
    assert_eq!(count(&other).await, 4);
}

#[tokio::test]
async fn a_remote_that_lost_the_journal_or_went_back_is_damage() {
    let machines = Machines::new(1);
    let journal = machines.journal(0);
    let head = append(&journal, Head::EMPTY, &["one"]).await;
    append(&journal, head, &["two"]).await;
    git(machines.bare(), &["update-ref", REF, &format!("{REF}~1")]);
    assert!(matches!(journal.snapshot().await, Err(JournalError::Damaged { .. })));
    git(machines.bare(), &["update-ref", "-d", REF]);
    assert!(matches!(journal.snapshot().await, Err(JournalError::Damaged { .. })));
}

#[tokio::test]
async fn a_remote_that_refuses_or_is_gone_is_no_success() {
    let machines = Machines::new(2);
    let journal = machines.journal(0);
    let head = append(&journal, Head::EMPTY, &["one"]).await;
    let hook = machines.bare().join("hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho 'the journal is closed today' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = journal.append(&batch(head, &["two"]), head, &state(head)).await.unwrap_err();
    let said = runbook_core::engine::with_causes(&error);
    assert!(matches!(error, JournalError::Unreachable { .. }) && said.contains("closed today"), "{said}");
    assert_eq!(count(&machines.journal(1)).await, 1);
    std::fs::rename(machines.bare(), machines.bare().with_extension("away")).unwrap();
    assert!(matches!(journal.snapshot().await, Err(JournalError::Unreachable { .. })), "an error is no empty journal");
}

/// The remote took the push, and its answer was lost: the append is looked for before anything is said about it.
#[tokio::test]
async fn a_push_whose_answer_was_lost_is_looked_for() {
    let machines = Machines::new(1);
    let journal = machines.journal(0);
    let head = append(&journal, Head::EMPTY, &["one"]).await;
    let hook = machines.bare().join("hooks/post-receive");
    // Kills the pushing git: the ref is moved by then, and no answer comes.
    std::fs::write(&hook, "#!/bin/sh\nkill -9 $(cut -d' ' -f4 /proc/$PPID/stat)\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let batch = batch(head, &["two"]);
    journal.append(&batch, head, &state(batch.head)).await.unwrap();
    std::fs::remove_file(hook).unwrap();
    assert_eq!(count(&journal).await, 2);
}

#[tokio::test]
async fn names_that_could_be_options_are_no_remotes() {
    let repository = TempRepository::new();
    for remote in ["--upload-pack=touch /tmp/x", "-x", ""] {
        let settings = JournalSettings { remote: Some(remote.to_owned()), ..JournalSettings::default() };
        assert!(GitJournal::open(repository.path(), &environment(), settings).is_err(), "{remote:?}");
    }
}

/// The remote's answer may be older than what is known here by the time that it comes.
#[tokio::test]
async fn an_answer_from_before_an_append_from_here_is_no_damage() {
    let machines = Machines::new(1);
    let writer = machines.journal(0);
    let head = append(&writer, Head::EMPTY, &["one"]).await;
    // A remote that has said what it holds, and does not end before it may.
    let (slow, may_end) = (machines.bare().join("slow"), machines.bare().join("may-end"));
    let script =
        format!("#!/bin/sh\ngit-upload-pack \"$@\"\nuntil [ -e {} ]; do sleep 0.02; done\n", may_end.display());
    std::fs::write(&slow, script).unwrap();
    std::fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    git(&machines.all[0], &["config", "remote.slow.url", &format!("file://{}", machines.bare().display())]);
    git(&machines.all[0], &["config", "remote.slow.uploadpack", slow.to_str().unwrap()]);
    let reader = open(&machines.all[0], Some("slow"));
    let writes = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        append(&writer, head, &["two"]).await;
        std::fs::write(&may_end, "").unwrap();
    };
    let (snapshot, ()) = tokio::join!(reader.snapshot(), writes);
    assert!(snapshot.is_ok(), "{snapshot:?}");
    assert_eq!(count(&reader).await, 2);
}
