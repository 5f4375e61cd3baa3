//! The journal shared through a remote that is reached by SSH (a real sshd, with a key file and with an agent) and by
//! HTTPS (the real `git http-backend` behind a token): what it promises there, and what wrong credentials come to.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use runbook_core::{
    Secret,
    engine::with_causes,
    event::Head,
    ports::{Journal, JournalError},
    state::Snapshot,
};
use runbook_git::{GitJournal, JournalSettings};
use runbook_testkit::{
    Reply, conformance,
    parts::{GitHttps, SshAgent, Sshd},
};

use crate::{
    journal::{Machines, append, batch, count, environment, state},
    support::git,
};

const TOKEN: &str = "token-that-opens";
const WRONG: &str = "token-that-opens-nothing";
/// How long a call with wrong credentials may take at most.
const SOON: Duration = Duration::from_secs(20);

/// Variables that git obeys before the configuration of a repository, which is where these tests say how to get there.
const FIRST: [&str; 6] =
    ["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY"];

/// Runs a test of this file in a process without these variables, when one of them is set here; tells whether it did.
fn ran_elsewhere(test: &str) -> bool {
    if FIRST.iter().all(|name| std::env::var_os(name).is_none()) {
        return false;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", &format!("transports::{test}"), "--nocapture"]).stderr(Stdio::inherit());
    for name in FIRST {
        again.env_remove(name);
    }
    let output = again.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    true
}

fn open(machine: &Path, remote: &str, token: Option<&str>) -> GitJournal {
    let settings = JournalSettings {
        remote: Some(remote.to_owned()),
        token: token.map(Secret::new),
        ..JournalSettings::default()
    };
    GitJournal::open(machine, &environment(), settings).unwrap()
}

/// Two machines append in turn, each sees what the other wrote, and whoever did not look meanwhile loses.
async fn two_machines_share(one: &GitJournal, other: &GitJournal) {
    let first = append(one, Head::EMPTY, &["one"]).await;
    assert_eq!(other.snapshot().await.unwrap(), Some(Snapshot { head: first, state: state(first) }));
    let second = append(other, first, &["two", "three"]).await;
    let late = batch(first, &["too late"]);
    let error = one.append(&late, first, &state(late.head)).await.unwrap_err();
    assert!(matches!(error, JournalError::Conflict { actual } if actual == second), "{error:?}");
    let (stored, head) = one.replay(Head::EMPTY).await.unwrap();
    assert_eq!((stored.len(), head), (3, second));
}

/// What an error says, which must be that the remote was not reached, and must have come soon.
#[track_caller]
fn unreachable<T: std::fmt::Debug>(begun: Instant, answer: Result<T, JournalError>) -> String {
    let error = answer.unwrap_err();
    let said = with_causes(&error);
    assert!(matches!(error, JournalError::Unreachable { .. }), "{said}");
    assert!(begun.elapsed() < SOON, "{:?}: {said}", begun.elapsed());
    said
}

/// A machine's journal by SSH, with this command.
fn by_ssh(machines: &Machines, at: usize, server: &Sshd, ssh: &str) -> GitJournal {
    git(&machines.all[at], &["config", "core.sshCommand", ssh]);
    open(&machines.all[at], &server.url(machines.bare()), None)
}

#[tokio::test]
async fn a_key_file_opens_it_by_ssh() {
    if ran_elsewhere("a_key_file_opens_it_by_ssh") {
        return;
    }
    let Some(server) = Sshd::start().await else { return };
    let machines = Machines::new(2);
    let ssh = server.ssh_with_key(&server.key());
    two_machines_share(&by_ssh(&machines, 0, &server, &ssh), &by_ssh(&machines, 1, &server, &ssh)).await;
    assert!(server.connections() > 0 && server.refusals() == 0, "{}", server.log());
}

#[tokio::test]
async fn an_agent_opens_it_by_ssh() {
    if ran_elsewhere("an_agent_opens_it_by_ssh") {
        return;
    }
    let Some(server) = Sshd::start().await else { return };
    let Some(agent) = SshAgent::start(&server.key()).await else { return };
    // Only the agent has the key from here on.
    std::fs::remove_file(server.key()).unwrap();
    let machines = Machines::new(2);
    let ssh = server.ssh_with_agent(&agent);
    two_machines_share(&by_ssh(&machines, 0, &server, &ssh), &by_ssh(&machines, 1, &server, &ssh)).await;
    assert!(server.connections() > 0 && server.refusals() == 0, "{}", server.log());
}

#[tokio::test]
async fn a_wrong_key_ends_after_one_try() {
    if ran_elsewhere("a_wrong_key_ends_after_one_try") {
        return;
    }
    let Some(server) = Sshd::start().await else { return };
    let machines = Machines::new(2);
    let right = server.ssh_with_key(&server.key());
    let head = append(&by_ssh(&machines, 0, &server, &right), Head::EMPTY, &["one"]).await;

    let before = server.connections();
    let journal = by_ssh(&machines, 0, &server, &server.ssh_with_key(&server.unknown_key().await));
    let said = unreachable(Instant::now(), journal.snapshot().await);
    assert!(said.contains("Permission denied (publickey)"), "{said}");
    assert_eq!(server.connections() - before, 1, "{}", server.log());

    let next = batch(head, &["two"]);
    let said = unreachable(Instant::now(), journal.append(&next, head, &state(next.head)).await);
    assert!(said.contains("Permission denied (publickey)"), "{said}");
    assert_eq!(server.connections() - before, 2, "{}", server.log());

    let begun = Instant::now();
    while server.refusals() < 2 && begun.elapsed() < SOON {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.refusals(), 2, "{}", server.log());
    assert_eq!(count(&by_ssh(&machines, 1, &server, &right)).await, 1, "nothing was appended");
}

#[tokio::test]
async fn an_unknown_host_is_told_nothing() {
    if ran_elsewhere("an_unknown_host_is_told_nothing") {
        return;
    }
    let (Some(server), Some(other)) = (Sshd::start().await, Sshd::start().await) else { return };
    let machines = Machines::new(1);
    // It knows the other's host key and no one else's.
    let journal = by_ssh(&machines, 0, &server, &other.ssh_with_key(&server.key()));
    let next = batch(Head::EMPTY, &["one"]);
    let said = unreachable(Instant::now(), journal.append(&next, Head::EMPTY, &state(next.head)).await);
    assert!(said.contains("Host key verification failed"), "{said}");
    assert_eq!((server.connections(), server.refusals()), (1, 0), "{}", server.log());
}

/// Several machines, and the remote that they share behind HTTPS.
struct Secured {
    server: GitHttps,
    machines: Machines,
}

impl Secured {
    async fn new(count: usize) -> Option<Self> {
        let machines = Machines::new(count);
        git(machines.bare(), &["config", "http.receivepack", "true"]);
        let server = GitHttps::start(machines.bare().parent().unwrap(), TOKEN).await?;
        for machine in &machines.all {
            git(machine, &["config", "http.sslCAInfo", server.authority().to_str().unwrap()]);
            // No proxy of the environment stands before this machine itself.
            git(machine, &["config", "http.proxy", ""]);
        }
        Some(Self { server, machines })
    }

    fn journal(&self, at: usize, token: &str) -> GitJournal {
        open(&self.machines.all[at], &self.server.url("/remote.git"), Some(token))
    }
}

#[tokio::test]
async fn behind_https_and_a_token_it_keeps_the_contract() {
    if ran_elsewhere("behind_https_and_a_token_it_keeps_the_contract") || Secured::new(0).await.is_none() {
        return;
    }
    let kept = RefCell::new(BTreeMap::new());
    conformance::journal(
        async || {
            let secured = Secured::new(2).await.unwrap();
            let journal = secured.journal(0, TOKEN);
            kept.borrow_mut().insert(journal.place(), secured);
            journal
        },
        async |journal| kept.borrow()[&journal.place()].journal(1, TOKEN),
    )
    .await;
    for secured in kept.borrow().values() {
        let seen = secured.server.seen();
        assert!(
            !seen.is_empty() && secured.server.refusals() == 0,
            "the token is there from the first request: {seen:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_token_ends_after_one_request() {
    if ran_elsewhere("a_wrong_token_ends_after_one_request") {
        return;
    }
    let Some(secured) = Secured::new(2).await else { return };
    let head = append(&secured.journal(0, TOKEN), Head::EMPTY, &["one"]).await;
    // A helper that would offer other credentials.
    let machine = &secured.machines.all[0];
    let asked = machine.join("asked");
    let helper = format!("!f() {{ touch '{}'; echo username=me; echo password=mine; }}; f", asked.display());
    git(machine, &["config", "credential.helper", &helper]);

    let journal = secured.journal(0, WRONG);
    let next = batch(head, &["two"]);
    let mut said = vec![unreachable(Instant::now(), journal.snapshot().await)];
    assert_eq!(secured.server.refusals(), 1, "{:?}", secured.server.seen());
    said.push(unreachable(Instant::now(), journal.append(&next, head, &state(next.head)).await));
    assert_eq!(secured.server.refusals(), 2, "{:?}", secured.server.seen());

    let encoded = data_encoding::BASE64.encode(format!("x-access-token:{WRONG}").as_bytes());
    for said in said {
        assert!(said.contains("credentials are missing or were refused, and nobody is asked for others"), "{said}");
        assert!(!said.contains(WRONG) && !said.contains(&encoded), "{said}");
    }
    assert!(!asked.exists(), "no helper was asked");
    assert_eq!(count(&secured.journal(1, TOKEN)).await, 1, "nothing was appended");
}

#[tokio::test]
async fn an_answer_that_is_none_of_gits_is_no_empty_journal() {
    if ran_elsewhere("an_answer_that_is_none_of_gits_is_no_empty_journal") {
        return;
    }
    let Some(secured) = Secured::new(3).await else { return };
    let head = append(&secured.journal(0, TOKEN), Head::EMPTY, &["one"]).await;
    let html = |page: &str| Reply::new(200).with("content-type", "text/html").body(page);
    let smart = "application/x-git-upload-pack-advertisement";
    for reply in [
        Reply::new(500).with("content-type", "text/html").body("<html>broken</html>"),
        Reply::new(403).with("content-type", "text/plain").body("not yours\n"),
        Reply::new(404),
        Reply::new(200),
        html("<html>welcome to the wireless network</html>"),
        html("<html>\n<p>welcome\n</html>\n"),
        Reply::new(200).with("content-type", smart).body("<html>welcome</html>"),
    ] {
        secured.server.answer_instead(Some(reply.clone()));
        // One that knows the journal, and one that knows nothing and would believe that there is nothing.
        for (at, head) in [(0, head), (1, Head::EMPTY)] {
            let journal = secured.journal(at, TOKEN);
            let said = unreachable(Instant::now(), journal.snapshot().await);
            assert!(reply.status != 500 || said.contains("500"), "{said}");
            let next = batch(head, &["two"]);
            unreachable(Instant::now(), journal.append(&next, head, &state(next.head)).await);
        }
    }
    secured.server.answer_instead(None);
    assert_eq!(count(&secured.journal(2, TOKEN)).await, 1, "nothing was appended");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_shown_the_token() {
    if ran_elsewhere("a_certificate_that_nobody_vouches_for_is_not_shown_the_token") {
        return;
    }
    let Some(secured) = Secured::new(1).await else { return };
    git(&secured.machines.all[0], &["config", "--unset", "http.sslCAInfo"]);
    let said = unreachable(Instant::now(), secured.journal(0, TOKEN).snapshot().await);
    assert!(said.contains("certificate"), "{said}");
    assert!(secured.server.seen().is_empty());
}
