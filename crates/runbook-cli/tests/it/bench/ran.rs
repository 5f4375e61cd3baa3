//! What a command did: its exit code, what it said to people, and what it printed for programs.

use runbook_core::{Report, Verdict};
use serde_json::Value;

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) arguments: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// It told people all of this, on stderr.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for words in words {
            assert!(self.stderr.contains(words), "{words:?} is not on stderr: {self}");
        }
        self
    }

    /// It printed all of this to stdout.
    #[track_caller]
    pub(crate) fn shows(&self, words: &[&str]) -> &Self {
        for words in words {
            assert!(self.stdout.contains(words), "{words:?} is not on stdout: {self}");
        }
        self
    }

    /// None of its words holds this.
    #[track_caller]
    pub(crate) fn hides(&self, words: &str) -> &Self {
        assert!(!self.stdout.contains(words) && !self.stderr.contains(words), "{words:?} is there: {self}");
        self
    }

    /// All of stdout, as the one JSON document that it must be.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON ({error}): {self}"))
    }

    /// All of stdout, as one report with this verdict.
    #[track_caller]
    pub(crate) fn report(&self, verdict: Verdict) -> Report {
        let report: Report =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no report ({error}): {self}"));
        assert_eq!(report.verdict, Some(verdict), "{self}");
        report
    }

    /// All of stdout, as `runbook/error/v1` of this kind; its message and its hint.
    #[track_caller]
    pub(crate) fn fault(&self, kind: &str) -> (String, String) {
        let document = self.json();
        assert_eq!(document["schema"], "runbook/error/v1", "{self}");
        assert_eq!(document["kind"], kind, "{self}");
        assert_eq!(document["code"], self.code.map_or(Value::Null, Value::from), "{self}");
        assert!(document["retryable"].is_boolean(), "{self}");
        assert!(document.get("next_command").is_some(), "{self}");
        let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        assert!(!text("message").is_empty(), "{self}");
        (text("message"), text("hint"))
    }

    /// Each line of stdout, as a JSON document.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}: {self}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { arguments, code, stdout, stderr } = self;
        write!(f, "`runbook {arguments}` → {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// The stage of a report with this id: its outcome and reason.
#[track_caller]
pub(crate) fn stage(report: &Report, id: &str) -> (String, String) {
    let row = report.stages.iter().find(|row| row.id.as_str() == id);
    let row = row.unwrap_or_else(|| panic!("there is no stage {id}: {report:?}"));
    (row.outcome.clone(), row.reason.clone().unwrap_or_default())
}
