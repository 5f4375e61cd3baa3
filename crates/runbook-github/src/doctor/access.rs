//! Who is let in, and what they may do. A classic token names its scopes, an App its permissions; the others are only
//! known by trying, and nothing but reading is tried.

use runbook_core::{Finding, FindingLevel};
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::{
    Need, Permission,
    judge::{self, TOKEN, WHY_TOKEN, need_id, without},
    wire::Repository,
};
use crate::{
    api::{Allowed, Failure, Heard},
    connection::Connection,
};

/// What is known of the token.
#[derive(Debug)]
pub(super) enum Token {
    /// An installation token of an App, with its permissions.
    App(Allowed),
    /// A classic personal token, with its scopes.
    Scopes(Vec<String>),
    /// The token of a job, or a fine-grained one: GitHub does not say what it may do.
    Untold,
    /// The permissions could not be asked.
    NotAsked(Failure),
}

impl Token {
    pub(super) async fn of(connection: &Connection, heard: Option<&Heard>, until: Instant) -> Self {
        match connection.api.allowed(until).await {
            Ok(Allowed::Untold) => match heard.and_then(|heard| heard.scopes.as_deref()) {
                Some(scopes) => Self::Scopes(
                    scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
                ),
                None => Self::Untold,
            },
            Ok(told) => Self::App(told),
            Err(failure) => Self::NotAsked(failure),
        }
    }

    pub(super) fn finding(&self, connection: &Connection) -> Finding {
        let repository = &connection.repository;
        match self {
            Self::App(_) => Finding::ok(TOKEN, format!("the GitHub App is let in to {repository}")),
            Self::Scopes(scopes) if scopes.is_empty() => Finding::problem(
                TOKEN,
                "the token has no scope at all, so it may only look at what is public",
                WHY_TOKEN,
                "gh auth refresh --scopes repo",
            ),
            Self::Scopes(scopes) => Finding::ok(
                TOKEN,
                format!("the token is let in to {repository}, with the scopes {}", scopes.join(", ")),
            ),
            Self::Untold => Finding::ok(TOKEN, format!("the token is let in to {repository}")),
            Self::NotAsked(failure) => {
                Finding::unknown(TOKEN, judge::words(connection, failure), WHY_TOKEN, "runbook doctor, once more")
            }
        }
    }
}

/// What the repository itself forbids.
pub(super) fn of_repository(connection: &Connection, repository: &Repository, needs: &[Need]) -> Vec<Finding> {
    let id = "github.repository";
    let named = &connection.repository;
    let full_name = &repository.full_name;
    let mut findings = Vec::new();
    if repository.archived {
        findings.push(Finding::problem(
            id,
            format!("{named} is archived"),
            "nothing in it can be changed, neither issues nor refs",
            format!("gh repo unarchive {full_name}"),
        ));
    }
    if !full_name.eq_ignore_ascii_case(&named.to_string()) {
        findings.push(Finding::warning(
            id,
            format!("{named} is called {full_name} now"),
            "GitHub redirects what reads, and refuses what changes",
            format!("set `repository = \"{full_name}\"` in [project]"),
        ));
    }
    let wants_issues = needs.iter().any(|need| need.permission == Permission::Issues);
    if wants_issues && repository.has_issues == Some(false) {
        findings.push(Finding::problem(
            "github.issues",
            format!("issues are disabled in {named}"),
            "the status issue has no place",
            format!("gh repo edit {full_name} --enable-issues (or set `enabled = false` in [status_issue])"),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(id, format!("{named} is there and can be changed")));
    }
    findings
}

/// Whether the token is allowed what is needed.
pub(super) async fn permission(
    connection: &Connection,
    repository: &Repository,
    token: &Token,
    need: &Need,
    until: Instant,
) -> Finding {
    match token {
        Token::App(Allowed::Permissions(permissions)) => {
            let has = permissions.get(need.permission.name()).map(String::as_str);
            let enough = matches!((need.write, has), (_, Some("write" | "admin")) | (false, Some("read")));
            if enough {
                return Finding::ok(need_id(need), format!("the App may {}", wanted(need)));
            }
            Finding::problem(
                need_id(need),
                format!("the App may not {}: it was given {}", wanted(need), has.unwrap_or("nothing")),
                without(need),
                "change the permissions on the App's settings page, then accept them where it is installed",
            )
        }
        Token::Scopes(scopes) => of_scopes(repository, scopes, need),
        Token::App(Allowed::Untold) | Token::Untold => tried(connection, repository, need, until).await,
        Token::NotAsked(_) => Finding::unknown(
            need_id(need),
            "the App's permissions could not be asked",
            without(need),
            "mend github.token",
        ),
    }
}

/// `write issues`, for a sentence.
fn wanted(need: &Need) -> String {
    let verb = if need.write { "write" } else { "read" };
    format!("{verb} {}", need.permission.name().replace('_', " "))
}

/// A scope opens what the person behind the token may do. Pure.
fn of_scopes(repository: &Repository, scopes: &[String], need: &Need) -> Finding {
    let enough = if repository.private { &["repo"][..] } else { &["repo", "public_repo"][..] };
    // These open a part of `repo` each.
    let part = match need.permission {
        Permission::Deployments => "repo_deployment",
        Permission::Statuses => "repo:status",
        _ => "repo",
    };
    let has_scope = scopes.iter().any(|scope| enough.contains(&scope.as_str()) || scope == part);
    let is_public_look = !need.write && !repository.private;
    if !has_scope && !is_public_look {
        return Finding::problem(
            need_id(need),
            format!("the token may not {}: the scope {} is missing", wanted(need), enough[enough.len() - 1]),
            without(need),
            format!("gh auth refresh --scopes {}", enough[enough.len() - 1]),
        );
    }
    let role = repository.permissions;
    // Labels, and issues of others, take the role of triage; everything else that changes takes that of writing.
    let may = role.map(|role| role.push || (need.permission == Permission::Issues && role.triage));
    match (need.write, may) {
        (false, _) | (true, Some(true)) => Finding::ok(need_id(need), format!("the token may {}", wanted(need))),
        (true, Some(false)) => Finding::problem(
            need_id(need),
            format!("the token may not {}: whoever it belongs to may only read there", wanted(need)),
            without(need),
            format!("ask an admin of {} for the role `write`", repository.full_name),
        ),
        (true, None) => Finding::unknown(
            need_id(need),
            format!("GitHub did not say whether whoever the token belongs to may {}", wanted(need)),
            without(need),
            format!("look at the collaborators of {}", repository.full_name),
        ),
    }
}

/// Reads one thing that needs the permission: all that can be tried without changing anything.
async fn tried(connection: &Connection, repository: &Repository, need: &Need, until: Instant) -> Finding {
    let path = connection.repository.path();
    let branch = path_word(&repository.default_branch);
    let path = match need.permission {
        Permission::Actions => format!("{path}/actions/workflows?per_page=1"),
        Permission::Checks => format!("{path}/commits/{branch}/check-runs?per_page=1"),
        Permission::Contents => format!("{path}/git/ref/heads/{branch}"),
        Permission::Deployments => format!("{path}/deployments?per_page=1"),
        Permission::Issues => format!("{path}/issues?per_page=1"),
        Permission::PullRequests => format!("{path}/pulls?per_page=1"),
        Permission::Statuses => format!("{path}/commits/{branch}/status?per_page=1"),
    };
    let level = if need.write { "write" } else { "read" };
    let grant = format!(
        "permissions: {{ {}: {level} }} in the job, or the same in the token's settings",
        need.permission.key()
    );
    match connection.api.look::<IgnoredAny>(&path, until).await.1 {
        Ok(_) if !need.write => Finding::ok(need_id(need), format!("the token may {}", wanted(need))),
        Ok(_) => Finding::unknown(
            need_id(need),
            format!("the token may read; whether it may {}, GitHub says only to whoever does it", wanted(need)),
            without(need),
            format!("make sure of {grant}"),
        ),
        // A branch without a commit, or a list that is hidden from whoever may not read it.
        Err(Failure::Refused { status: 403 | 404, message }) => Finding::problem(
            need_id(need),
            format!("the token may not even read there (GitHub said: {message})"),
            without(need),
            grant,
        ),
        Err(failure) if failure.is_gone() => {
            Finding::new(FindingLevel::Problem, need_id(need), judge::words(connection, &failure), without(need), grant)
        }
        Err(failure) => Finding::unknown(
            need_id(need),
            judge::words(connection, &failure),
            without(need),
            "runbook doctor, once more",
        ),
    }
}

/// A branch's name inside a path (RFC 3986, section 3.3); `/` stays, as GitHub has it.
fn path_word(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::wire::Role;

    fn level(scopes: &[&str], private: bool, role: Option<(bool, bool)>, permission: Permission) -> FindingLevel {
        let repository = Repository {
            full_name: "octo/forge".to_owned(),
            private,
            has_issues: Some(true),
            archived: false,
            default_branch: "main".to_owned(),
            permissions: role.map(|(push, triage)| Role { push, triage }),
        };
        let need = Need { permission, write: true, without: "nothing works".to_owned() };
        of_scopes(&repository, &scopes.iter().map(|&scope| scope.to_owned()).collect::<Vec<_>>(), &need).level
    }

    #[test]
    fn a_scope_and_a_role_open_a_repository_together() {
        let writer = Some((true, true));
        assert_eq!(level(&["repo"], true, writer, Permission::Issues), FindingLevel::Ok);
        assert_eq!(level(&["public_repo"], false, writer, Permission::Issues), FindingLevel::Ok);
        assert_eq!(level(&["public_repo"], true, writer, Permission::Issues), FindingLevel::Problem);
        assert_eq!(level(&["gist"], false, writer, Permission::Issues), FindingLevel::Problem);
        assert_eq!(level(&["repo"], true, Some((false, false)), Permission::Issues), FindingLevel::Problem);
        assert_eq!(level(&["repo"], true, Some((false, true)), Permission::Issues), FindingLevel::Ok);
        assert_eq!(level(&["repo"], true, Some((false, true)), Permission::Deployments), FindingLevel::Problem);
        assert_eq!(level(&["repo_deployment"], true, writer, Permission::Deployments), FindingLevel::Ok);
        assert_eq!(level(&["repo"], true, None, Permission::Issues), FindingLevel::Unknown);
    }

    #[test]
    fn a_branch_cannot_leave_its_place_in_a_path() {
        assert_eq!(path_word("release/1.0?x#y z"), "release/1.0%3Fx%23y%20z");
    }
}
