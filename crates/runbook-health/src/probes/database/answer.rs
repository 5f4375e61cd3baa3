//! What came back, and what it is worth.

use std::{borrow::Cow, fmt, time::Duration};

use runbook_core::Health;

use crate::{
    condition::{Condition, Number, NumberCondition, Value},
    evidence::{Limit, Millis, Scrubber},
    findings::Findings,
};

/// How many rows are fetched.
pub(in crate::probes) const MAX_ROWS: usize = 100;

/// How much of a value evidence shows when nothing is wrong with it, in characters.
const MAX_SHOWN: usize = 60;

/// An answer to one question.
#[derive(Debug)]
pub(in crate::probes) struct Answer {
    /// What is judged: [`Value::Absent`] when there was no row, or no such key.
    pub(in crate::probes) value: Value<'static>,
    /// How many rows there were, where they were counted.
    pub(in crate::probes) rows: Option<Rows>,
}

/// A number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probes) enum Rows {
    /// All of them.
    Exactly(usize),
    /// More than [`MAX_ROWS`], which were not fetched.
    Many,
}

/// What is expected of an answer. Without any of these, an answer is enough.
#[derive(Debug, Default)]
pub(in crate::probes) struct Expected {
    pub(in crate::probes) expect: Option<Condition>,
    pub(in crate::probes) degrade: Option<Condition>,
    pub(in crate::probes) rows: Option<NumberCondition>,
    pub(in crate::probes) max_latency: Option<Duration>,
}

impl Expected {
    /// The worst finding is the health; the words begin with `; `.
    pub(super) fn judge(&self, answer: &Answer, latency_ms: f64, scrubber: &Scrubber) -> (Health, String) {
        let mut findings = Findings::default();
        for (condition, failed) in [(&self.expect, Health::Unhealthy), (&self.degrade, Health::Degraded)] {
            if let Some(condition) = condition {
                findings.judge(failed, "the value", condition, &answer.value, scrubber);
            }
        }
        if let (Some(condition), Some(rows)) = (&self.rows, answer.rows) {
            let truth = condition.judge(rows.number());
            findings.add_truth(truth, Health::Unhealthy, |_| format!("expected rows {condition}, {rows}"));
        }
        if let Some(limit) = self.max_latency
            && latency_ms > limit.as_secs_f64() * 1000.0
        {
            findings.add(Health::Degraded, format!("expected at most {}", Limit(limit)));
        }
        findings.verdict()
    }
}

impl Rows {
    fn number(self) -> Option<Number> {
        match self {
            Self::Exactly(rows) => i128::try_from(rows).ok().map(Number::Whole),
            Self::Many => None,
        }
    }
}

/// As it stands behind what was expected.
impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(rows) => write!(f, "found {rows}"),
            Self::Many => write!(f, "but there are more than {MAX_ROWS}; let the query count them"),
        }
    }
}

/// `SELECT 1 = 1 in 3.1 ms`
pub(super) fn shown(question: &str, answer: &Answer, latency_ms: f64, scrubber: &Scrubber) -> String {
    let value = match &answer.value {
        Value::Absent => return format!("{question} gave nothing in {}", Millis(latency_ms)),
        Value::Unreadable(_) => return format!("{question} answered in {}", Millis(latency_ms)),
        Value::Number(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Array(length) => format!("a list of {length}"),
        Value::Object(length) => format!("a map of {length}"),
        Value::Other(what) => (*what).to_owned(),
        // Redacted before it is cut, so that no half of a secret stays.
        Value::Text(text) | Value::Untyped(text) => format!("\"{}\"", cut(&scrubber.line(text), MAX_SHOWN)),
    };
    format!("{question} = {value} in {}", Millis(latency_ms))
}

/// The first characters of a text, with `…` where something was cut.
pub(super) fn cut(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A text whose type nobody stated, or why it is none.
pub(in crate::probes) fn text(bytes: &[u8]) -> Value<'static> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Untyped(Cow::Owned(text.to_owned())),
        Err(_) => Value::Unreadable(Cow::Borrowed("it is not UTF-8")),
    }
}
