//! The judgement of an answer: every expectation gives a finding, and the worst finding is the health.

use std::{borrow::Cow, cmp::Ordering, time::Duration};

use hyper::{HeaderMap, header::HeaderName};
use runbook_core::Health;

use super::{Pointer, StatusSettings, json};
use crate::{
    condition::{Condition, Truth, Value},
    evidence::{Limit, Scrubber},
};

/// How many findings evidence lists in full.
const MAX_LISTED: usize = 4;

/// What is expected, checked and ready.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) status: StatusSettings,
    pub(super) json: Vec<(Pointer, Condition)>,
    pub(super) body: Option<Condition>,
    pub(super) header: Vec<(HeaderName, Condition)>,
    pub(super) max_latency: Option<Duration>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) status: u16,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Body,
    pub(super) latency_ms: f64,
}

/// A body, as far as it was read.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it; empty when no condition needs it.
    Whole(Vec<u8>),
    /// More than this many bytes; the rest was not read.
    TooLarge(u64),
}

/// What the answer is worth, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) health: Health,
    /// Each begins with `; `.
    pub(super) findings: String,
}

impl Expect {
    /// Whether a condition looks into the body.
    pub(super) fn needs_body(&self) -> bool {
        self.body.is_some() || !self.json.is_empty()
    }

    /// Judges an answer.
    pub(super) fn judge(&self, found: &Found<'_>, scrubber: &Scrubber) -> Verdict {
        let mut findings: Vec<(Health, String)> = Vec::new();
        if !self.status.contains(found.status) {
            findings.push((Health::Unhealthy, format!("expected status {}", self.status)));
        }
        for (name, condition) in &self.header {
            findings.extend(finding(&format!("header {name}"), condition, &header(found.headers, name), scrubber));
        }
        for (pointer, condition) in &self.json {
            let value = match found.body {
                Body::Whole(bytes) => json::find(bytes, pointer),
                Body::TooLarge(limit) => too_large(*limit),
            };
            findings.extend(finding(&pointer.to_string(), condition, &value, scrubber));
        }
        if let Some(condition) = &self.body {
            let value = match found.body {
                Body::Whole(bytes) => text(bytes),
                Body::TooLarge(limit) => too_large(*limit),
            };
            findings.extend(finding("body", condition, &value, scrubber));
        }
        if let Some(limit) = self.max_latency
            && found.latency_ms > limit.as_secs_f64() * 1000.0
        {
            findings.push((Health::Degraded, format!("expected at most {}", Limit(limit))));
        }
        verdict(findings)
    }
}

/// The worst finding is the health; evidence names it first.
fn verdict(mut findings: Vec<(Health, String)>) -> Verdict {
    findings.sort_by(|(a, _), (b, _)| match a {
        a if a == b => Ordering::Equal,
        a if a.worst(*b) == *a => Ordering::Less,
        _ => Ordering::Greater,
    });
    let health = findings.iter().fold(Health::Healthy, |worst, (health, _)| worst.worst(*health));
    let mut words = String::new();
    for (_, finding) in findings.iter().take(MAX_LISTED) {
        words.push_str("; ");
        words.push_str(finding);
    }
    if let Some(more) = findings.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        words.push_str(&format!("; and {more} more"));
    }
    Verdict { health, findings: words }
}

/// What to say of one condition; nothing when it is satisfied.
fn finding(what: &str, condition: &Condition, value: &Value<'_>, scrubber: &Scrubber) -> Option<(Health, String)> {
    let health = match condition.judge(value) {
        Truth::Satisfied => return None,
        Truth::Failed => Health::Unhealthy,
        Truth::Unknown => Health::Unknown,
    };
    let but = match (value, health) {
        (Value::Absent, _) => "but it is missing".to_owned(),
        (Value::Unreadable(why), _) => format!("but {why}"),
        (Value::Other(what), _) => format!("but it is {what}"),
        (Value::Text(text), Health::Unknown) => format!("but it is the text {}", scrubber.quote(text)),
        (Value::Untyped(text), Health::Unknown) => format!("but {} cannot be compared with it", scrubber.quote(text)),
        (Value::Number(number), Health::Unknown) => format!("but it is the number {number}"),
        (Value::Boolean(flag), Health::Unknown) => format!("but it is {flag}"),
        (Value::Text(text) | Value::Untyped(text), _) => format!("found {}", scrubber.quote(text)),
        (Value::Number(number), _) => format!("found {number}"),
        (Value::Boolean(flag), _) => format!("found {flag}"),
    };
    Some((health, format!("expected {what} {condition}, {but}")))
}

/// Several of one name are one list (RFC 9110, section 5.3).
fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Value<'a> {
    let values: Result<Vec<&str>, _> =
        headers.get_all(name).iter().map(|value| std::str::from_utf8(value.as_bytes())).collect();
    match values.as_deref() {
        Err(_) => Value::Unreadable(Cow::Borrowed("it is not UTF-8")),
        Ok([]) => Value::Absent,
        Ok([one]) => Value::Untyped(Cow::Borrowed(*one)),
        Ok(many) => Value::Untyped(Cow::Owned(many.join(", "))),
    }
}

fn text(bytes: &[u8]) -> Value<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Untyped(Cow::Borrowed(text.trim())),
        Err(_) => Value::Unreadable(Cow::Borrowed("the body is not UTF-8")),
    }
}

fn too_large(limit: u64) -> Value<'static> {
    Value::Unreadable(Cow::Owned(format!("the body is larger than {limit} bytes (`max_body`)")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::probes::http::ExpectSettings;

    fn judge(expect: &str, status: u16, body: &str, latency_ms: f64) -> Verdict {
        let settings: ExpectSettings = serde_json::from_str(expect).unwrap();
        let expect = Expect {
            status: settings.status,
            json: settings.json.into_iter().collect(),
            body: settings.body,
            header: Vec::new(),
            max_latency: settings.max_latency.map(|limit| limit.0),
        };
        let body = Body::Whole(body.as_bytes().to_vec());
        expect.judge(&Found { status, headers: &HeaderMap::new(), body: &body, latency_ms }, &Scrubber::default())
    }

    /// Worst wins: unhealthy, then unknown, then degraded.
    #[test]
    fn the_worst_finding_is_the_health() {
        let expect = r#"{"json": {"/a": 1, "/b": 2}, "max_latency": "800ms"}"#;
        for (status, body, latency_ms, health) in [
            (200, r#"{"a": 1, "b": 2}"#, 10.0, Health::Healthy),
            (200, r#"{"a": 1, "b": 2}"#, 801.0, Health::Degraded),
            (200, r#"{"a": 1}"#, 801.0, Health::Unknown),
            (200, r#"{"b": 3}"#, 801.0, Health::Unhealthy),
            (500, "", 801.0, Health::Unhealthy),
        ] {
            assert_eq!(judge(expect, status, body, latency_ms).health, health, "{status} {body} {latency_ms}");
        }
    }

    #[test]
    fn findings_name_the_worst_first_and_are_few() {
        let expect = r#"{"json": {"/a": 1, "/b": 2, "/c": true, "/d": "< 5", "/e": "x"}, "max_latency": "1ms"}"#;
        let verdict = judge(expect, 200, r#"{"a": "\u0007one", "b": 3, "d": null}"#, 2.0);
        assert_eq!(
            verdict.findings,
            "; expected /b = 2, found 3; expected /a = 1, but it is the text \" one\"; expected /c = true, but it is \
             missing; expected /d < 5, but it is null; and 2 more"
        );
    }
}
