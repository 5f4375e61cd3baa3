//! From a call that failed to a finding: what nobody could ask is unknown, what GitHub refused is a problem.

use runbook_core::Finding;

use super::{Need, Questions};
use crate::{api::Failure, connection::Connection};

/// The finding about who is let in.
pub(super) const TOKEN: &str = "github.token";
pub(super) const WHY_TOKEN: &str = "without it there is no status issue, and nothing else of GitHub";
/// The finding about the workflow that runs on a schedule.
pub(super) const SCHEDULE: &str = "schedule.enabled";
/// The finding about its runs.
pub(super) const RUNS: &str = "schedule.runs";
pub(super) const WHY_SCHEDULE: &str = "only a scheduled run measures when nobody asks";

/// What the failure is, in our words with GitHub's. Secrets are out of it already.
pub(super) fn words(connection: &Connection, failure: &Failure) -> String {
    match failure {
        Failure::Refused { status: 403, message } => format!("the token may not even look (GitHub said: {message})"),
        other => other.explain(&connection.repository, &connection.api.site().api),
    }
}

/// The first call did not work: nobody is let in, or nobody is there.
pub(super) fn not_let_in(connection: &Connection, failure: Failure) -> Finding {
    let what = words(connection, &failure);
    let mend = match &failure {
        Failure::Refused { status: 401, .. } => {
            "make a new token, and hand it over in the variable that [github] names"
        }
        Failure::Refused { status: 404, .. } => {
            "set `[project] repository`, or give the token access to the repository"
        }
        Failure::NoToken(_) => {
            "look at the App's settings page, and at `app_id_env` and `app_private_key_env` of [github]"
        }
        Failure::NotSent(_) | Failure::Late(_) | Failure::Lost(_) => {
            "look whether this machine reaches that address; where only a proxy does, HTTPS_PROXY names it"
        }
        _ => "runbook doctor, once more, a little later",
    };
    let is_passing = failure.is_passing();
    // What the connection itself has to say, such as that a proxy wants a password.
    let what = match failure.into_cause() {
        Some(cause) => format!("{what}: {}", innermost(cause.as_ref())),
        None => what,
    };
    if is_passing {
        Finding::unknown(TOKEN, what, WHY_TOKEN, mend)
    } else {
        Finding::problem(TOKEN, what, WHY_TOKEN, mend)
    }
}

/// Everything else that would have been asked.
pub(super) fn not_asked(questions: &Questions) -> Vec<Finding> {
    let (what, mend) = ("not asked: nobody was let in", "mend github.token first");
    let needs = questions.needs.iter().map(|need| Finding::unknown(need_id(need), what, without(need), mend));
    let schedule = [SCHEDULE, RUNS].map(|id| Finding::unknown(id, what, WHY_SCHEDULE, mend));
    needs.chain(schedule).collect()
}

pub(super) fn need_id(need: &Need) -> String {
    format!("permission.{}", need.permission.name())
}

pub(super) fn without(need: &Need) -> String {
    format!("without it {}", need.without)
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut link = error;
    while let Some(next) = link.source() {
        link = next;
    }
    link.to_string()
}
