//! The things that the fake keeps. Tests read them as snapshots; [`shape`](super::shape) turns them into GitHub's JSON.

use jiff::Timestamp;
use serde_json::Value;

/// An issue, or a pull request in an issue list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its id, unique over all repositories.
    pub id: u64,
    /// Its number in the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its body; `None` when none was given.
    pub body: Option<String>,
    /// Whether it is open.
    pub open: bool,
    /// Why it is in its state: `completed`, `not_planned`, `duplicate`, `reopened`.
    pub state_reason: Option<String>,
    /// Its labels' names, in the order in which they were put on.
    pub labels: Vec<String>,
    /// The login of who made it.
    pub author: String,
    /// Whether its conversation is locked.
    pub locked: bool,
    /// Whether it is a pull request.
    pub pull_request: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed or commented on.
    pub updated_at: Timestamp,
    /// When it was closed, where it is.
    pub closed_at: Option<Timestamp>,
    /// By whom.
    pub closed_by: Option<String>,
}

/// What stands under an issue number.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Here(Box<Issue>),
    Deleted,
    Moved { repository: u64, number: u64 },
}

/// A comment on an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// The number of its issue.
    pub issue: u64,
    /// What it says.
    pub body: String,
    /// The login of who wrote it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// The reactions to it.
    pub reactions: Vec<Reaction>,
}

/// A reaction to a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Its id.
    pub id: u64,
    /// Whose.
    pub author: String,
    /// `+1`, `-1`, `laugh`, `confused`, `heart`, `hooray`, `rocket` or `eyes`.
    pub content: String,
    /// When.
    pub created_at: Timestamp,
}

/// A label of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its id.
    pub id: u64,
    /// Its name; GitHub compares it without regard to case.
    pub name: String,
    /// Six hex digits.
    pub color: String,
    /// What it is for.
    pub description: Option<String>,
}

/// A check run of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// The check's name.
    pub name: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// `success`, `failure`, `neutral`, …; `None` until it is completed.
    pub conclusion: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// What it is about; the newest of a context counts.
    pub context: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    /// When it was set.
    pub created_at: Timestamp,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// The branch, tag or commit as it was asked for.
    pub git_ref: String,
    /// The task, such as `deploy`.
    pub task: String,
    /// Where to.
    pub environment: String,
    /// A short description.
    pub description: Option<String>,
    /// Whatever its maker wanted to keep.
    pub payload: Value,
    /// The login of who made it.
    pub creator: String,
    /// Whether the environment goes away again.
    pub transient: bool,
    /// Whether people use the environment.
    pub production: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its statuses, oldest first.
    pub statuses: Vec<DeploymentStatus>,
}

/// A status of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// Its id.
    pub id: u64,
    /// `error`, `failure`, `inactive`, `in_progress`, `queued`, `pending` or `success`.
    pub state: String,
    /// A short description; at most 140 characters.
    pub description: String,
    /// Where the log is.
    pub log_url: String,
    /// Where the environment is.
    pub environment_url: String,
    /// The login of who set it.
    pub creator: String,
    /// When.
    pub created_at: Timestamp,
}

/// What makes an issue a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its id as a pull request.
    pub id: u64,
    /// Its number, which is that of its issue: title, body and state stand there.
    pub number: u64,
    /// The branch that it brings, of this repository.
    pub head: String,
    /// That branch's commit.
    pub head_sha: String,
    /// The branch that it is for.
    pub base: String,
    /// That branch's commit.
    pub base_sha: String,
    /// Whether it is a draft.
    pub draft: bool,
}

/// A workflow of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Its id.
    pub id: u64,
    /// Its file's name, under `.github/workflows/`.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Whether it is enabled; GitHub disables schedules in repositories where nothing moves for 60 days.
    pub enabled: bool,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// Its id.
    pub id: u64,
    /// The workflow's id.
    pub workflow: u64,
    /// The attempt; the first is 1.
    pub attempt: u32,
    /// The branch that it runs on.
    pub branch: String,
    /// The commit that it runs on.
    pub sha: String,
    /// What triggered it.
    pub event: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// `success`, `failure`, `cancelled`, …; `None` until it is completed.
    pub conclusion: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
}

/// An accepted dispatch. Nothing runs; it is only remembered.
#[derive(Debug, Clone, PartialEq)]
pub enum Dispatch {
    /// `workflow_dispatch`.
    Workflow {
        /// The workflow's file name.
        workflow: String,
        /// The branch or tag to run on.
        git_ref: String,
        /// The inputs.
        inputs: Value,
    },
    /// `repository_dispatch`.
    Repository {
        /// The event's type.
        event_type: String,
        /// The payload.
        payload: Value,
    },
}

impl Issue {
    pub(super) fn close(&mut self, reason: String, by: String, at: Timestamp) {
        self.open = false;
        self.state_reason = Some(reason);
        self.closed_at = Some(at);
        self.closed_by = Some(by);
    }

    pub(super) fn reopen(&mut self) {
        self.open = true;
        self.state_reason = Some("reopened".to_owned());
        self.closed_at = None;
        self.closed_by = None;
    }
}
