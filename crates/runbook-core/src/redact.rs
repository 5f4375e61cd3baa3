//! Secrets: known by the name of a variable, printed as `***`, and taken out of everything that leaves.

use std::{fmt, sync::Arc};

use aho_corasick::{AhoCorasick, MatchKind};

/// A value that must not be shown. It prints as `***`, wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Replaces every known secret in a text by `***`. Cheap to clone.
#[derive(Clone, Default)]
pub struct Redactor {
    finder: Option<Arc<AhoCorasick>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("secrets", &self.finder.as_ref().map_or(0, |finder| finder.patterns_len()))
            .finish()
    }
}

impl Redactor {
    /// A redactor of these secrets. Values shorter than four bytes are left out: replacing every `1` would destroy
    /// what people read and hide nothing. Each line of a secret of several lines counts for itself too.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut values: Vec<&str> = Vec::new();
        for secret in secrets {
            values.push(secret.reveal().trim());
            values.extend(secret.reveal().lines().map(str::trim));
        }
        values.retain(|value| value.len() >= 4);
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            return Self::default();
        }
        // Leftmost-longest: of two secrets of which one begins the other, the longer one goes whole.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values);
        Self { finder: finder.ok().map(Arc::new) }
    }

    /// The text without secrets.
    pub fn redact(&self, text: &str) -> String {
        let Some(finder) = &self.finder else { return text.to_owned() };
        let mut clean = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut clean, |_, _, out| {
            out.push_str("***");
            true
        });
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_print() {
        let secrets =
            [Secret::new("hunter2"), Secret::new("hunter2-long"), Secret::new("1"), Secret::new("line one\nline two")];
        let redactor = Redactor::new(&secrets);
        assert_eq!(redactor.redact("a hunter2-long b hunter2 c 1"), "a *** b *** c 1");
        assert_eq!(redactor.redact("found line two here"), "found *** here");
        assert_eq!(format!("{:?} {}", secrets[0], secrets[0]), "*** ***");
    }
}
