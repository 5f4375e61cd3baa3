//! One named reason for or against a run, with the evidence it rests on.

use serde::{Deserialize, Serialize};

/// How a rule came out. What could not be classified blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// Nothing against it.
    Pass,
    /// Somebody should know, but it may go on.
    Warn,
    /// It may not go on.
    Block,
}

/// One gate rule's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct GateRule {
    /// The rule's name, such as `worktree-clean`.
    pub id: String,
    /// How it came out.
    pub verdict: RuleVerdict,
    /// What was measured, in words.
    pub evidence: String,
}

impl GateRule {
    /// A rule that found nothing against the run.
    pub fn pass(id: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self { id: id.into(), verdict: RuleVerdict::Pass, evidence: evidence.into() }
    }

    /// A rule that lets the run go on, with a warning.
    pub fn warn(id: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self { id: id.into(), verdict: RuleVerdict::Warn, evidence: evidence.into() }
    }

    /// A rule that stops the run.
    pub fn block(id: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self { id: id.into(), verdict: RuleVerdict::Block, evidence: evidence.into() }
    }
}
