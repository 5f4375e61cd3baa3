//! The repository itself, and who may do what in it: <https://docs.github.com/rest/repos/repos>,
//! <https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user>.

use serde_json::json;

use super::desk::Desk;
use crate::github::{
    answer::{Answer, Reply},
    shape,
};

pub(super) fn get(desk: &Desk<'_>) -> Reply {
    Answer::ok(&desk.shape().whole_repository())
}

/// A login that was never given a permission is no user here; in a public repository everybody else may read.
pub(super) fn permission(desk: &Desk<'_>, login: &str) -> Reply {
    let granted = desk
        .repository()
        .collaborators
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(login))
        .ok_or_else(|| Answer::refusal(404, format!("{login} is not a user")))?;
    // The coarse word knows neither maintain nor triage; they show in `role_name`.
    let coarse = match granted.1.as_str() {
        "maintain" => "write",
        "triage" => "read",
        other => other,
    };
    let mut user = shape::user(&desk.world.base, granted.0);
    let may = |words: &[&str]| words.contains(&granted.1.as_str());
    user["permissions"] = json!({
        "admin": may(&["admin"]),
        "maintain": may(&["admin", "maintain"]),
        "push": may(&["admin", "maintain", "write"]),
        "triage": may(&["admin", "maintain", "write", "triage"]),
        "pull": may(&["admin", "maintain", "write", "triage", "read"]),
    });
    user["role_name"] = granted.1.as_str().into();
    Answer::ok(&json!({ "permission": coarse, "role_name": granted.1, "user": user }))
}
