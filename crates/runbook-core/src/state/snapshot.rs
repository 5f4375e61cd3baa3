//! The fold of an environment at a head, as text: what lets a journal be opened without reading its history.

use serde::{Deserialize, Serialize};

use super::EnvironmentState;
use crate::event::Head;

const SCHEMA: &str = "runbook/state/v1";
/// Another version may fold the same events to something else, so its snapshots are not believed.
const FOLDED_BY: &str = env!("CARGO_PKG_VERSION");

/// What all events up to a head come to. It can always be made again from them, and never replaces them.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The head that it belongs to.
    pub head: Head,
    /// The fold.
    pub state: EnvironmentState,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    folded_by: &'static str,
    head: Head,
    state: &'a EnvironmentState,
}

#[derive(Deserialize)]
struct Read {
    schema: String,
    folded_by: String,
    head: Head,
    state: EnvironmentState,
}

impl Snapshot {
    /// One line of JSON.
    pub fn text(head: Head, state: &EnvironmentState) -> String {
        let written = Written { schema: SCHEMA, folded_by: FOLDED_BY, head, state };
        // The fold has string keys only, so writing it cannot fail; an empty text reads back as none.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// Reads it back; `None` when it is none, or when another version made it: whoever opens the journal then reads all
    /// of it.
    pub fn parse(text: &str) -> Option<Self> {
        let read: Read = serde_json::from_str(text).ok()?;
        let ours = read.schema == SCHEMA && read.folded_by == FOLDED_BY;
        ours.then_some(Self { head: read.head, state: read.state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Digest;

    #[test]
    fn a_snapshot_reads_back_and_another_versions_does_not() {
        let head = Head { seq: 7, digest: Digest::of(b"seven") };
        let state = EnvironmentState { epoch: 3, issue: Some(12), ..EnvironmentState::default() };
        let text = Snapshot::text(head, &state);
        assert_eq!(Snapshot::parse(&text), Some(Snapshot { head, state }));
        assert_eq!(Snapshot::parse(&text.replace(FOLDED_BY, "0.0.0-other")), None);
        assert_eq!(Snapshot::parse(""), None);
    }
}
