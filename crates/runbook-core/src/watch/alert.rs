//! Placeholder, being written.
use jiff::Timestamp;
use crate::{config::Period, words::{AlertFinding, Health}};
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertConfig { pub when: String, pub over: Option<Period> }
impl AlertConfig { pub fn check(&self) -> Result<(), String> { Ok(()) } }
pub struct AlertSample { pub at: Timestamp, pub health: Health, pub latency_ms: Option<f64> }
pub struct AlertEvidence<'a> { pub own: &'a [AlertSample], pub past: Option<&'a [AlertSample]>, pub now: Timestamp, pub certificate_not_after: Option<Timestamp> }
pub fn judge_all(_: &[AlertConfig], _: &AlertEvidence<'_>) -> (Vec<AlertFinding>, Option<Health>) { (Vec::new(), None) }
