//! The round through everything that is asked.

use runbook_core::Finding;
use tokio::time::Instant;

use super::{
    Need,
    access::{self, Token},
    clock, judge, schedule,
    wire::Repository,
};
use crate::connection::Connection;

/// What is asked of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    /// What the token has to be allowed.
    pub needs: Vec<Need>,
    /// The file name of the workflow that runs on a schedule.
    pub workflow: String,
}

/// What there is to say where nobody can ask at all, and why.
pub fn unasked(questions: &Questions, why: &str) -> Vec<Finding> {
    let mend =
        "export GITHUB_TOKEN=… (in a job: env: { GITHUB_TOKEN: ${{ github.token }} }); see [github] in runbook.toml";
    let token = Finding::unknown(judge::TOKEN, why, judge::WHY_TOKEN, mend);
    [token].into_iter().chain(judge::not_asked(questions)).collect()
}

/// Looks at GitHub. It takes no longer than [`Deadlines::upsert`](crate::Deadlines) of the connection, and changes
/// nothing; a repeat asks again. What could not be asked is unknown, never ok.
pub async fn examine(connection: &Connection, questions: &Questions) -> Vec<Finding> {
    let until = Instant::now() + connection.deadlines.upsert;
    let api = &connection.api;
    let (heard, answer) = api.look::<Repository>(&connection.repository.path(), until).await;
    let mut findings = vec![clock::compare(api.date(), api.now(), api.is_app())];
    let repository = match answer {
        Ok(repository) => repository,
        Err(failure) => {
            findings.push(judge::not_let_in(connection, failure));
            findings.extend(judge::not_asked(questions));
            return findings;
        }
    };
    let token = Token::of(connection, heard.as_ref(), until).await;
    findings.push(token.finding(connection));
    findings.extend(access::of_repository(connection, &repository, &questions.needs));
    for need in &questions.needs {
        findings.push(access::permission(connection, &repository, &token, need, until).await);
    }
    findings.extend(schedule::look(connection, &questions.workflow, until).await);
    findings
}
