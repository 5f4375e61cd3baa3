//! What clients asked, kept for assertions.

use std::collections::VecDeque;

use serde_json::Value;

/// So many requests are kept; older ones are forgotten.
const KEPT: usize = 10_000;

/// One request, with the answer's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent, without the question mark.
    pub query: String,
    /// The headers, names in lower case; the token is replaced by `***`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The answer's status; `None` when the client got no answer.
    pub status: Option<u16>,
}

impl Recorded {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// The newest requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log(VecDeque<Recorded>);

impl Log {
    pub(super) fn push(&mut self, request: Recorded) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(request);
    }

    pub(super) fn all(&self) -> Vec<Recorded> {
        self.0.iter().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
