//! What an event may ask for.

use runbook_core::{Action, Actor, CommitId, Digest, EnvironmentId, ServiceId};
use serde::Serialize;

/// What an event asks for. A face makes a request of it; who asks, and from where, it may know better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wish {
    /// The action.
    pub action: Action,
    /// For one service only.
    pub component: Option<ServiceId>,
    /// The version, as it was written; it is not known whether there is such a one.
    pub version: Option<String>,
    /// The environment that was named.
    pub environment: Option<EnvironmentId>,
    /// Whether to do what the gate would keep from happening.
    pub force: bool,
    /// Why: somebody's words, or what happened; one line of at most 500 characters.
    pub reason: Option<String>,
    /// The digest that the plan must have.
    pub expect: Option<Digest>,
    /// What whoever asks calls the request: a repeat is not carried out again.
    pub request_id: Option<String>,
    /// The branch that it is about.
    pub branch: Option<String>,
    /// The commit that it is about.
    pub commit: Option<CommitId>,
    /// Who asks, where the payload knows it better than the job: whoever wrote a comment.
    pub actor: Option<Actor>,
}

impl Wish {
    /// Nothing but an action.
    pub(crate) fn plain(action: Action) -> Self {
        Self {
            action,
            component: None,
            version: None,
            environment: None,
            force: false,
            reason: None,
            expect: None,
            request_id: None,
            branch: None,
            commit: None,
            actor: None,
        }
    }
}

/// Why something is refused: asked wrongly, or by somebody who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// It cannot be understood, or does not fit together.
    Usage,
    /// Whoever asks may not ask for it.
    NotPermitted,
}

/// What is refused, in words that say what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Of which kind.
    pub kind: RefusalKind,
    /// Why.
    pub why: String,
}

impl Refusal {
    pub(crate) fn usage(why: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Usage, why: why.into() }
    }

    pub(crate) fn not_permitted(why: impl Into<String>) -> Self {
        Self { kind: RefusalKind::NotPermitted, why: why.into() }
    }
}

/// What comes of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// This.
    Do(Box<Wish>),
    /// Nothing, and why: an ordinary end, such as a push to another branch.
    Nothing(String),
    /// It is refused.
    Refused(Refusal),
}

impl Asked {
    pub(crate) fn wish(wish: Wish) -> Self {
        Self::Do(Box::new(wish))
    }

    pub(crate) fn nothing(why: impl Into<String>) -> Self {
        Self::Nothing(why.into())
    }
}

impl From<Result<Wish, Refusal>> for Asked {
    fn from(asked: Result<Wish, Refusal>) -> Self {
        match asked {
            Ok(wish) => Self::wish(wish),
            Err(refusal) => Self::Refused(refusal),
        }
    }
}
