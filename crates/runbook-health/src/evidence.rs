//! How evidence is written: text from outside is cleaned, redacted and cut; durations are in milliseconds.

use std::{borrow::Cow, fmt, time::Duration};

use runbook_core::{Redactor, Secret};

/// How much of one text from outside evidence may hold, in characters.
const MAX_QUOTE: usize = 200;

/// Takes out of a probe's evidence what must not be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scrubber {
    known: Redactor,
    /// The probe's own secrets, also in the form in which they are sent, which a target may echo.
    own: Redactor,
}

impl Scrubber {
    pub(crate) fn new<'a>(known: Redactor, own: impl IntoIterator<Item = &'a Secret>) -> Self {
        Self { known, own: Redactor::new(own) }
    }

    /// A whole evidence: on one line and without secrets.
    pub(crate) fn line(&self, text: &str) -> String {
        self.own.redact(&self.known.redact(&one_line(text)))
    }

    /// A text from outside, in quotation marks. Redacted before it is cut, so that no half of a secret stays.
    pub(crate) fn quote(&self, text: &str) -> String {
        format!("\"{}\"", cut(&self.line(text)))
    }
}

/// The first characters of a text, with `…` where something was cut.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text with a space for everything that would move a cursor, break a line or turn the reading direction.
fn one_line(text: &str) -> Cow<'_, str> {
    let moves = |c: char| c.is_control() || is_invisible(c);
    if text.contains(moves) { Cow::Owned(text.replace(moves, " ")) } else { Cow::Borrowed(text) }
}

/// Zero-width, line-separating and bidirectional formatting characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Milliseconds, with as many digits as mean something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Millis(pub(crate) f64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 9.95 => write!(f, "{ms:.1} ms"),
            ms if ms < 9_999.5 => write!(f, "{ms:.0} ms"),
            ms => write!(f, "{:.1} s", ms / 1000.0),
        }
    }
}

/// A limit that somebody wrote: `5 s`, `800 ms`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) Duration);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In whole numbers: 1.001 s as a floating-point number of milliseconds is not quite 1001.
        let (milliseconds, rest) = (self.0.as_millis(), self.0.subsec_nanos() % 1_000_000);
        match (self.0.subsec_nanos(), rest) {
            (0, _) => write!(f, "{} s", self.0.as_secs()),
            (_, 0) => write!(f, "{milliseconds} ms"),
            _ => {
                let digits = format!("{rest:06}");
                write!(f, "{milliseconds}.{} ms", digits.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_cleaned_redacted_and_cut() {
        let scrubber = Scrubber::new(Redactor::new(&[Secret::new("known-secret")]), &[Secret::new("own-secret")]);
        assert_eq!(scrubber.quote("a\r\nb\u{1b}[31m\u{202e}c"), "\"a  b [31m c\"");
        assert_eq!(scrubber.line("known-secret and own-secret"), "*** and ***");
        let quoted = scrubber.quote(&format!("{}own-secret", "é".repeat(195)));
        assert_eq!(quoted, format!("\"{}***\"", "é".repeat(195)), "redacted before it is cut");
        assert_eq!(scrubber.quote(&"x".repeat(300)), format!("\"{}…\"", "x".repeat(200)));
    }

    #[test]
    fn durations_have_the_digits_that_mean_something() {
        let texts = [0.04, 1.25, 9.96, 812.4, 12_345.0].map(|ms| Millis(ms).to_string());
        assert_eq!(texts, ["0.0 ms", "1.2 ms", "10 ms", "812 ms", "12.3 s"]);
        let limits = [800, 1001, 1500, 5000].map(|ms| Limit(Duration::from_millis(ms)).to_string());
        assert_eq!(limits, ["800 ms", "1001 ms", "1500 ms", "5 s"]);
        let parts = [1, 1_000, 1_500_000, 1_001_000_100].map(|ns| Limit(Duration::from_nanos(ns)).to_string());
        assert_eq!(parts, ["0.000001 ms", "0.001 ms", "1.5 ms", "1001.0001 ms"]);
    }
}
