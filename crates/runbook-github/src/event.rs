//! The event that started a job, and what it asks for. Pure, but for the file that it is read from.
//!
//! `payload` holds the few fields of GitHub's payloads that are read, `rules` what each event asks for, `inputs` the inputs
//! of a dispatch, and `wish` what may come out. Text in a payload is data: it is bounded, checked, and never becomes a
//! command. Source: <https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows> and
//! <https://docs.github.com/webhooks/webhook-events-and-payloads>.

mod inputs;
pub(crate) mod payload;
mod rules;
mod text;
mod wish;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use runbook_core::{EnvironmentId, registry::Lookup};
use serde::{Deserialize, de::DeserializeOwned};

use payload::Payload;
pub(crate) use text::{MAX_REASON, bounded, is_steering};
pub use wish::{Asked, Refusal, RefusalKind, Wish};

use crate::issue_command::CommentRef;

/// The longest payload that is read, in bytes: GitHub's own limit.
pub const MAX_PAYLOAD: u64 = 25 * 1024 * 1024;

/// An event that cannot be understood. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The file cannot be read.
    #[error("failed to read the event's payload at {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is longer than any payload.
    #[error("the event's payload is longer than {} bytes, which is the most that GitHub sends", MAX_PAYLOAD)]
    TooLong,
    /// It is no JSON, or not that event's.
    #[error("the payload of the event {event} is not as GitHub documents it")]
    Payload {
        /// The event's name.
        event: String,
        /// What is wrong, and where.
        #[source]
        source: serde_json::Error,
    },
}

/// What is known beside the payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventContext {
    /// The repository that is looked after, `owner/name`. An event of another one, such as a fork, asks for nothing.
    pub repository: Option<String>,
    /// Its default branch, where the payload does not tell.
    pub default_branch: Option<String>,
    /// The file of the workflow that runs, such as `ai-agent-handoff-runbook.yml`: its own end is no event for it.
    pub workflow_file: Option<String>,
    /// The name of that workflow.
    pub workflow_name: Option<String>,
    /// The workflows whose end counts, by name or file: `[workflow] after`. With none, no end counts.
    pub workflows: Vec<String>,
    /// The environments of the configuration. A deployment to one of them is told of in that one.
    pub environments: Vec<EnvironmentId>,
    /// The logins whose deployments are Runbook's own.
    pub own_logins: Vec<String>,
    /// The accounts of apps that may command by a comment.
    pub apps: Vec<String>,
}

impl EventContext {
    /// What the variables of a job tell: `GITHUB_REPOSITORY`, `GITHUB_WORKFLOW` and `GITHUB_WORKFLOW_REF`.
    pub fn from(variables: &Lookup) -> Self {
        // octo/forge/.github/workflows/runbook.yml@refs/heads/main
        let file = variables.get("GITHUB_WORKFLOW_REF").map(|place| text::file_of(&place).to_owned());
        Self {
            repository: variables.get("GITHUB_REPOSITORY"),
            workflow_file: file,
            workflow_name: variables.get("GITHUB_WORKFLOW"),
            ..Self::default()
        }
    }
}

/// An event, read.
#[derive(Debug, Clone)]
pub struct Event {
    name: String,
    payload: Payload,
}

impl Event {
    /// Reads the payload of an event of this name (`GITHUB_EVENT_NAME`).
    ///
    /// An event that nobody here knows is read too, whatever its payload holds; it will be refused.
    ///
    /// # Errors
    /// [`EventError::TooLong`] and [`EventError::Payload`].
    pub fn read(name: &str, payload: &[u8]) -> Result<Self, EventError> {
        if u64::try_from(payload.len()).unwrap_or(u64::MAX) > MAX_PAYLOAD {
            return Err(EventError::TooLong);
        }
        let payload = match name {
            "schedule" => Payload::Schedule(parse(name, payload)?),
            "push" => Payload::Push(parse(name, payload)?),
            "workflow_dispatch" => Payload::Dispatch(parse(name, payload)?),
            "workflow_run" => Payload::WorkflowRun(Box::new(parse(name, payload)?)),
            "deployment" | "deployment_status" => Payload::Deployment(Box::new(parse(name, payload)?)),
            "issue_comment" => Payload::Comment(Box::new(parse(name, payload)?)),
            "repository_dispatch" => Payload::RepositoryDispatch(parse(name, payload)?),
            _ => Payload::Other,
        };
        Ok(Self { name: bounded(name, 100), payload })
    }

    /// Reads the payload from a file (`GITHUB_EVENT_PATH`).
    ///
    /// # Errors
    /// [`EventError`].
    pub fn open(name: &str, path: &Path) -> Result<Self, EventError> {
        let failed = |source| EventError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // A pipe would be waited for without an end.
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("it is no file")));
        }
        let mut payload = Vec::new();
        file.take(MAX_PAYLOAD + 1).read_to_end(&mut payload).map_err(failed)?;
        Self::read(name, &payload)
    }

    /// The event's name, such as `push`; what the run is said to be triggered by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the event asks for. Pure: the same event in the same context asks for the same.
    pub fn asks(&self, context: &EventContext) -> Asked {
        rules::asks(&self.name, &self.payload, context)
    }

    /// The environment that the event names; it must be known before the configuration can be read.
    pub fn environment(&self, context: &EventContext) -> Option<EnvironmentId> {
        rules::environment(&self.payload, context)
    }

    /// The comment that is answered: a command that was written on a status issue, understood or not.
    pub fn comment(&self) -> Option<CommentRef> {
        match &self.payload {
            Payload::Comment(payload) => CommentRef::of(payload),
            _ => None,
        }
    }
}

/// Reads the payload of an event and says what it asks for.
///
/// ```
/// use runbook_core::Action;
/// use runbook_github::event::{Asked, EventContext, parse_event};
///
/// let payload = br#"{"inputs": {"action": "rollback", "rollback_version": "v1.2.3"}}"#;
/// let Asked::Do(wish) = parse_event("workflow_dispatch", payload, &EventContext::default())? else { panic!() };
/// assert_eq!((wish.action, wish.version.as_deref()), (Action::Rollback, Some("v1.2.3")));
/// # Ok::<(), runbook_github::event::EventError>(())
/// ```
///
/// # Errors
/// As [`Event::read`].
pub fn parse_event(name: &str, payload: &[u8], context: &EventContext) -> Result<Asked, EventError> {
    Ok(Event::read(name, payload)?.asks(context))
}

fn parse<T: DeserializeOwned>(name: &str, payload: &[u8]) -> Result<T, EventError> {
    serde_json::from_slice(payload).map_err(|source| EventError::Payload { event: bounded(name, 100), source })
}
