//! The stories. Each step is a command that a person could type; what it should have done is measured from outside:
//! by asking the services, reading the repository and the issue, never by believing the report alone.

use anyhow::Result;
use runbook_core::{OperationalStatus, Report, Verdict};

use super::{
    document::{Expectation, Issue, Story, name},
    world::World,
};
use crate::Scenario;

/// Tells one story.
pub(super) async fn tell(scenario: Scenario, world: &mut World) -> Result<Story> {
    let mut teller = Teller { world, reports: Vec::new(), expectations: Vec::new() };
    let told = match scenario {
        Scenario::Good => teller.good().await,
        Scenario::BadRelease | Scenario::All => teller.bad_release().await,
        Scenario::EmergencyStop => teller.emergency_stop().await,
    };
    if teller.world.interrupted() {
        teller.expect("the story is told to its end", "interrupted", false);
    } else {
        told?;
    }
    let issue = teller.world.issue().map(|(title, body)| Issue { title, body });
    Ok(Story { scenario: name(scenario), reports: teller.reports, expectations: teller.expectations, issue })
}

struct Teller<'a> {
    world: &'a mut World,
    reports: Vec<Report>,
    expectations: Vec<Expectation>,
}

impl Teller<'_> {
    async fn good(&mut self) -> Result<()> {
        self.deploy("v1.0.0", 0, Verdict::Succeeded).await?;
        self.versions("1.0.0").await;
        self.issue_says("✅ OPERATIONAL");
        Ok(())
    }

    async fn bad_release(&mut self) -> Result<()> {
        self.deploy("v1.0.0", 0, Verdict::Succeeded).await?;
        self.versions("1.0.0").await;
        let number = self.world.issue_number();
        self.deploy("v1.1.0", 6, Verdict::RolledBack).await?;
        self.versions("1.0.0").await;
        let report = self.reports.last().cloned();
        let rollback = report.as_ref().and_then(|report| report.rollback.clone());
        let verified = rollback.as_ref().is_some_and(|rollback| rollback.verified);
        self.expect("the rollback is verified by a second watch", format!("{verified}"), verified);
        let status = report.map(|report| report.operational_status);
        self.expect(
            "the system is OPERATIONAL again",
            format!("{status:?}"),
            status == Some(OperationalStatus::Operational),
        );
        let branch = rollback.and_then(|rollback| rollback.branch);
        let (found, same) = match &branch {
            Some(branch) => self.world.branch_equals(branch, "v1.0.0")?,
            None => ("no branch".to_owned(), false),
        };
        self.expect("the rollback branch has v1.0.0's tree, but for what a rollback keeps", found, same);
        self.issue_says("✅ OPERATIONAL");
        self.issue_says("v1.1.0");
        let issues = self.world.open_issues();
        self.expect(
            "there is one status issue, and it is the same one",
            format!("{issues:?}"),
            issues == number.into_iter().collect::<Vec<_>>(),
        );
        Ok(())
    }

    async fn emergency_stop(&mut self) -> Result<()> {
        self.deploy("v1.0.0", 0, Verdict::Succeeded).await?;
        self.act(&["emergency-stop", "--reason", "a drill"], 0, Verdict::Succeeded).await?;
        for service in self.world.services() {
            let answer = self.world.ask(service).await;
            let down = answer.is_err();
            let found = answer.unwrap_or_else(|error| error.to_string());
            self.expect(&format!("{service} is down"), found, down);
        }
        self.issue_says("🔴 CRITICAL");
        self.deploy("v1.0.0", 3, Verdict::Blocked).await?;
        self.act(&["resume", "--reason", "the drill is over"], 0, Verdict::Succeeded).await?;
        self.deploy("v1.0.0", 0, Verdict::Succeeded).await?;
        self.versions("1.0.0").await;
        self.issue_says("✅ OPERATIONAL");
        Ok(())
    }

    async fn deploy(&mut self, version: &str, code: i32, verdict: Verdict) -> Result<()> {
        self.act(&["deploy", version], code, verdict).await
    }

    /// Runs a command and holds its report and exit code against what they should be.
    async fn act(&mut self, arguments: &[&str], code: i32, verdict: Verdict) -> Result<()> {
        let (found, report) = self.world.runbook(arguments).await?;
        let ok = found == Some(code) && report.verdict == Some(verdict);
        let words = format!(
            "{} (exit code {})",
            report.verdict.map_or_else(|| "no verdict".to_owned(), |verdict| verdict.to_string()),
            found.map_or_else(|| "none".to_owned(), |code| code.to_string())
        );
        self.reports.push(report);
        self.expect(&format!("`runbook {}` ends with {verdict} (exit code {code})", arguments.join(" ")), words, ok);
        Ok(())
    }

    /// Asks every service which version answers.
    async fn versions(&mut self, version: &str) {
        for service in self.world.services() {
            let answer = self.world.ask(service).await;
            let ok = answer
                .as_ref()
                .is_ok_and(|answer| answer.starts_with("200 ") && self.world.is_version(service, answer, version));
            let found = answer.unwrap_or_else(|error| error.to_string());
            let found: String = found.chars().take(100).collect();
            self.expect(&format!("{service} answers as {version}"), found, ok);
        }
    }

    fn issue_says(&mut self, words: &str) {
        let body = self.world.issue().map(|(_, body)| body).unwrap_or_default();
        let line = body.lines().find(|line| line.contains(words)).map(str::to_owned);
        let ok = line.is_some();
        self.expect(&format!("the issue says {words}"), line.unwrap_or_else(|| "it does not".to_owned()), ok);
    }

    fn expect(&mut self, expected: &str, found: impl Into<String>, ok: bool) {
        self.expectations.push(Expectation { expected: expected.to_owned(), found: found.into(), ok });
    }
}
