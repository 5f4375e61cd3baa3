//! What is told of a story: the reports of its runs, the status issue as it stands, and whether it ended as it should.

use runbook_core::Report;
use runbook_render::terminal_report;
use serde::Serialize;

use crate::Scenario;

/// The status issue as it stands.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Issue {
    pub(super) title: String,
    pub(super) body: String,
}

/// Something that should be so, and whether it was measured to be.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Expectation {
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) ok: bool,
}

/// One story, told.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Story {
    pub(super) scenario: &'static str,
    pub(super) reports: Vec<Report>,
    pub(super) expectations: Vec<Expectation>,
    pub(super) issue: Option<Issue>,
}

impl Story {
    /// Whether it ended as it should.
    pub(super) fn ok(&self) -> bool {
        !self.expectations.is_empty() && self.expectations.iter().all(|e| e.ok)
    }

    /// For people.
    pub(super) fn print(&self) {
        if let Some(report) = self.reports.last() {
            println!("\nThe last run\n");
            for line in terminal_report(report) {
                println!("  {line}");
            }
        }
        if let Some(issue) = &self.issue {
            println!("\nThe status issue, as it stands\n\n# {}\n\n{}", issue.title, issue.body.trim_end());
        }
        println!("\nThe story `{}`, as it was measured from outside\n", self.scenario);
        for expectation in &self.expectations {
            let sign = if expectation.ok { "✓" } else { "✗" };
            println!("  {sign} {}: {}", expectation.expected, expectation.found);
        }
        println!("\n{}", if self.ok() { "It ended as it should." } else { "It did not end as it should." });
    }
}

/// `runbook/demo/v1`.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: &'static str,
    scenario: &'static str,
    ok: bool,
    reports: Vec<Report>,
    issue: Option<Issue>,
    stories: Vec<Story>,
}

impl Document {
    /// All stories in one document: every report in order, and the issue of the last.
    pub(super) fn of(scenario: Scenario, stories: Vec<Story>) -> Self {
        Self {
            schema: "runbook/demo/v1",
            scenario: name(scenario),
            ok: !stories.is_empty() && stories.iter().all(Story::ok),
            reports: stories.iter().flat_map(|story| story.reports.clone()).collect(),
            issue: stories.last().and_then(|story| story.issue.clone()),
            stories,
        }
    }
}

/// The scenario's name, as it is typed.
pub(super) fn name(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Good => "good",
        Scenario::BadRelease => "bad-release",
        Scenario::EmergencyStop => "emergency-stop",
        Scenario::All => "all",
    }
}
