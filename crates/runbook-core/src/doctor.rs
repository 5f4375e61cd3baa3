//! What `runbook doctor` finds, as plain data: what was looked at, why it matters, and the command that mends it.

use serde::{Deserialize, Serialize};

use crate::words::{EnvironmentId, ExitCode};

/// How bad a finding is; the worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FindingLevel {
    /// It was looked at, and is as it should be.
    Ok,
    /// Nobody could look, so nobody knows.
    Unknown,
    /// It works today, and something will be missing.
    Warning,
    /// Something does not work.
    Problem,
}

impl From<FindingLevel> for ExitCode {
    /// As for `check`: 4 for what is unknown or should be better, 5 for what does not work.
    fn from(level: FindingLevel) -> Self {
        match level {
            FindingLevel::Ok => Self::Succeeded,
            FindingLevel::Unknown | FindingLevel::Warning => Self::Degraded,
            FindingLevel::Problem => Self::Failed,
        }
    }
}

/// One thing that was looked at, or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Finding {
    /// A name that stays, such as `permission.issues`.
    pub id: String,
    /// How bad it is.
    pub level: FindingLevel,
    /// What was found.
    pub what: String,
    /// Why it matters; left out where all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The command that mends it, or what to do where no command does; left out where all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(id: impl Into<String>, what: impl Into<String>) -> Self {
        Self { id: id.into(), level: FindingLevel::Ok, what: what.into(), why: None, mend: None }
    }

    /// Anything else, with why it matters and what mends it.
    pub fn new(
        level: FindingLevel,
        id: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), level, what: what.into(), why: Some(why.into()), mend: Some(mend.into()) }
    }

    /// Nobody could look.
    pub fn unknown(
        id: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::new(FindingLevel::Unknown, id, what, why, mend)
    }

    /// Something will be missing.
    pub fn warning(
        id: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::new(FindingLevel::Warning, id, what, why, mend)
    }

    /// Something does not work.
    pub fn problem(
        id: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::new(FindingLevel::Problem, id, what, why, mend)
    }

    /// The same in words that went through `clean`, such as a redactor.
    #[must_use]
    pub fn map_text(mut self, clean: impl Fn(&str) -> String) -> Self {
        self.what = clean(&self.what);
        self.why = self.why.as_deref().map(&clean);
        self.mend = self.mend.as_deref().map(&clean);
        self
    }
}

/// `runbook/doctor/v1`: what `runbook doctor --format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct DoctorDocument {
    /// Always `runbook/doctor/v1`.
    pub schema: String,
    /// The project's name.
    pub project: String,
    /// Which environment.
    pub environment: EnvironmentId,
    /// That of the worst finding.
    pub level: FindingLevel,
    /// Each thing that was looked at, or could not be.
    pub findings: Vec<Finding>,
}

impl DoctorDocument {
    /// The value of [`DoctorDocument::schema`].
    pub const SCHEMA: &'static str = "runbook/doctor/v1";

    /// The document of these findings. Without any, nobody knows anything.
    pub fn of(project: impl Into<String>, environment: EnvironmentId, findings: Vec<Finding>) -> Self {
        let level = findings.iter().map(|finding| finding.level).max().unwrap_or(FindingLevel::Unknown);
        Self { schema: Self::SCHEMA.to_owned(), project: project.into(), environment, level, findings }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    #[test]
    fn the_worst_finding_decides_and_nothing_asked_is_not_ok() {
        let environment: EnvironmentId = "production".parse().unwrap();
        let level = |levels: &[FindingLevel]| {
            let findings = levels.iter().map(|&level| Finding::new(level, "x", "what", "why", "mend")).collect();
            DoctorDocument::of("Forge", environment.clone(), findings).level
        };
        assert_eq!(level(&[]), FindingLevel::Unknown);
        assert_eq!(level(&[FindingLevel::Ok]), FindingLevel::Ok);
        assert_eq!(level(&[FindingLevel::Ok, FindingLevel::Unknown]), FindingLevel::Unknown);
        assert_eq!(level(&[FindingLevel::Problem, FindingLevel::Warning]), FindingLevel::Problem);
        let codes = [FindingLevel::Ok, FindingLevel::Unknown, FindingLevel::Warning, FindingLevel::Problem];
        assert_eq!(codes.map(|level| ExitCode::from(level).code()), [0, 4, 4, 5]);
    }
}
