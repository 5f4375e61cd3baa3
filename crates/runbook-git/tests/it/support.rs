//! What the tests share: the real `git`, trees made without a worktree, and a permit from a real run.

use std::{collections::BTreeMap, path::Path, process::Output, sync::Arc};

use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid, Repository, Signature};
use runbook_core::{
    Action, Actor, ActorKind, CommitId, EnvironmentId, Origin, Outcome, Request,
    config::Document,
    engine::{Cancel, Engine, Permit, Surroundings},
    event::Operation,
    plan::Access,
    ports::{RollbackBranch, VersionError, stage_fn},
    redact::Redactor,
    registry::{Lookup, Registry},
};
use runbook_git::GitRepository;
use runbook_testkit::{FixedLiveness, MemoryJournal, TempRepository};
use tokio::sync::mpsc;

pub const FILE: u32 = 0o100_644;
pub const EXECUTABLE: u32 = 0o100_755;
pub const LINK: u32 = 0o120_000;
pub const SUBMODULE: u32 = 0o160_000;

pub fn open(repository: &TempRepository) -> GitRepository {
    GitRepository::open(repository.path()).unwrap()
}

/// Runs the real git, without the settings of whoever runs the tests.
pub fn try_git(at: &Path, arguments: &[&str]) -> Output {
    let mut git = std::process::Command::new("git");
    git.current_dir(at).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for (who, name) in [("AUTHOR", "Test"), ("COMMITTER", "Test")] {
        git.env(format!("GIT_{who}_NAME"), name).env(format!("GIT_{who}_EMAIL"), "test@example.invalid");
    }
    git.output().unwrap()
}

/// What the real git prints, when it succeeds.
#[track_caller]
pub fn git(at: &Path, arguments: &[&str]) -> String {
    let output = try_git(at, arguments);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A file of a tree: its mode and content; of a submodule, the content is the commit's id.
pub type Files<'a> = BTreeMap<&'a str, (u32, &'a str)>;

/// Files of the plain kind, each with its content.
pub fn files<'a>(all: &[(&'a str, &'a str)]) -> Files<'a> {
    all.iter().map(|&(path, content)| (path, (FILE, content))).collect()
}

/// Commits exactly these files on the current branch, without a worktree, and returns the commit.
pub fn commit(repository: &Repository, files: &Files<'_>) -> CommitId {
    let mut index = Index::new().unwrap();
    for (path, (mode, content)) in files {
        let id = match *mode {
            SUBMODULE => Oid::from_str(content).unwrap(),
            _ => repository.blob(content.as_bytes()).unwrap(),
        };
        let zero = IndexTime::new(0, 0);
        let entry = IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode: *mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        };
        index.add(&entry).unwrap();
    }
    let tree = index.write_tree_to(repository).unwrap();
    commit_tree(repository, tree)
}

/// Commits a tree on the current branch.
pub fn commit_tree(repository: &Repository, tree: Oid) -> CommitId {
    let author = Signature::now("Test", "test@example.invalid").unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    let tree = repository.find_tree(tree).unwrap();
    let id = repository.commit(Some("HEAD"), &author, &author, "a commit", &tree, &parents).unwrap();
    CommitId::new(id.to_string()).unwrap()
}

/// A tree object with entries that git itself would not write.
pub fn raw_tree(repository: &Repository, entries: &[(u32, &[u8], Oid)]) -> Oid {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend(format!("{mode:o} ").as_bytes());
        bytes.extend(*name);
        bytes.push(0);
        bytes.extend(id.as_bytes());
    }
    repository.odb().unwrap().write(ObjectType::Tree, &bytes).unwrap()
}

/// A rollback of everything, not pushed.
pub fn rollback_to(to: &CommitId) -> RollbackBranch {
    RollbackBranch {
        branch: "rollback/v1.0.0-20260101T000000Z".to_owned(),
        to: to.clone(),
        keep: Vec::new(),
        only: Vec::new(),
        message: "Roll back to v1.0.0\n\nbecause of a test\n".to_owned(),
        push_to: None,
    }
}

/// Patterns as the port takes them.
pub fn patterns(all: &[&str]) -> Vec<String> {
    all.iter().map(|&pattern| pattern.to_owned()).collect()
}

/// Leave to do one effect, as a stage of a real run gets it.
pub async fn permit() -> Arc<Permit> {
    let (sender, mut receiver) = mpsc::channel(1);
    let stage = stage_fn(Access::Reporting, move |cx| {
        let sender = sender.clone();
        Box::pin(async move {
            cx.effect(Operation::PublishStatus, |permit| async move {
                let _ = sender.send(permit).await;
                Ok::<(), VersionError>(())
            })
            .await?;
            Ok(Outcome::Passed)
        })
    });
    let mut registry = Registry::default();
    registry.stage_value("test", stage);
    let text =
        "schema = 1\n[project]\nname = \"test\"\n[[stage]]\nid = \"test\"\nkind = \"test\"\nafter = \"safety-gate\"\n";
    let environment = EnvironmentId::new("production").unwrap();
    let variables = Lookup::fixed::<String, String>([]);
    let config = Document::parse(Path::new("runbook.toml"), text).unwrap().config(&environment, &variables).unwrap();
    let world = Surroundings {
        root: "/".into(),
        state_dir: "/".into(),
        variables,
        redactor: Redactor::default(),
        clock: Arc::new(runbook_core::ports::SystemClock),
        liveness: Arc::new(FixedLiveness::process(1, runbook_core::ports::OwnerState::Over)),
        journal: Arc::new(MemoryJournal::new()),
        local_latch: None,
        version_control: None,
        issue_tracker: Err("none".to_owned()),
        forge: runbook_core::ports::Forge::none("none"),
        history: None,
        sinks: Vec::new(),
        hosted_runner: false,
    };
    let engine = Engine::assemble(&config, &registry, &world).unwrap();
    let request = Request {
        action: Action::UpdateStatus,
        environment,
        component: None,
        version: None,
        force: false,
        actor: Actor { name: "test".to_owned(), kind: ActorKind::Person },
        reason: None,
        origin: Origin::default(),
    };
    let plan = engine.prepare(&request, &config).await.unwrap();
    engine.execute(request, plan, &Cancel::default()).await.unwrap();
    receiver.recv().await.expect("the stage of the run had its turn")
}
