//! How a call fails, what that leaves behind, and which words mend it.

use std::time::Duration;

use jiff::Timestamp;

use crate::repository::Repository;

pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A call that did not bring what was asked for. No words in it hold the token.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent: the connection could not be made.
    NotSent(Cause),
    /// Nothing was sent: the time for the whole update was used up before.
    NoTime,
    /// Nothing was sent: the GitHub App got no token to send it with.
    NoToken(Box<Failure>),
    /// It was sent, and there is no answer, or only half of one.
    Lost(Cause),
    /// It was sent, and there was no answer in time.
    Late(Duration),
    /// GitHub asks to wait. It did nothing.
    Limited {
        /// When it may be asked again.
        again: Timestamp,
    },
    /// GitHub refused it (4xx, or a redirect of a change).
    Refused {
        /// The status code.
        status: u16,
        /// GitHub's words, in one line.
        message: String,
    },
    /// GitHub is in trouble (5xx).
    Trouble {
        /// The status code.
        status: u16,
    },
    /// A page for people instead of JSON: a proxy, a sign-in page, GitHub's front in trouble.
    Page {
        /// The status code.
        status: u16,
    },
    /// A success whose body cannot be read.
    Unreadable {
        /// The status code.
        status: u16,
        /// Why.
        source: serde_json::Error,
    },
}

impl Failure {
    /// Whether what was asked may have been done all the same.
    pub(crate) fn may_have_happened(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Late(_) | Self::Trouble { .. } | Self::Unreadable { .. } => true,
            Self::Page { status } => !(400..500).contains(status),
            Self::NotSent(_) | Self::NoTime | Self::NoToken(_) | Self::Limited { .. } | Self::Refused { .. } => false,
        }
    }

    /// Whether the same call may work later, without anybody mending anything.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status == 408,
            Self::Page { status } => *status >= 500,
            Self::Unreadable { .. } => false,
            Self::NoToken(failure) => failure.is_passing(),
            Self::NotSent(_) | Self::NoTime | Self::Lost(_) | Self::Late(_) => true,
            Self::Limited { .. } | Self::Trouble { .. } => true,
        }
    }

    /// Whether GitHub says that there is no such thing (any more).
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 410, .. })
    }

    /// What went wrong and what mends it. The cause is not repeated here.
    pub(crate) fn explain(&self, repository: &Repository, api: &str) -> String {
        match self {
            Self::NotSent(_) => format!("{api} could not be reached"),
            Self::NoTime => "the time for it was used up".to_owned(),
            Self::NoToken(failure) => format!("the GitHub App got no token: {}", failure.explain_app(repository, api)),
            Self::Lost(_) => format!("the connection to {api} ended before the whole answer was there"),
            Self::Late(limit) => format!("{api} did not answer within {limit:?}"),
            Self::Limited { again } => {
                format!("the rate limit of the token is used up; GitHub may be asked again from {again:.0} on")
            }
            Self::Refused { status: 401, .. } => {
                format!("GITHUB_TOKEN was not accepted by {api}; it has expired, was revoked, or belongs elsewhere")
            }
            Self::Refused { status: 403, message } => {
                format!("the token may not write issues; grant `issues: write` (GitHub said: {message})")
            }
            Self::Refused { status: 404, .. } => format!(
                "repository {repository} was not found with this token; check the name, and that the token may see it"
            ),
            Self::Refused { status: 410, .. } => {
                "issues are disabled there; enable them in its settings, or set `enabled = false` in [status_issue]"
                    .to_owned()
            }
            Self::Refused { status: 300..=399, .. } => {
                format!("repository {repository} has moved; use its new name")
            }
            Self::Refused { status, message } => format!("GitHub refused it with {status}: {message}"),
            Self::Trouble { status } => format!("{api} answered {status}"),
            Self::Page { status } => format!(
                "{api} answered {status} with a page instead of JSON; is that the address of the API, \
                 and is there a proxy in between?"
            ),
            Self::Unreadable { status, .. } => format!("{api} answered {status} with a body that is not as documented"),
        }
    }

    /// A failure on the way to the token of a GitHub App.
    pub(super) fn no_token(self) -> Self {
        match self {
            Self::NoToken(_) | Self::NoTime => self,
            other => Self::NoToken(Box::new(other)),
        }
    }

    /// What mends it where the App asked about itself.
    fn explain_app(&self, repository: &Repository, api: &str) -> String {
        match self {
            Self::Refused { status: 401, message } => format!(
                "its key was not accepted by {api}: App ID and private key must belong together, and the clock of this \
                 machine must be right (GitHub said: {message})"
            ),
            Self::Refused { status: 404, message } => format!(
                "there is no such App, or it is not installed for {repository}; install it there, and leave \
                 `installation_id` out unless you are sure of it (GitHub said: {message})"
            ),
            Self::Refused { status: 403, message } => format!("GitHub said: {message}"),
            Self::Refused { status: 422, message } => {
                format!(
                    "its installation does not reach {repository}; add the repository to it (GitHub said: {message})"
                )
            }
            other => other.explain(repository, api),
        }
    }

    /// The cause behind it, where there is one.
    pub(crate) fn into_cause(self) -> Option<Cause> {
        match self {
            Self::NotSent(cause) | Self::Lost(cause) => Some(cause),
            Self::Unreadable { source, .. } => Some(source.into()),
            Self::NoToken(failure) => failure.into_cause(),
            _ => None,
        }
    }
}
