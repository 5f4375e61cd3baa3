//! The judgement of an answer: every expectation gives a finding, and the worst finding is the health.

use std::{borrow::Cow, time::Duration};

use hyper::{HeaderMap, body::Bytes, header::HeaderName};
use jiff::Timestamp;
use runbook_core::{Health, Phases};

use super::{LatencySettings, Pointer, StatusSettings, json};
use crate::{
    condition::{Condition, Number, NumberCondition, Truth, Value},
    evidence::{Limit, Millis, Scrubber},
    findings::Findings,
    transport::days_left,
};

/// What is expected, checked and ready: the rules that fail a reading and those that only degrade it.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) expect: Rules,
    pub(super) degrade: Rules,
}

/// The rules of one table.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) status: Option<StatusSettings>,
    pub(super) json: Vec<(Pointer, Condition)>,
    pub(super) body: Option<Condition>,
    pub(super) header: Vec<(HeaderName, Condition)>,
    pub(super) latency: LatencySettings,
    pub(super) certificate_days: Option<NumberCondition>,
    pub(super) max_latency: Option<Duration>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) latency_ms: f64,
    pub(super) phases: Phases,
    pub(super) certificate_not_after: Option<Timestamp>,
}

/// A body, as far as it was read.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it; empty when no condition needs it.
    Whole(Bytes),
    /// More than this many bytes; the rest was not read.
    TooLarge(u64),
}

impl Body {
    /// How many bytes there are to look through.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::TooLarge(_) => 0,
        }
    }
}

impl Expect {
    /// Whether a condition looks into the body.
    pub(super) fn needs_body(&self) -> bool {
        [&self.expect, &self.degrade].into_iter().any(Rules::need_body)
    }

    /// What an answer is worth, and why; each finding begins with `; `.
    pub(super) fn judge(&self, found: &Found, scrubber: &Scrubber) -> (Health, String) {
        let mut findings = Findings::default();
        let values = self.json(&found.body);
        let (expected, degrading) = values.split_at(self.expect.json.len());
        self.expect.judge(Health::Unhealthy, found, expected, scrubber, &mut findings);
        self.degrade.judge(Health::Degraded, found, degrading, scrubber, &mut findings);
        findings.verdict()
    }

    /// What the pointers of both tables lead to, in their order. The body is read once for all of them.
    fn json(&self, body: &Body) -> Vec<Value<'static>> {
        let pointers: Vec<&Pointer> =
            self.expect.json.iter().chain(&self.degrade.json).map(|(pointer, _)| pointer).collect();
        match body {
            Body::Whole(bytes) => json::find(bytes, &pointers),
            Body::TooLarge(limit) => vec![too_large(*limit); pointers.len()],
        }
    }
}

impl Rules {
    fn need_body(&self) -> bool {
        self.body.is_some() || !self.json.is_empty()
    }

    /// `json` is what its pointers lead to.
    fn judge(&self, failed: Health, found: &Found, json: &[Value<'_>], scrubber: &Scrubber, findings: &mut Findings) {
        if let Some(status) = self.status.as_ref().filter(|status| !status.contains(found.status)) {
            findings.add(failed, format!("expected status {status}"));
        }
        for (name, condition) in &self.header {
            let value = header(&found.headers, name);
            findings.judge(failed, format_args!("header {name}"), condition, &value, scrubber);
        }
        for ((pointer, condition), value) in self.json.iter().zip(json) {
            findings.judge(failed, pointer, condition, value, scrubber);
        }
        if let Some(condition) = &self.body {
            let value = match &found.body {
                Body::Whole(bytes) => text(bytes),
                Body::TooLarge(limit) => too_large(*limit),
            };
            findings.judge(failed, "body", condition, &value, scrubber);
        }
        self.judge_latency(failed, found, findings);
        self.judge_certificate(found, findings);
    }

    fn judge_latency(&self, failed: Health, found: &Found, findings: &mut Findings) {
        let (wanted, phases) = (&self.latency, &found.phases);
        for (part, condition, took_ms) in [
            ("total", wanted.total, Some(found.latency_ms)),
            ("dns", wanted.dns, phases.dns_ms),
            ("connect", wanted.connect, phases.connect_ms),
            ("tls", wanted.tls, phases.tls_ms),
            ("first_byte", wanted.first_byte, phases.first_byte_ms),
            ("body", wanted.body, phases.body_ms),
        ] {
            let Some(condition) = condition else { continue };
            findings.add_truth(condition.judge(took_ms), failed, |_| {
                let but = took_ms
                    .map_or("but there was no such part".to_owned(), |took_ms| format!("found {}", Millis(took_ms)));
                format!("expected latency {part} {condition}, {but}")
            });
        }
        if let Some(limit) = self.max_latency
            && found.latency_ms > limit.as_secs_f64() * 1000.0
        {
            findings.add(Health::Degraded, format!("expected at most {}", Limit(limit)));
        }
    }

    /// A certificate that ends soon still works: it is a warning in both tables, never downtime.
    fn judge_certificate(&self, found: &Found, findings: &mut Findings) {
        let Some(condition) = self.certificate_days else { return };
        let days = found.certificate_not_after.map(|not_after| days_left(not_after, Timestamp::now()));
        let truth = condition.judge(days.map(|days| Number::Whole(days.into())));
        findings.add_truth(truth, Health::Degraded, |truth| match (truth, days) {
            (Truth::Failed, Some(days)) => format!("expected certificate days {condition}, found {days}"),
            _ => format!("expected certificate days {condition}, but no certificate was shown"),
        });
    }
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

    fn rules(table: &str) -> Rules {
        let settings: ExpectSettings = serde_json::from_str(table).unwrap();
        Rules {
            status: settings.status,
            json: settings.json.into_iter().collect(),
            body: settings.body,
            header: Vec::new(),
            latency: settings.latency,
            certificate_days: settings.certificate_days,
            max_latency: settings.max_latency.map(|limit| limit.0),
        }
    }

    /// An answer of 200 whose certificate ends in this many days and half a day.
    fn judge_all(expect: &str, degrade: &str, status: u16, body: &str, latency_ms: f64, days: i64) -> (Health, String) {
        let expect = Expect { expect: rules(expect), degrade: rules(degrade) };
        let found = Found {
            status,
            headers: HeaderMap::new(),
            body: Body::Whole(Bytes::copy_from_slice(body.as_bytes())),
            latency_ms,
            phases: Phases { connect_ms: Some(1.0), ..Phases::default() },
            certificate_not_after: Timestamp::from_second(Timestamp::now().as_second() + days * 86_400 + 43_200).ok(),
        };
        expect.judge(&found, &Scrubber::default())
    }

    fn judge(expect: &str, status: u16, body: &str, latency_ms: f64) -> (Health, String) {
        judge_all(expect, "{}", status, body, latency_ms, 100)
    }

    /// Worst wins: unhealthy, then unknown, then degraded.
    #[test]
    fn the_worst_finding_is_the_health() {
        let expect = r#"{"status": 200, "json": {"/a": 1, "/b": 2}, "max_latency": "800ms"}"#;
        for (status, body, latency_ms, health) in [
            (200, r#"{"a": 1, "b": 2}"#, 10.0, Health::Healthy),
            (200, r#"{"a": 1, "b": 2}"#, 801.0, Health::Degraded),
            (200, r#"{"a": 1}"#, 801.0, Health::Unknown),
            (200, r#"{"b": 3}"#, 801.0, Health::Unhealthy),
            (500, "", 801.0, Health::Unhealthy),
        ] {
            assert_eq!(judge(expect, status, body, latency_ms).0, health, "{status} {body} {latency_ms}");
        }
    }

    #[test]
    fn findings_name_the_worst_first_and_are_few() {
        let expect = r#"{"json": {"/a": 1, "/b": 2, "/c": true, "/d": "< 5", "/e": "x"}, "max_latency": "1ms"}"#;
        let (_, findings) = judge(expect, 200, r#"{"a": "\u0007one", "b": 3, "d": null}"#, 2.0);
        assert_eq!(
            findings,
            "; expected /b = 2, found 3; expected /a = 1, but it is the text \" one\"; expected /c = true, but it is \
             missing; expected /d < 5, but it is null; and 2 more"
        );
    }

    /// The same rule in either table: it fails a reading or only degrades it, and is unknown in both.
    #[test]
    fn what_fails_in_degrade_only_degrades() {
        for (rule, body, unknown) in [
            (r#"{"status": 204}"#, "", false),
            (r#"{"json": {"/queue": "< 10"}}"#, r#"{"queue": 11}"#, false),
            (r#"{"body": "~ ready"}"#, "starting", false),
            (r#"{"body": {"length": ">= 1"}}"#, "  ", false),
            (r#"{"latency": {"total": "< 5ms"}}"#, "", false),
            (r#"{"latency": {"connect": "< 500us"}}"#, "", false),
            (r#"{"json": {"/queue": "< 10"}}"#, "{}", true),
            (r#"{"latency": {"tls": "< 5ms"}}"#, "", true),
        ] {
            let (failed, degraded) =
                if unknown { (Health::Unknown, Health::Unknown) } else { (Health::Unhealthy, Health::Degraded) };
            assert_eq!(judge_all(rule, "{}", 200, body, 10.0, 100).0, failed, "{rule}");
            assert_eq!(judge_all("{}", rule, 200, body, 10.0, 100).0, degraded, "{rule}");
        }
        let both = judge_all(r#"{"body": "ok"}"#, r#"{"latency": {"total": "< 5ms"}}"#, 200, "no", 10.0, 100);
        assert_eq!(both.0, Health::Unhealthy, "worst wins across the tables");
    }

    /// A certificate warning is never downtime, whichever table it stands in.
    #[test]
    fn a_certificate_warning_is_never_downtime() {
        let rule = r#"{"certificate_days": ">= 14"}"#;
        for (days, health) in [(14, Health::Healthy), (13, Health::Degraded), (0, Health::Degraded)] {
            assert_eq!(judge_all(rule, "{}", 200, "", 1.0, days).0, health, "{days}");
            assert_eq!(judge_all("{}", rule, 200, "", 1.0, days).0, health, "{days}");
        }
        let (_, findings) = judge_all(rule, "{}", 200, "", 1.0, 13);
        assert_eq!(findings, "; expected certificate days >= 14, found 13");
    }

    #[test]
    fn latency_is_worded_by_its_part() {
        let (_, findings) = judge(r#"{"latency": {"total": "< 5ms", "dns": "< 1s"}}"#, 200, "", 12.0);
        assert_eq!(
            findings,
            "; expected latency total < 5ms, found 12 ms; expected latency dns < 1s, but there was no such part"
        );
    }
}
