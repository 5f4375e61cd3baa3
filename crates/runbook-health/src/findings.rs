//! What was expected and not found: collected in any order, told with the worst first.

use std::{cmp::Ordering, fmt::Display};

use runbook_core::Health;

use crate::{
    condition::{Condition, Truth, Value},
    evidence::Scrubber,
};

/// How many findings evidence lists in full.
const MAX_LISTED: usize = 4;

/// The findings of one measurement. Nothing is written for what is as expected.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<(Health, String)>);

impl Findings {
    /// Adds one, such as `expected status 200`.
    pub(crate) fn add(&mut self, health: Health, words: String) {
        self.0.push((health, words));
    }

    /// Adds what a truth is worth: nothing when it is satisfied, `failed` when not, unknown when nobody can tell.
    pub(crate) fn add_truth(&mut self, truth: Truth, failed: Health, words: impl FnOnce(Truth) -> String) {
        match truth {
            Truth::Satisfied => {}
            Truth::Failed => self.add(failed, words(truth)),
            Truth::Unknown => self.add(Health::Unknown, words(truth)),
        }
    }

    /// Judges a value, which is called `what`.
    pub(crate) fn judge(
        &mut self,
        failed: Health,
        what: impl Display,
        condition: &Condition,
        value: &Value<'_>,
        scrubber: &Scrubber,
    ) {
        self.add_truth(condition.judge(value), failed, |truth| {
            format!("expected {what} {condition}, {}", but(condition, value, truth, scrubber))
        });
    }

    /// The worst health, and the words of all; each begins with `; `.
    pub(crate) fn verdict(mut self) -> (Health, String) {
        self.0.sort_by(|(a, _), (b, _)| match a {
            a if a == b => Ordering::Equal,
            a if a.worst(*b) == *a => Ordering::Less,
            _ => Ordering::Greater,
        });
        let health = self.0.iter().fold(Health::Healthy, |worst, (health, _)| worst.worst(*health));
        let mut words = String::new();
        for (_, finding) in self.0.iter().take(MAX_LISTED) {
            words.push_str("; ");
            words.push_str(finding);
        }
        if let Some(more) = self.0.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
            words.push_str(&format!("; and {more} more"));
        }
        (health, words)
    }
}

/// What was found instead.
fn but(condition: &Condition, value: &Value<'_>, truth: Truth, scrubber: &Scrubber) -> String {
    let is_unknown = truth == Truth::Unknown;
    match value {
        Value::Absent => "but it is missing".to_owned(),
        Value::Unreadable(why) => format!("but {why}"),
        Value::Other(what) => format!("but it is {what}"),
        Value::Array(_) if is_unknown => "but it is an array".to_owned(),
        Value::Object(_) if is_unknown => "but it is an object".to_owned(),
        Value::Text(text) if is_unknown => format!("but it is the text {}", scrubber.quote(text)),
        Value::Untyped(text) if is_unknown => format!("but {} cannot be compared with it", scrubber.quote(text)),
        Value::Number(number) if is_unknown => format!("but it is the number {number}"),
        Value::Boolean(flag) if is_unknown => format!("but it is {flag}"),
        Value::Text(text) | Value::Untyped(text) if condition.is_of_length() => {
            format!("found {} characters", text.chars().count())
        }
        Value::Text(text) | Value::Untyped(text) => format!("found {}", scrubber.quote(text)),
        Value::Number(number) => format!("found {number}"),
        Value::Boolean(flag) => format!("found {flag}"),
        Value::Array(length) => format!("found an array of {length}"),
        Value::Object(length) => format!("found an object of {length}"),
    }
}
