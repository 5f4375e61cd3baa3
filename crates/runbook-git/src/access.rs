//! Whether a remote lets us read and push, asked without changing anything: a listing, and a push that is not carried
//! out (`--dry-run`), which the remote lets in, or not, like a real one.

use std::time::Duration;

use git2::Repository;
use runbook_core::Secret;

use crate::{
    git::{self, End, Git, NoAnswer, TOLD_PACKETS, is_remote},
    remote::Answer,
    repository::GitRepository,
    url::without_credentials,
};

/// How long one call of git may take.
const DEADLINE: Duration = Duration::from_secs(25);
/// Where the push would go that is not carried out. No ref of this name is ever made.
const NOWHERE: &str = "refs/runbook/doctor";

/// Whether something is allowed at a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It is.
    Allowed,
    /// The remote said no, with what it said. No credentials are in it.
    Refused(String),
    /// Nobody could ask, or the answer was none, with why.
    Unknown(String),
}

/// What a remote allows whoever asks from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAccess {
    /// The remote, without credentials.
    pub remote: String,
    /// Whether its refs can be listed.
    pub read: Access,
    /// Whether a push is let in. Rules and hooks of the remote, which only a real push meets, may still refuse it.
    pub push: Access,
}

impl GitRepository {
    /// Asks a remote, by its name or address, what it allows; `token` as for the journal. It changes nothing, here or
    /// there. A dropped future ends git and all it started.
    pub async fn remote_access(&self, remote: &str, token: Option<&Secret>) -> RemoteAccess {
        let named = without_credentials(remote);
        if !is_remote(remote) {
            let why = format!("{named:?} cannot be a git remote");
            return RemoteAccess { remote: named, read: Access::Refused(why.clone()), push: Access::Refused(why) };
        }
        let git_dir = self.git_dir().to_owned();
        let (ssh_command, has_commit) = match Repository::open(&git_dir) {
            Ok(repository) => (git::ssh_command(&repository), repository.head().is_ok()),
            Err(_) => (None, false),
        };
        let authorization = token.map(git::basic_authorization);
        let git = Git { git_dir, root: self.root().to_owned(), ssh_command, authorization };
        let read = read(&git, remote).await;
        let push = match (&read, has_commit) {
            // One try with credentials that were refused is enough.
            (Access::Refused(_) | Access::Unknown(_), _) => {
                Access::Unknown("not asked: it could not be read".to_owned())
            }
            (Access::Allowed, false) => Access::Unknown("not asked: there is no commit to push yet".to_owned()),
            (Access::Allowed, true) => push(&git, remote).await,
        };
        RemoteAccess { remote: named, read, push }
    }
}

async fn read(git: &Git, remote: &str) -> Access {
    let arguments = ["ls-remote", "--refs", "--quiet", "--", remote, "refs/runbook/*"];
    match git.run_with(&arguments, &[TOLD_PACKETS], DEADLINE).await {
        Ok(end) if !end.success => failed(&end, "git ls-remote"),
        // Git takes a web page for a repository that holds nothing.
        Ok(end) if end.stdout.is_empty() && !end.spoke_git() => {
            Access::Unknown("the answer is none of git's; is the address right?".to_owned())
        }
        Ok(_) => Access::Allowed,
        Err(NoAnswer::NotStarted(why) | NoAnswer::Lost(why)) => Access::Unknown(format!("git ls-remote {why}")),
    }
}

async fn push(git: &Git, remote: &str) -> Access {
    let refspec = format!("HEAD:{NOWHERE}");
    let arguments = [
        "push",
        "--dry-run",
        "--porcelain",
        "--no-verify",
        "--no-follow-tags",
        "--no-signed",
        "--recurse-submodules=no",
        "--",
        remote,
        &refspec,
    ];
    match git.run(&arguments, DEADLINE).await {
        Ok(end) => match Answer::read(&end.stdout, &refspec) {
            Answer::Arrived if end.success => Access::Allowed,
            Answer::Rejected(reason) | Answer::Refused(reason) => Access::Refused(format!("{reason}{}", end.said())),
            Answer::Arrived | Answer::Silent => failed(&end, "git push --dry-run"),
        },
        Err(NoAnswer::NotStarted(why) | NoAnswer::Lost(why)) => Access::Unknown(format!("git push --dry-run {why}")),
    }
}

/// A refusal is what the remote said; a network that failed is no answer.
fn failed(end: &End, what: &str) -> Access {
    let told = format!("{what} ended with {}{}", end.code, end.said());
    let was_told_no = ["403", "not granted", "ermission", "read-only", "not found", "does not appear to be a git"]
        .iter()
        .any(|word| told.contains(word));
    if end.was_kept_out() || was_told_no { Access::Refused(told) } else { Access::Unknown(told) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use runbook_testkit::TempRepository;

    use super::*;

    fn repository() -> TempRepository {
        let repository = TempRepository::new();
        repository.write("app", "good");
        repository.commit("good");
        repository
    }

    #[tokio::test]
    async fn a_remote_that_takes_pushes_is_told_apart_and_left_as_it_is() {
        let (repository, remote) = (repository(), TempRepository::bare());
        repository.add_remote("origin", &remote);
        let access = GitRepository::open(repository.path()).unwrap().remote_access("origin", None).await;
        assert_eq!((access.read, access.push), (Access::Allowed, Access::Allowed));
        assert_eq!(remote.find_ref(NOWHERE), None, "nothing was pushed");
        assert_eq!(repository.find_ref(NOWHERE), None);
    }

    #[tokio::test]
    async fn a_remote_that_is_not_there_is_no_success() {
        let repository = repository();
        let opened = GitRepository::open(repository.path()).unwrap();
        for nowhere in ["no-such-remote", "/no/such/folder"] {
            let access = opened.remote_access(nowhere, None).await;
            assert!(
                matches!(&access.read, Access::Refused(why) | Access::Unknown(why) if !why.is_empty()),
                "{access:?}"
            );
            assert!(matches!(access.push, Access::Unknown(_)));
        }
        assert!(matches!(opened.remote_access("--upload-pack=x", None).await.read, Access::Refused(_)));
    }

    #[tokio::test]
    async fn without_a_commit_a_push_is_unknown() {
        let (repository, remote) = (TempRepository::new(), TempRepository::bare());
        repository.add_remote("origin", &remote);
        let access = GitRepository::open(repository.path()).unwrap().remote_access("origin", None).await;
        assert_eq!(access.read, Access::Allowed);
        assert!(matches!(access.push, Access::Unknown(_)), "{access:?}");
    }
}
