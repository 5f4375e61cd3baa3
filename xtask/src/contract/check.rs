//! One thing that was held against what somebody else wrote, and how it is told.

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    /// It does not hold, and why.
    Broken(String),
    /// It was not looked at, and why.
    Skipped(String),
}

/// One thing that should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// The part that it belongs to.
    pub(super) part: &'static str,
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

impl Check {
    pub(super) fn new(part: &'static str, name: impl Into<String>, outcome: Outcome) -> Self {
        Self { part, name: name.into(), outcome }
    }

    /// Whether it holds; else why not.
    pub(super) fn of(part: &'static str, name: impl Into<String>, holds: bool, why: &str) -> Self {
        Self::new(part, name, if holds { Outcome::Holds } else { Outcome::Broken(why.to_owned()) })
    }

    /// The line that people read, with its reason below it.
    pub(super) fn line(&self) -> String {
        let (word, why) = match &self.outcome {
            Outcome::Holds => ("ok     ", ""),
            Outcome::Broken(why) => ("FAILED ", why.as_str()),
            Outcome::Skipped(why) => ("SKIPPED", why.as_str()),
        };
        let mut line = format!("{word} {}: {}", self.part, self.name);
        for reason in why.lines() {
            line.push_str("\n          ");
            line.push_str(reason);
        }
        line
    }

    fn document(&self) -> Value {
        let (outcome, why) = match &self.outcome {
            Outcome::Holds => ("holds", None),
            Outcome::Broken(why) => ("broken", Some(why)),
            Outcome::Skipped(why) => ("skipped", Some(why)),
        };
        json!({ "part": self.part, "name": self.name, "outcome": outcome, "why": why })
    }
}

/// The checks that a script printed: `{"checks": [{"name", "ok", "detail"}]}`.
pub(super) fn read(part: &'static str, printed: &str) -> Result<Vec<Check>> {
    let document: Value = serde_json::from_str(printed).context("the script printed no JSON")?;
    let checks = document["checks"].as_array().context("the script printed no checks")?;
    let check = |check: &Value| {
        let name = check["name"].as_str().context("the script printed a check without a name")?;
        let holds = check["ok"].as_bool().context("the script printed a check without an outcome")?;
        Ok(Check::of(part, name, holds, check["detail"].as_str().unwrap_or_default()))
    };
    checks.iter().map(check).collect()
}

/// How many hold, do not, and were not looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) hold: usize,
    pub(super) broken: usize,
    pub(super) skipped: usize,
}

impl Sum {
    pub(super) fn of(checks: &[Check]) -> Self {
        checks.iter().fold(Self::default(), |mut sum, check| {
            match check.outcome {
                Outcome::Holds => sum.hold += 1,
                Outcome::Broken(_) => sum.broken += 1,
                Outcome::Skipped(_) => sum.skipped += 1,
            }
            sum
        })
    }

    /// The last line.
    pub(super) fn line(self) -> String {
        format!("{} passed, {} failed, {} skipped", self.hold, self.broken, self.skipped)
    }
}

/// All checks as `runbook/contract/v1`.
pub(super) fn document(checks: &[Check]) -> Value {
    let Sum { hold, broken, skipped } = Sum::of(checks);
    json!({
        "schema": "runbook/contract/v1",
        "ok": broken == 0,
        "passed": hold,
        "failed": broken,
        "skipped": skipped,
        "checks": checks.iter().map(Check::document).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn what_a_script_printed_is_read_whole_or_not_at_all() {
        let printed =
            r#"{"checks": [{"name": "a", "ok": true, "detail": ""}, {"name": "b", "ok": false, "detail": "x\ny"}]}"#;
        let checks = read("chats", printed).unwrap();
        assert_eq!(Sum::of(&checks), Sum { hold: 1, broken: 1, skipped: 0 });
        assert_eq!(checks[0].line(), "ok      chats: a");
        assert_eq!(checks[1].line(), "FAILED  chats: b\n          x\n          y");
        for bad in ["", "{}", r#"{"checks": [{"name": "a"}]}"#, r#"{"checks": [{"ok": true}]}"#] {
            assert!(read("chats", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_document_is_not_ok_with_one_that_does_not_hold() {
        let skipped = Check::new("emulate", "a", Outcome::Skipped("npm was not found".to_owned()));
        let broken = Check::of("emulate", "b", false, "why");
        let sum = Sum::of(&[skipped.clone(), broken.clone()]);
        assert_eq!(sum.line(), "0 passed, 1 failed, 1 skipped");
        assert_eq!(document(std::slice::from_ref(&skipped))["ok"], true);
        let document = document(&[skipped, broken]);
        assert_eq!((&document["ok"], &document["checks"][1]["why"]), (&json!(false), &json!("why")));
    }
}
