//! The few fields of GitHub's payloads that are read. Everything else is ignored, and so may change.
//! Source: <https://docs.github.com/webhooks/webhook-events-and-payloads>.

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// The payload of one event.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    Schedule(Schedule),
    Push(Push),
    Dispatch(Dispatch),
    WorkflowRun(Box<WorkflowRunPayload>),
    Deployment(Box<DeploymentPayload>),
    Comment(Box<CommentPayload>),
    RepositoryDispatch(RepositoryDispatch),
    Other,
}

/// The repository that an event is of.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Repository {
    #[serde(default)]
    pub(crate) full_name: String,
    #[serde(default)]
    pub(crate) default_branch: Option<String>,
}

/// Somebody's account.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Account {
    #[serde(default)]
    pub(crate) login: String,
    /// `User`, `Bot`, `Organization`.
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
}

impl Account {
    /// Whether an app stands behind it.
    pub(crate) fn is_bot(&self) -> bool {
        self.kind == "Bot" || self.login.ends_with("[bot]")
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Schedule {
    #[serde(default)]
    pub(super) schedule: Option<String>,
    pub(super) repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Push {
    #[serde(rename = "ref")]
    pub(super) git_ref: String,
    pub(super) after: String,
    #[serde(default)]
    pub(super) deleted: bool,
    pub(super) repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dispatch {
    /// `null` where the workflow has none.
    pub(super) inputs: Option<Map<String, Value>>,
    pub(super) repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RepositoryDispatch {
    /// The event type that whoever dispatched it chose.
    pub(super) action: String,
    pub(super) client_payload: Option<Map<String, Value>>,
    pub(super) repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WorkflowRunPayload {
    pub(super) action: String,
    pub(super) workflow_run: WorkflowRun,
    /// The workflow itself, whose name and path are there where those of the run are not.
    pub(super) workflow: Option<Workflow>,
    pub(super) repository: Option<Repository>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Workflow {
    pub(super) name: Option<String>,
    pub(super) path: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct WorkflowRun {
    pub(super) name: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) event: String,
    pub(super) head_branch: Option<String>,
    pub(super) head_sha: Option<String>,
    pub(super) conclusion: Option<String>,
    pub(super) head_repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DeploymentPayload {
    pub(super) deployment: Deployment,
    pub(super) deployment_status: Option<DeploymentStatus>,
    /// The run of the job that names an environment and so made the deployment.
    pub(super) workflow_run: Option<WorkflowRun>,
    pub(super) workflow: Option<Workflow>,
    pub(super) repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Deployment {
    #[serde(default)]
    pub(super) environment: String,
    #[serde(default)]
    pub(super) task: String,
    pub(super) sha: Option<String>,
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<String>,
    /// An object, or text of the one that made it.
    #[serde(default)]
    pub(super) payload: Value,
    pub(super) creator: Option<Account>,
    /// Whether the environment is gone again some time later: a preview.
    pub(super) transient_environment: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DeploymentStatus {
    #[serde(default)]
    pub(super) state: String,
    pub(super) creator: Option<Account>,
}

/// A comment on an issue or a pull request.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CommentPayload {
    pub(crate) action: String,
    pub(crate) issue: Issue,
    pub(crate) comment: Comment,
    pub(crate) repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) body: Option<String>,
    pub(crate) pull_request: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) body: Option<String>,
    /// Absent when the account is gone.
    pub(crate) user: Option<Account>,
    pub(crate) created_at: Timestamp,
    /// The app that wrote it in somebody's name.
    pub(crate) performed_via_github_app: Option<App>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct App {
    #[serde(default)]
    pub(crate) slug: String,
}
