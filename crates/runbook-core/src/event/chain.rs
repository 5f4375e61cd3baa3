//! How events are stored: one JSON line each; `prev` is the SHA-256 of the stored bytes of the line before,
//! never of a re-serialisation, so a chain verifies whatever version wrote it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EventKind;
use crate::words::{Digest, EventId, RunId};

const SCHEMA: &str = "runbook/event/v1";

/// One fact, in its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Line", try_from = "Line")]
pub struct Event {
    /// Looked for after a lost response.
    pub id: EventId,
    /// Its place; the order of events is `seq`, never `at`. The first is 1.
    pub seq: u64,
    /// The digest of the stored event before it.
    pub prev: Digest,
    /// When it was written, by the writer's clock.
    pub at: Timestamp,
    /// The run that wrote it.
    pub run: RunId,
    /// The writer's epoch.
    pub epoch: u64,
    /// What happened.
    pub kind: EventKind,
}

/// An event as it stands on the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    schema: String,
    id: EventId,
    seq: u64,
    prev: Digest,
    at: Timestamp,
    run: RunId,
    epoch: u64,
    kind: String,
    #[serde(default)]
    data: Value,
}

impl From<Event> for Line {
    fn from(event: Event) -> Self {
        let kind = event.kind.name().to_owned();
        let data = match event.kind {
            EventKind::Unknown { data, .. } => data,
            // Event kinds have string keys only, so serialising them cannot fail; null would fail the tests.
            known => serde_json::to_value(known).map_or(Value::Null, |mut value| value["data"].take()),
        };
        Self {
            schema: SCHEMA.to_owned(),
            id: event.id,
            seq: event.seq,
            prev: event.prev,
            at: event.at,
            run: event.run,
            epoch: event.epoch,
            kind,
            data,
        }
    }
}

impl TryFrom<Line> for Event {
    type Error = serde_json::Error;

    fn try_from(line: Line) -> Result<Self, serde_json::Error> {
        let known = line.schema == SCHEMA && EventKind::NAMES.contains(&line.kind.as_str());
        let kind = if known {
            serde_json::from_value(serde_json::json!({ "kind": line.kind, "data": line.data }))?
        } else {
            EventKind::Unknown { kind: line.kind, data: line.data }
        };
        Ok(Self { id: line.id, seq: line.seq, prev: line.prev, at: line.at, run: line.run, epoch: line.epoch, kind })
    }
}

/// The end of a journal: how many events it holds, and the digest of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last event's place; 0 when there is none.
    pub seq: u64,
    /// The digest of its stored bytes.
    pub digest: Digest,
}

impl Head {
    /// The head of an empty journal.
    pub const EMPTY: Self = Self { seq: 0, digest: Digest::ZERO };
}

/// An event that has no place yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Stays the same when the event is encoded again after a lost race.
    pub id: EventId,
    /// When it was written.
    pub at: Timestamp,
    /// By which run.
    pub run: RunId,
    /// In which epoch.
    pub epoch: u64,
    /// What happened.
    pub kind: EventKind,
}

/// A batch with its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The events as they are now, redacted.
    pub events: Vec<Event>,
    /// Their stored bytes: a line each, without the line feed.
    pub lines: Vec<String>,
    /// The head once they are appended.
    pub head: Head,
}

/// An event read back: its bytes and their meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The stored line, without the line feed.
    pub line: String,
    /// What it says.
    pub event: Event,
}

/// A chain that does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A line is not an event.
    #[error("event {seq} cannot be read")]
    Unreadable {
        /// Its place.
        seq: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A line does not follow the one before it.
    #[error("event {seq} does not follow the event before it: the journal was rewritten or damaged")]
    Broken {
        /// Its place.
        seq: u64,
    },
}

/// Gives a batch its place after `head`. `redact` sees every string before anything is hashed.
///
/// # Errors
/// [`ChainError::Unreadable`] when redaction left an event that no longer reads back; nothing is stored then.
pub fn encode(drafts: &[Draft], head: Head, redact: &dyn Fn(&str) -> String) -> Result<Encoded, ChainError> {
    let mut encoded =
        Encoded { events: Vec::with_capacity(drafts.len()), lines: Vec::with_capacity(drafts.len()), head };
    for draft in drafts {
        let seq = encoded.head.seq + 1;
        let unreadable = |source| ChainError::Unreadable { seq, source };
        let line = Line::from(Event {
            id: draft.id,
            seq,
            prev: encoded.head.digest,
            at: draft.at,
            run: draft.run,
            epoch: draft.epoch,
            kind: draft.kind.clone(),
        });
        let line = redacted(line, redact);
        let text = serde_json::to_string(&line).map_err(unreadable)?;
        encoded.head = Head { seq, digest: Digest::of(text.as_bytes()) };
        encoded.events.push(Event::try_from(line).map_err(unreadable)?);
        encoded.lines.push(text);
    }
    Ok(encoded)
}

/// Names of our own that are plain text to a reader, and must stay what they are.
fn is_own_name(pointer: &str) -> bool {
    matches!(pointer, "/plan/schema" | "/rule/id") || pointer.starts_with("/plan/policy/required_rules/")
}

/// Takes secrets out of all that an event says. What no longer reads back without a secret is an id, a word of our own or
/// a time, which only happens to be spelled like one: that part stays.
fn redacted(mut line: Line, redact: &dyn Fn(&str) -> String) -> Line {
    let mut found = Vec::new();
    secrets(&line.data, "", redact, &mut found);
    for pointer in found {
        let before = line.clone();
        if let Some(Value::String(text)) = line.data.pointer_mut(&pointer) {
            *text = redact(text);
        }
        if Event::try_from(line.clone()).is_err() {
            line = before;
        }
    }
    let before = line.data.clone();
    redact_names(&mut line.data, redact);
    if line.data != before && Event::try_from(line.clone()).is_err() {
        line.data = before;
    }
    line
}

/// Where secrets are (RFC 6901).
fn secrets(value: &Value, pointer: &str, redact: &dyn Fn(&str) -> String, found: &mut Vec<String>) {
    match value {
        Value::String(text) if redact(text) != *text && !is_own_name(pointer) => found.push(pointer.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| secrets(item, &format!("{pointer}/{at}"), redact, found));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            secrets(field, &format!("{pointer}/{name}"), redact, found);
        }),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes secrets out of the names of fields, which a stage of somebody's own may have made of anything.
fn redact_names(value: &mut Value, redact: &dyn Fn(&str) -> String) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redact_names(item, redact)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| redact_names(field, redact));
            if fields.keys().any(|name| redact(name) != *name) {
                *fields = std::mem::take(fields).into_iter().map(|(name, field)| (redact(&name), field)).collect();
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads lines that follow `head`, and checks that each follows the one before.
///
/// # Errors
/// The first line that is not an event, or that does not follow.
pub fn verify<'a>(lines: impl IntoIterator<Item = &'a str>, mut head: Head) -> Result<(Vec<Stored>, Head), ChainError> {
    let mut stored = Vec::new();
    for line in lines {
        let seq = head.seq + 1;
        let event: Event = serde_json::from_str(line).map_err(|source| ChainError::Unreadable { seq, source })?;
        if event.seq != seq || event.prev != head.digest {
            return Err(ChainError::Broken { seq });
        }
        head = Head { seq, digest: Digest::of(line.as_bytes()) };
        stored.push(Stored { line: line.to_owned(), event });
    }
    Ok((stored, head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Verdict;

    fn draft(kind: EventKind) -> Draft {
        Draft { id: EventId::new(), at: Timestamp::UNIX_EPOCH, run: RunId::new(), epoch: 1, kind }
    }

    fn abandoned(reason: &str) -> EventKind {
        EventKind::RunAbandoned { abandoned: RunId::new(), verdict: Verdict::Aborted, reason: reason.to_owned() }
    }

    #[test]
    fn a_chain_reads_back_and_any_change_breaks_it() {
        let drafts =
            [draft(EventKind::LockReleased {}), draft(abandoned("token hunter2")), draft(EventKind::LockReleased {})];
        let encoded = encode(&drafts, Head::EMPTY, &|text| text.replace("hunter2", "***")).unwrap();
        assert!(encoded.lines[1].contains("token ***"), "secrets are gone before hashing");
        let (stored, head) = verify(encoded.lines.iter().map(String::as_str), Head::EMPTY).unwrap();
        assert_eq!(head, encoded.head);
        assert_eq!(stored.iter().map(|s| &s.event).collect::<Vec<_>>(), encoded.events.iter().collect::<Vec<_>>());

        let mut forged = encoded.lines.clone();
        forged[1] = forged[1].replace("aborted", "succeeded");
        let forged = verify(forged.iter().map(String::as_str), Head::EMPTY);
        assert!(matches!(forged, Err(ChainError::Broken { seq: 3 })), "{forged:?}");
        assert!(
            verify(encoded.lines[1..].iter().map(String::as_str), Head::EMPTY).is_err(),
            "a lost first event shows"
        );
    }

    #[test]
    fn an_unknown_kind_is_kept_as_it_is() {
        let encoded = encode(&[draft(EventKind::LockReleased {})], Head::EMPTY, &str::to_owned).unwrap();
        let future =
            encoded.lines[0].replace("lock_released", "moon_phase").replace("\"data\":{}", "\"data\":{\"full\":true}");
        let (stored, _) = verify([future.as_str()], Head::EMPTY).unwrap();
        let event = &stored[0].event;
        assert_eq!(
            event.kind,
            EventKind::Unknown { kind: "moon_phase".into(), data: serde_json::json!({"full": true}) }
        );
        assert_eq!(serde_json::to_string(event).unwrap(), future);
    }
}
