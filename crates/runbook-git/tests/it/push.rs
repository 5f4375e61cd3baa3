//! The push by the real git: to a bare repository on disk, refused in each way that there is, and to nobody.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use runbook_core::ports::{RollbackBranch, RollbackCommit, VersionControl};
use runbook_testkit::{HttpTarget, Reply, TempRepository};

use crate::support::{git, open, permit, rollback_to};

const BRANCH: &str = "rollback/v1.0.0-20260101T000000Z";

/// A repository with two commits and its remote, and the rollback to the first.
fn cloned() -> (TempRepository, TempRepository, RollbackBranch) {
    let (repository, remote) = (TempRepository::new(), TempRepository::bare());
    repository.write("app", "good");
    let good = repository.commit("good");
    repository.write("app", "bad");
    repository.commit("bad");
    repository.add_remote("origin", &remote);
    repository.push("origin", "refs/heads/main");
    let rollback = RollbackBranch { push_to: Some("origin".to_owned()), ..rollback_to(&good) };
    (repository, remote, rollback)
}

/// Makes the remote run this before it takes anything.
fn hook(remote: &TempRepository, script: &str) {
    let path = remote.path().join("hooks/pre-receive");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn roll_back(repository: &TempRepository, rollback: &RollbackBranch) -> RollbackCommit {
    open(repository).rollback_branch(&*permit().await, rollback).await.unwrap()
}

/// Why it was not pushed. The commit must stand here all the same.
async fn why_not(repository: &TempRepository, rollback: &RollbackBranch) -> String {
    let made = roll_back(repository, rollback).await;
    assert_eq!(repository.find_ref(&format!("refs/heads/{}", made.branch)), Some(made.commit));
    made.not_pushed.expect("it was not pushed")
}

#[tokio::test]
async fn the_branch_arrives_alone_and_a_repeat_finds_it_there() {
    let (repository, remote, rollback) = cloned();
    repository.annotated_tag("v2", "a tag that push.followTags would send along");
    git(repository.path(), &["config", "push.followTags", "true"]);
    let before = git(remote.path(), &["for-each-ref"]);
    for _ in 0..2 {
        let made = roll_back(&repository, &rollback).await;
        assert_eq!(made.not_pushed, None);
        assert_eq!(remote.find_ref(&format!("refs/heads/{BRANCH}")), Some(made.commit));
    }
    let after = git(remote.path(), &["for-each-ref", "--exclude=refs/heads/rollback/"]);
    assert_eq!(after, before, "nothing else was pushed");
    git(remote.path(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_hook_that_rejects_is_quoted_with_the_command_that_finishes_it() {
    let (repository, remote, rollback) = cloned();
    hook(&remote, "echo 'no pushes on Fridays' >&2; exit 1");
    insta::assert_snapshot!(why_not(&repository, &rollback).await, @"the push to origin was refused: [remote rejected] (pre-receive hook declined) (remote: no pushes on Fridays); finish with: git push origin rollback/v1.0.0-20260101T000000Z");
    assert_eq!(remote.find_ref(&format!("refs/heads/{BRANCH}")), None);
}

#[tokio::test]
async fn a_branch_of_that_name_on_the_remote_is_never_forced() {
    let (repository, remote, rollback) = cloned();
    let other = TempRepository::new();
    other.write("theirs", "x");
    let theirs = other.commit("theirs");
    other.add_remote("origin", &remote);
    other.push("origin", &format!("refs/heads/main:refs/heads/{BRANCH}"));
    let told = why_not(&repository, &rollback).await;
    insta::assert_snapshot!(told, @"the push to origin was refused: [rejected] (fetch first), the remote's branch of that name has other commits and stays; finish with: git push origin rollback/v1.0.0-20260101T000000Z:refs/heads/rollback/v1.0.0-20260101T000000Z-2");
    assert_eq!(remote.find_ref(&format!("refs/heads/{BRANCH}")), Some(theirs));
    // The command that is offered works as it stands.
    let (_, command) = told.rsplit_once("finish with: git ").unwrap();
    git(repository.path(), &command.split(' ').collect::<Vec<_>>());
    assert!(remote.find_ref(&format!("refs/heads/{BRANCH}-2")).is_some());
}

#[tokio::test]
async fn a_remote_that_is_an_option_is_never_given_to_git() {
    let (repository, _, rollback) = cloned();
    let touched = repository.path().join("touched");
    for bad in
        [format!("--receive-pack=touch {}", touched.display()), "-v".to_owned(), String::new(), "a\nb".to_owned()]
    {
        let rollback = RollbackBranch { push_to: Some(bad.clone()), ..rollback.clone() };
        let told = why_not(&repository, &rollback).await;
        let expected =
            format!("{bad:?} cannot be a remote, so nothing was pushed; finish with: git push <remote> {BRANCH}");
        assert_eq!(told, expected);
    }
    assert!(!touched.exists());
}

#[tokio::test]
async fn a_remote_that_does_not_exist_is_told() {
    let (repository, _, rollback) = cloned();
    let rollback = RollbackBranch { push_to: Some("upstream".to_owned()), ..rollback };
    insta::assert_snapshot!(why_not(&repository, &rollback).await, @"the push to upstream ended with exit code 128 and did not confirm that the branch arrived (fatal: 'upstream' does not appear to be a git repository; fatal: Could not read from remote repository.); finish with: git push upstream rollback/v1.0.0-20260101T000000Z");
}

#[tokio::test]
async fn a_remote_that_hangs_is_left_at_the_deadline() {
    let (repository, remote, rollback) = cloned();
    let pid = remote.path().join("pid");
    hook(&remote, &format!("echo $$ > {}; exec sleep 600", pid.display()));
    let begun = Instant::now();
    let port = open(&repository).push_deadline(Duration::from_secs(1));
    let made = port.rollback_branch(&*permit().await, &rollback).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    insta::assert_snapshot!(made.not_pushed.unwrap(), @"the push to origin was ended after 1 s; whether the branch arrived is unknown; finish with: git push origin rollback/v1.0.0-20260101T000000Z");
    // Everything that the push had started on this machine is ended with it.
    if let Ok(pid) = fs::read_to_string(&pid) {
        let alive = format!("/proc/{}/cmdline", pid.trim());
        while fs::read(&alive).is_ok_and(|command| !command.is_empty()) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the hook still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_password_and_none_is_told() {
    let target = HttpTarget::start(Reply::new(401).with("www-authenticate", "Basic realm=\"x\"")).await;
    let (repository, _, rollback) = cloned();
    let url = target.url("/team/app.git").replace("http://", "http://robot:hunter2@");
    git(repository.path(), &["remote", "set-url", "origin", &url]);
    for push_to in ["origin".to_owned(), url] {
        let told = why_not(&repository, &RollbackBranch { push_to: Some(push_to), ..rollback.clone() }).await;
        assert!(!told.contains("hunter2") && !told.contains("robot"), "{told}");
        assert!(
            told.contains("did not confirm that the branch arrived") && told.contains("finish with: git push "),
            "{told}"
        );
    }
    assert!(!target.requests().is_empty(), "git did ask the remote");
}

#[tokio::test]
async fn ssh_runs_with_the_users_settings_and_asks_nobody() {
    let (repository, _, rollback) = cloned();
    let folder = tempfile::tempdir().unwrap();
    let (ssh, seen) = (folder.path().join("ssh"), folder.path().join("seen"));
    let script = "#!/bin/sh\necho \"$@\" $SSH_ASKPASS_REQUIRE $GIT_TERMINAL_PROMPT >";
    fs::write(&ssh, format!("{script} {}\nexit 255\n", seen.display())).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    git(repository.path(), &["config", "core.sshCommand", &format!("{} -i a-key", ssh.display())]);
    let push_to = Some("ssh://git@host.invalid/team/app.git".to_owned());
    let told = why_not(&repository, &RollbackBranch { push_to, ..rollback }).await;
    assert!(told.starts_with("the push to ssh://git@host.invalid/team/app.git ended with exit code 128"), "{told}");
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.starts_with("-i a-key -o BatchMode=yes ") && seen.ends_with(" force 0\n"), "{seen}");
}

#[tokio::test]
async fn a_linked_worktree_pushes_too() {
    let (repository, remote, rollback) = cloned();
    let folder = tempfile::tempdir().unwrap();
    let linked = folder.path().join("linked");
    git(repository.path(), &["worktree", "add", "-q", "--detach", linked.to_str().unwrap(), "HEAD"]);
    let port = runbook_git::GitRepository::open(&linked).unwrap();
    let made = port.rollback_branch(&*permit().await, &rollback).await.unwrap();
    assert_eq!(made.not_pushed, None);
    assert_eq!(remote.find_ref(&format!("refs/heads/{BRANCH}")), Some(made.commit));
}
