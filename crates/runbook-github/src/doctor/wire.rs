//! The few fields that are read. Source: <https://docs.github.com/rest/repos/repos>,
//! <https://docs.github.com/rest/actions/workflows>, <https://docs.github.com/rest/actions/workflow-runs>.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: String,
    #[serde(default)]
    pub(super) private: bool,
    /// Absent for whoever may not know.
    pub(super) has_issues: Option<bool>,
    #[serde(default)]
    pub(super) archived: bool,
    pub(super) default_branch: String,
    /// What the person behind the token may do; absent for a token that no person stands behind.
    pub(super) permissions: Option<Role>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Role {
    #[serde(default)]
    pub(super) push: bool,
    #[serde(default)]
    pub(super) triage: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Workflow {
    pub(super) state: String,
    pub(super) created_at: Timestamp,
    #[serde(default)]
    pub(super) path: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Runs {
    pub(super) workflow_runs: Vec<Run>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) created_at: Timestamp,
    /// `None` until it is completed.
    pub(super) conclusion: Option<String>,
}
