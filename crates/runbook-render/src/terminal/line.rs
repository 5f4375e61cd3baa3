//! A line of text whose pieces have a tone, which the face turns into colours or not.

use std::fmt;

use crate::text::{length, shorten};

/// The longest text of outside origin on a line, in characters.
const LONGEST: usize = 240;

/// What a piece of text means to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// As it should be.
    Good,
    /// Somebody should know.
    Warn,
    /// Somebody should act.
    Bad,
    /// For whoever looks closer.
    Dim,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text; without control characters, whatever it is made of.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

/// One line. Printed with `{}`, it is plain text without colours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Its pieces, from left to right.
    pub spans: Vec<Span>,
}

impl Line {
    /// A piece in our own words.
    pub(super) fn own(mut self, tone: Tone, text: &str) -> Self {
        self.spans.push(Span { text: text.to_owned(), tone });
        self
    }

    /// A piece that may hold text from outside: one line, no control characters, not endless.
    pub(super) fn outside(self, tone: Tone, text: &str) -> Self {
        let text = shorten(text, LONGEST);
        self.own(tone, &text)
    }

    /// A piece that fills `width` characters, so that the next one begins in the same column on every line.
    pub(super) fn column(self, tone: Tone, text: &str, width: usize) -> Self {
        let text = shorten(text, LONGEST);
        self.own(tone, &format!("{text:<width$}"))
    }
}

/// A line that begins with two spaces.
pub(super) fn indented() -> Line {
    Line::default().own(Tone::Plain, "  ")
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.spans.iter().map(|span| span.text.as_str()).collect();
        f.write_str(text.trim_end())
    }
}

/// The width of the widest of these texts, in characters.
pub(super) fn widest(texts: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
    texts.into_iter().map(|text| length(text.as_ref())).max().unwrap_or(0)
}
