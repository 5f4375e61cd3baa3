//! What makes the status issue the one that it is: its title, its hidden marker, and the frame around its text.

use runbook_core::{EnvironmentId, StatusView};

/// The text of the status issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueDraft {
    /// The title; people may read it, programs look for the marker.
    pub title: String,
    /// The body: the marker in its first line, the document for programs in its last block.
    pub body: String,
    /// The hidden marker that the issue is found by.
    pub marker: String,
}

/// The title of the status issue; the default environment has the bare one.
pub fn issue_title(view: &StatusView) -> String {
    const TITLE: &str = "🤖 AI Agent Autonomous Runbook Status";
    match view.default_environment {
        true => TITLE.to_owned(),
        false => format!("{TITLE} ({})", view.environment),
    }
}

/// The hidden marker of an environment's status issue. No other text of this crate can contain one: every escaper breaks
/// the beginning of an HTML comment.
pub fn issue_marker(environment: &EnvironmentId) -> String {
    format!("<!-- runbook:status:v1 environment={environment} -->")
}

/// Marker, text, document: the parts that no template can lose.
pub(crate) fn frame(marker: &str, text: &str, block: &str) -> String {
    format!(
        "{marker}\n\n{text}\n\n<details>\n<summary>For programs: <code>runbook/status/v1</code></summary>\n\n{block}\n\n</details>\n"
    )
}
