//! Conditions: whatever is written is read or refused, and what was read judges as all conditions do.
//!
//! The first line of an input is what somebody wrote, as a text or as JSON; the rest is what was found. What is asserted
//! can be said without knowing what the input means: missing is unknown, opposites are opposite, and what is shown can be
//! written.

use std::fmt::Display;

use runbook_core::{
    config::{Keep, Period},
    watch::AlertRule,
};
use runbook_health::{
    Condition, DnsSettings, GrpcSettings, HttpSettings, IcmpSettings, Pointer, QuerySettings, RedisSettings,
    StatusSettings, TcpSettings, TlsSettings,
    condition::{DurationCondition, Number, NumberCondition, Truth, Value},
};
use serde_json::Value as Json;

const SIGNS: [&str; 7] = ["=", "!=", "<", "<=", ">", ">=", "~"];
/// Of the same bound, these are never both true, and never both false.
const OPPOSITES: [(&str, &str); 3] = [("=", "!="), ("<", ">="), (">", "<=")];

/// Reads one input and judges by it.
///
/// # Panics
/// Where a promise of the conditions is broken.
pub fn condition(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (written, found) = text.split_once('\n').unwrap_or((text, ""));
    conditions(written, &values(found));
    numbers(written, found);
    durations(written, found);
    statuses(written);
    pointers(written);
    alerts_and_ages(written);
    settings(written);
}

/// What may have been found where a text stands: it is there, whatever it is.
fn values(found: &str) -> Vec<Value<'_>> {
    let mut values = vec![
        Value::Text(found.into()),
        Value::Untyped(found.into()),
        Value::Boolean(true),
        Value::Array(found.len()),
        Value::Object(0),
        Value::Other("null"),
    ];
    values.extend(Number::parse(found).map(Value::Number));
    values.extend(serde_json::from_str(found).ok().map(value_of));
    values
}

fn value_of(json: Json) -> Value<'static> {
    match json {
        Json::Null => Value::Other("null"),
        Json::Bool(flag) => Value::Boolean(flag),
        Json::Number(number) => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            let number = whole.map(Number::Whole).or_else(|| Number::float(number.as_f64()?));
            number.map_or(Value::Other("a number"), Value::Number)
        }
        Json::String(text) => Value::Text(text.into()),
        Json::Array(items) => Value::Array(items.len()),
        Json::Object(members) => Value::Object(members.len()),
    }
}

fn conditions(written: &str, values: &[Value<'_>]) {
    let as_text = written.parse::<Condition>().ok();
    if let Some(condition) = as_text.as_ref().filter(|_| !is_comparison(written)) {
        let truth = condition.judge(&Value::Text(written.into()));
        assert_eq!(truth, Truth::Satisfied, "a plain text must be satisfied by itself: {written:?}");
    }
    let as_json = serde_json::from_str::<Condition>(written).ok();
    for condition in as_text.iter().chain(&as_json) {
        judges(condition, values);
    }
    for (sign, other) in OPPOSITES {
        let read = |sign: &str| format!("{sign} {written}").parse::<Condition>().ok();
        let (one, other) = (read(sign), read(other));
        assert_eq!(one.is_some(), other.is_some(), "{sign} and its opposite must both be read of {written:?}");
        if let (Some(one), Some(other)) = (one, other) {
            for value in values {
                opposite(one.judge(value), other.judge(value), &format!("{one} and {other}, of {value:?}"));
            }
        }
    }
}

fn is_comparison(written: &str) -> bool {
    SIGNS.iter().any(|sign| written.strip_prefix(sign).is_some_and(|rest| rest.starts_with(' ')))
}

fn judges(condition: &Condition, values: &[Value<'_>]) {
    let shown = condition.to_string();
    let unreadable = Value::Unreadable("nobody can tell".into());
    assert_eq!(condition.judge(&unreadable), Truth::Unknown, "what cannot be read must be unknown: {shown}");
    let (here, gone) = match shown.as_str() {
        "must be present" => (Truth::Satisfied, Truth::Failed),
        "must be absent" => (Truth::Failed, Truth::Satisfied),
        _ => return compares(condition, &shown, values),
    };
    assert_eq!(condition.judge(&Value::Absent), gone, "nothing is there: {shown}");
    for value in values {
        assert_eq!(condition.judge(value), here, "something is there: {shown}, {value:?}");
    }
}

/// A condition that asks for more than presence.
fn compares(condition: &Condition, shown: &str, values: &[Value<'_>]) {
    for missing in [Value::Absent, Value::Other("null")] {
        assert_eq!(condition.judge(&missing), Truth::Unknown, "what is missing must be unknown: {shown}, {missing:?}");
    }
    let is_order = ["< ", "<= ", "> ", ">= "].iter().any(|sign| shown.starts_with(sign));
    for value in values {
        let truth = condition.judge(value);
        assert_eq!(truth, condition.judge(value), "asked twice, it must say the same: {shown}, {value:?}");
        if is_order && !matches!(value, Value::Number(_) | Value::Untyped(_)) {
            assert_eq!(truth, Truth::Unknown, "only numbers have an order: {shown}, {value:?}");
        }
    }
    // A length is written as a table, which is not how it is shown.
    if !shown.starts_with("length ") {
        stays(shown, str::parse::<Condition>);
    }
}

fn numbers(written: &str, found: &str) {
    let found = Number::parse(found);
    let as_text = written.parse::<NumberCondition>().ok();
    let as_json = serde_json::from_str::<NumberCondition>(written).ok();
    for condition in as_text.iter().chain(&as_json) {
        assert_eq!(condition.judge(None), Truth::Unknown, "a number that is missing must be unknown: {condition}");
        if let Some(found) = found {
            assert_ne!(condition.judge(Some(found)), Truth::Unknown, "{condition} of {found}");
        }
        stays(&condition.to_string(), str::parse::<NumberCondition>);
    }
    let Some(found) = found else { return };
    if let (Some(strict), Ok(lax)) = (as_text, written.parse::<Condition>())
        && is_comparison(written)
    {
        let truth = lax.judge(&Value::Number(found));
        assert_eq!(strict.judge(Some(found)), truth, "both must judge a number alike: {strict} and {lax}, of {found}");
    }
    if Number::parse(written).is_some() {
        let holds = |sign: &str| match format!("{sign} {written}").parse::<NumberCondition>() {
            Ok(condition) => condition.judge(Some(found)) == Truth::Satisfied,
            Err(error) => panic!("{sign} must be read before {written:?}: {error}"),
        };
        let [equal, unequal, less, most, greater, least] = ["=", "!=", "<", "<=", ">", ">="].map(holds);
        assert_eq!([less, equal, greater].into_iter().filter(|holds| *holds).count(), 1, "{found} and {written:?}");
        assert_eq!((unequal, most, least), (!equal, less || equal, greater || equal), "{found} and {written:?}");
    }
}

fn durations(written: &str, found: &str) {
    let found = found.trim().parse::<f64>().ok().filter(|ms| ms.is_finite());
    let as_text = written.parse::<DurationCondition>().ok();
    let as_json = serde_json::from_str::<DurationCondition>(written).ok();
    for condition in as_text.iter().chain(&as_json) {
        assert_eq!(condition.judge(None), Truth::Unknown, "what did not happen must be unknown: {condition}");
        let shown = condition.to_string();
        match shown.parse::<DurationCondition>() {
            Ok(again) => assert_eq!((again.to_string(), again.judge(found)), (shown, condition.judge(found))),
            Err(error) => panic!("{shown:?} is shown, and cannot be written: {error}"),
        }
    }
    let read = |text: &str| serde_json::from_value::<Period>(Json::String(text.to_owned())).ok();
    if let Some(period) = read(written) {
        assert_eq!(read(&period.to_string()), Some(period), "{period} is shown, and cannot be written");
    }
}

fn statuses(written: &str) {
    let read = |text: &str| serde_json::from_value::<StatusSettings>(Json::String(text.to_owned()));
    let as_json = serde_json::from_str::<StatusSettings>(written).ok();
    for status in read(written).ok().iter().chain(&as_json) {
        for rule in status.to_string().split(" or ") {
            stays(rule, read);
        }
    }
}

fn pointers(written: &str) {
    let as_text = written.parse::<Pointer>().ok();
    let as_json = serde_json::from_value::<Pointer>(Json::String(written.to_owned())).ok();
    assert_eq!(as_text, as_json, "a pointer must be the same as a text and in JSON: {written:?}");
    if let Some(pointer) = as_text.filter(|_| !written.is_empty()) {
        assert_eq!(pointer.to_string(), written, "a pointer must be shown as it was written");
    }
}

fn alerts_and_ages(written: &str) {
    if let Ok(rule) = written.parse::<AlertRule>() {
        assert_eq!(rule.to_string().parse::<AlertRule>().ok(), Some(rule), "{rule} is shown, and cannot be written");
    }
    if let Ok(keep) = written.parse::<Keep>() {
        assert_eq!(keep.to_string().parse::<Keep>().ok(), Some(keep), "{keep} is shown, and cannot be written");
    }
}

/// The settings of each kind are read or refused.
fn settings(written: &str) {
    // What they make of it is asserted where the probes are built.
    let _ = serde_json::from_str::<DnsSettings>(written);
    let _ = serde_json::from_str::<GrpcSettings>(written);
    let _ = serde_json::from_str::<HttpSettings>(written);
    let _ = serde_json::from_str::<IcmpSettings>(written);
    let _ = serde_json::from_str::<QuerySettings>(written);
    let _ = serde_json::from_str::<RedisSettings>(written);
    let _ = serde_json::from_str::<TcpSettings>(written);
    let _ = serde_json::from_str::<TlsSettings>(written);
}

/// What is shown can be written, and then stays as it is. On the way a zero may lose its sign.
fn stays<T: Display, E: Display>(shown: &str, read: impl Fn(&str) -> Result<T, E>) {
    let again = |shown: &str| match read(shown) {
        Ok(again) => again.to_string(),
        Err(error) => panic!("{shown:?} is shown, and cannot be written: {error}"),
    };
    let once = again(shown);
    assert_eq!(again(&once), once, "what was shown as {shown:?} does not stay as it is");
}

fn opposite(one: Truth, other: Truth, of: &str) {
    let are_opposite = match one {
        Truth::Satisfied => other == Truth::Failed,
        Truth::Failed => other == Truth::Satisfied,
        Truth::Unknown => other == Truth::Unknown,
    };
    assert!(are_opposite, "{one:?} and {other:?} are not opposite: {of}");
}
