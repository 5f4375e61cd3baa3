//! Placeholder, being written.
use crate::words::{Comparison, Shift};
#[derive(Debug, Default)]
pub struct CompareRule { pub min_samples: u32, pub slowdown_percent: u32, pub significance: f64 }
pub fn compare(b: &[f64], n: &[f64], _: &CompareRule) -> Comparison { Comparison { shift: Shift::TooFew, baseline_samples: b.len() as u32, baseline_p50: None, samples: n.len() as u32, p50: None, p_value: None, effect: None } }
