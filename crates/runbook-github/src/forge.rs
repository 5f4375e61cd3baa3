//! [`GitHubForge`]: what a run asks of GitHub, and tells it, beside the status issue. The ports stand in `checks`,
//! `deployments` and `pull_requests`.

use std::{sync::Arc, time::Duration};

use runbook_render::Renderer;
use tokio::time::Instant;

use crate::{api::Failure, connection::Connection};

/// A run waits for GitHub no longer than this with what only tells, or with one look.
const PATIENCE: Duration = Duration::from_secs(30);
/// GitHub's largest page.
pub(crate) const PAGE: usize = 100;

/// GitHub as the home of checks, deployments and pull requests of one repository.
///
/// It looks before it makes anything, so that a repeat finds what is there; after a lost answer it looks again, and only
/// what cannot be seen there is reported as unknown. Each call of a port ends within the deadline for an update, and
/// within 30 s.
///
/// ```
/// use std::sync::Arc;
/// use runbook_core::{Secret, ports::Forge};
/// use runbook_github::{Connection, ConnectionSettings, Credentials, GitHubForge};
/// use runbook_render::Renderer;
///
/// let credentials = Credentials::Token(Secret::new("ghp_example"));
/// let github = Connection::new(ConnectionSettings::new("https://api.github.com", "octo/forge", credentials))?;
/// let forge = Forge::of(Arc::new(GitHubForge::at(&github, Arc::new(Renderer::new()?))));
/// assert!(forge.checks.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct GitHubForge {
    pub(crate) connection: Connection,
    pub(crate) renderer: Arc<Renderer>,
}

impl GitHubForge {
    /// The forge at the other end of a connection; the renderer writes the texts of pull requests. Sends nothing.
    pub fn at(connection: &Connection, renderer: Arc<Renderer>) -> Self {
        Self { connection: connection.clone(), renderer }
    }

    /// When a call of a port that begins now must have ended.
    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.connection.deadlines.upsert.min(PATIENCE)
    }

    /// A path below the repository's.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.connection.repository.path())
    }

    /// What could not be done, why, and what mends it; `permission` as a workflow's job names it.
    pub(crate) fn words(&self, doing: &str, failure: &Failure, permission: &str) -> String {
        let repository = &self.connection.repository;
        let why = match failure {
            Failure::Refused { status: 403, message } => {
                format!("the token may not; grant `{permission}` (GitHub said: {message})")
            }
            Failure::Refused { status: status @ 410, message } => format!("GitHub refused it with {status}: {message}"),
            other => other.explain(repository, &self.connection.api.site().api),
        };
        format!("failed to {doing} of {repository}: {why}")
    }
}

/// One line without control characters, of at most so many characters.
pub(crate) fn line(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() <= most {
        return line;
    }
    let mut cut: String = line.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3), for a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_are_one_line_that_fits() {
        assert_eq!(line("two\n lines\x1b[31m", 40), "two lines[31m");
        assert_eq!(line("ééééé", 5), "ééééé");
        assert_eq!(line("éééééé", 5), "éééé…");
    }

    #[test]
    fn nothing_in_a_value_ends_it() {
        assert_eq!(encoded("octo:rollback/v1+a&b=ü"), "octo%3Arollback%2Fv1%2Ba%26b%3D%C3%BC");
    }
}
