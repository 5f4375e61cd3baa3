//! What a return from one release to another takes back, as far as the repository can tell.

use serde::{Deserialize, Serialize};

use super::Release;

/// A list whose end may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Listed {
    /// Its beginning; at most [`Listed::MOST`].
    pub first: Vec<String>,
    /// How many more there are.
    pub more: u32,
}

impl Listed {
    /// How much of a list is told.
    pub const MOST: usize = 20;

    /// Counts one more, and keeps it while there is room.
    pub fn push(&mut self, entry: impl FnOnce() -> String) {
        if self.first.len() < Self::MOST {
            self.first.push(entry());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// How many there are in all.
    pub fn count(&self) -> usize {
        self.first.len().saturating_add(self.more as usize)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// All of it as one line, with at most `most` entries.
    pub fn line(&self, most: usize) -> String {
        let shown: Vec<&str> = self.first.iter().take(most).map(String::as_str).collect();
        match self.count() - shown.len() {
            0 => shown.join(", "),
            more => format!("{}, and {more} more", shown.join(", ")),
        }
    }
}

/// What lies between two commits, seen from the newer one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Difference {
    /// The commits that only the newer one has, newest first, as `<short id> <subject>`.
    pub commits: Listed,
    /// The files that differ, by their path.
    pub files: Listed,
    /// What cannot be taken back: files and commits that their owner marked so.
    #[serde(default, skip_serializing_if = "Listed::is_empty")]
    pub irreversible: Listed,
}

/// What a return from one release to another takes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
pub struct Reverted {
    /// What is left.
    pub from: Release,
    /// What becomes live again.
    pub to: Release,
    /// What lies between; nothing, where `unknown` says why nobody can tell.
    pub difference: Difference,
    /// Why nobody can tell what lies between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Reverted {
    /// `2 commits and 5 files`, or why that is not known.
    pub fn size(&self) -> String {
        let number =
            |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
        match &self.unknown {
            Some(why) => format!("unknown: {why}"),
            None => format!(
                "{} and {}",
                number(self.difference.commits.count(), "commit", "commits"),
                number(self.difference.files.count(), "file", "files")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_says_how_long_it_is() {
        let mut list = Listed::default();
        (0..25).for_each(|n| list.push(|| format!("f{n}")));
        assert_eq!((list.first.len(), list.more, list.count()), (20, 5, 25));
        assert_eq!(list.line(2), "f0, f1, and 23 more");
        assert_eq!(Listed::default().line(2), "");
    }
}
