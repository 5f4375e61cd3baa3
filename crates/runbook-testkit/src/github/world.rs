//! The whole state, and the way of a request through it: let in, counted, routed, dressed with headers.
//!
//! Everything here is synchronous and runs under one lock, so each request is answered from one consistent state.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, ToSpan};
use runbook_core::{Digest, ports::Clock};

use super::{
    answer::Answer,
    app::{self, App},
    call::Call,
    exchange::Exchanges,
    fault::{FaultKind, Faults},
    grant::Grant,
    model::{
        CheckRun, Comment, CommitStatus, Deployment, Dispatch, Issue, Label, PullRequest, Slot, Workflow, WorkflowRun,
    },
    record::Log,
    routes,
};

/// What GitHub gives a user's token per hour.
const RATE_LIMIT: u32 = 5_000;

/// Everything that the fake knows.
#[derive(Debug)]
pub(super) struct World {
    /// The server's own address, which every link in an answer starts with.
    pub(super) base: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tokens: BTreeMap<String, Grant>,
    pub(super) apps: Vec<App>,
    pub(super) repositories: Vec<Repository>,
    pub(super) faults: Faults,
    pub(super) log: Log,
    /// Where exchanges are written down.
    pub(super) exchanges: Option<Exchanges>,
    pub(super) rate_used: u32,
    pub(super) rate_reset: Timestamp,
    next_id: u64,
}

/// One repository.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) private: bool,
    pub(super) has_issues: bool,
    pub(super) default_branch: String,
    pub(super) created_at: Timestamp,
    pub(super) issues: BTreeMap<u64, Slot>,
    pub(super) comments: Vec<Comment>,
    pub(super) labels: Vec<Label>,
    /// Each commit's parents.
    pub(super) commits: BTreeMap<String, Vec<String>>,
    /// Each ref's commit, by its full name.
    pub(super) refs: BTreeMap<String, String>,
    pub(super) check_runs: Vec<CheckRun>,
    pub(super) statuses: Vec<CommitStatus>,
    pub(super) deployments: Vec<Deployment>,
    /// What makes some of the issues pull requests, by their numbers.
    pub(super) pulls: BTreeMap<u64, PullRequest>,
    pub(super) workflows: Vec<Workflow>,
    /// Each attempt of each run.
    pub(super) runs: Vec<WorkflowRun>,
    pub(super) dispatches: Vec<Dispatch>,
    /// Each login's permission: `admin`, `maintain`, `write`, `triage`, `read`, `none`.
    pub(super) collaborators: BTreeMap<String, String>,
}

/// What a request brings besides method, path and body.
#[derive(Debug, Default)]
pub(super) struct Visitor {
    pub(super) user_agent: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) if_none_match: Option<String>,
}

impl World {
    pub(super) fn new(base: String, clock: Arc<dyn Clock>) -> Self {
        let rate_reset = in_an_hour(clock.now());
        Self {
            base,
            clock,
            tokens: BTreeMap::new(),
            apps: Vec::new(),
            repositories: Vec::new(),
            faults: Faults::default(),
            log: Log::default(),
            exchanges: None,
            rate_used: 0,
            rate_reset,
            next_id: 1_000,
        }
    }

    /// How many requests an hour has.
    pub(super) fn rate_limit() -> u32 {
        RATE_LIMIT
    }

    /// An id that nothing else has.
    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Now, in whole seconds, as GitHub writes its times.
    pub(super) fn now(&self) -> Timestamp {
        whole_seconds(self.clock.now())
    }

    pub(super) fn add_repository(&mut self, owner: &str, name: &str) -> &mut Repository {
        let (id, created_at) = (self.next_id(), self.now());
        let first = commit_id(&format!("{owner}/{name}"), 0);
        self.repositories.push(Repository {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: false,
            has_issues: true,
            default_branch: "main".to_owned(),
            created_at,
            issues: BTreeMap::new(),
            comments: Vec::new(),
            labels: Vec::new(),
            commits: BTreeMap::from([(first.clone(), Vec::new())]),
            refs: BTreeMap::from([("refs/heads/main".to_owned(), first)]),
            check_runs: Vec::new(),
            statuses: Vec::new(),
            deployments: Vec::new(),
            pulls: BTreeMap::new(),
            workflows: Vec::new(),
            runs: Vec::new(),
            dispatches: Vec::new(),
            collaborators: BTreeMap::from([(owner.to_owned(), "admin".to_owned())]),
        });
        let at = self.repositories.len() - 1;
        &mut self.repositories[at]
    }

    /// The place of a repository among all; GitHub does not mind the case of its name.
    pub(super) fn find(&self, owner: &str, name: &str) -> Option<usize> {
        self.repositories.iter().position(|repository| {
            repository.owner.eq_ignore_ascii_case(owner) && repository.name.eq_ignore_ascii_case(name)
        })
    }

    /// Answers one request from the state, changing it as asked.
    pub(super) fn answer(&mut self, call: Call, visitor: &Visitor) -> Answer {
        if visitor.user_agent.as_deref().is_none_or(str::is_empty) {
            return Answer::no_user_agent();
        }
        if let Some(page) = routes::page(self, &call) {
            return page;
        }
        if let Some(answer) = app::answer(self, &call, visitor.authorization.as_deref()) {
            return self.with_rate(answer, self.rate_used);
        }
        let now = self.now();
        if now >= self.rate_reset {
            (self.rate_used, self.rate_reset) = (0, in_an_hour(now));
        }
        let answer = match self.grant(visitor.authorization.as_deref()) {
            Err(refused) => refused,
            Ok(_) if self.rate_used >= RATE_LIMIT => return self.exhausted(),
            Ok(grant) => {
                let reads = call.method == "GET";
                let answer = routes::route(self, &grant, call).unwrap_or_else(|refused| refused);
                if reads { not_modified(answer, visitor) } else { answer }
            }
        };
        // An answer that says "as before" costs nothing: https://docs.github.com/rest/using-the-rest-api/best-practices
        if answer.status != 304 {
            self.rate_used += 1;
        }
        self.with_rate(answer, self.rate_used)
    }

    /// The answer that a fault stands for, where it is one. Changes nothing.
    pub(super) fn fault(&self, kind: &FaultKind) -> Answer {
        match kind {
            FaultKind::RateLimitedPrimary => self.exhausted(),
            FaultKind::RateLimitedSecondary { retry_after } => {
                let refused = Answer::refusal(
                    403,
                    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                );
                let refused = self.with_rate(refused, self.rate_used);
                match retry_after {
                    Some(wait) => refused.with("retry-after", wait.as_secs().to_string()),
                    None => refused,
                }
            }
            FaultKind::Html { code } => Answer::html(*code),
            FaultKind::Status { code, headers, body } => {
                Answer { status: *code, headers: headers.clone(), body: body.clone().into_bytes() }
            }
            FaultKind::LostResponse
            | FaultKind::LostRequest
            | FaultKind::Delay(_)
            | FaultKind::Hang
            | FaultKind::Truncated => Answer::not_found(),
        }
    }

    /// The refusal of a token whose hour is used up.
    fn exhausted(&self) -> Answer {
        self.with_rate(Answer::refusal(403, "API rate limit exceeded for installation ID 1."), RATE_LIMIT)
    }

    fn grant(&self, authorization: Option<&str>) -> Result<Grant, Answer> {
        let header = authorization.ok_or_else(Answer::requires_authentication)?;
        let (scheme, token) = header.split_once(' ').unwrap_or(("", header));
        let known = self.tokens.get(token.trim());
        match known {
            Some(grant) if ["bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str()) => Ok(grant.clone()),
            _ => Err(Answer::bad_credentials()),
        }
    }

    fn with_rate(&self, answer: Answer, used: u32) -> Answer {
        answer
            .with("x-ratelimit-limit", RATE_LIMIT.to_string())
            .with("x-ratelimit-remaining", RATE_LIMIT.saturating_sub(used).to_string())
            .with("x-ratelimit-used", used.to_string())
            .with("x-ratelimit-reset", self.rate_reset.as_second().to_string())
            .with("x-ratelimit-resource", "core")
            .with("x-github-media-type", "github.v3; format=json")
            .with("x-github-api-version-selected", "2022-11-28")
    }
}

impl Repository {
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Every issue that is still here, by rising number.
    pub(super) fn issues_here(&self) -> impl Iterator<Item = &Issue> {
        self.issues.values().filter_map(|slot| match slot {
            Slot::Here(issue) => Some(issue.as_ref()),
            Slot::Deleted | Slot::Moved { .. } => None,
        })
    }

    pub(super) fn issue_mut(&mut self, number: u64) -> Option<&mut Issue> {
        match self.issues.get_mut(&number) {
            Some(Slot::Here(issue)) => Some(issue),
            _ => None,
        }
    }

    pub(super) fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.to_lowercase() == name.to_lowercase())
    }

    /// Whether a login may write to the repository.
    pub(super) fn may_write(&self, login: &str) -> bool {
        self.collaborators
            .get(login)
            .is_some_and(|permission| ["write", "maintain", "admin"].contains(&permission.as_str()))
    }

    /// The commit that a branch, a tag, a full ref or a commit id names.
    pub(super) fn resolve(&self, name: &str) -> Option<String> {
        let named =
            [name.to_owned(), format!("refs/heads/{name}"), format!("refs/tags/{name}"), format!("refs/{name}")];
        named
            .iter()
            .find_map(|name| self.refs.get(name))
            .cloned()
            .or_else(|| self.commits.contains_key(name).then(|| name.to_owned()))
    }

    /// Whether `old` is `new` or one of its ancestors.
    pub(super) fn is_ancestor(&self, old: &str, new: &str) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![new]);
        while let Some(commit) = open.pop() {
            if commit == old {
                return true;
            }
            if seen.insert(commit) {
                open.extend(self.commits.get(commit).into_iter().flatten().map(String::as_str));
            }
        }
        false
    }
}

/// A commit id that nothing else has: forty hex digits of a digest.
pub(super) fn commit_id(repository: &str, n: usize) -> String {
    Digest::of(format!("{repository} {n}").as_bytes()).to_string()[..40].to_owned()
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn in_an_hour(now: Timestamp) -> Timestamp {
    whole_seconds(now.saturating_add(1.hour()).unwrap_or(now))
}

/// Gives a successful read an ETag, and answers 304 to whoever has it already.
fn not_modified(answer: Answer, visitor: &Visitor) -> Answer {
    if answer.status != 200 {
        return answer;
    }
    let etag = format!("W/\"{}\"", Digest::of(&answer.body));
    let wanted = visitor.if_none_match.as_deref().unwrap_or_default();
    // Weak comparison (RFC 9110, section 8.8.3.2): the mark `W/` does not count.
    let same = wanted.split(',').any(|one| one.trim().trim_start_matches("W/") == etag.trim_start_matches("W/"));
    if same || wanted.trim() == "*" {
        return Answer { status: 304, headers: Vec::new(), body: Vec::new() }.with("etag", etag);
    }
    answer.with("etag", etag).with("cache-control", "private, max-age=60, s-maxage=60")
}
