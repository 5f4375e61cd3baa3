//! The last lines of what a process printed: bounded, readable and without secrets.

use std::{collections::VecDeque, mem};

use runbook_core::Redactor;

/// How many lines are kept.
const LINES: usize = 50;
/// How many characters of a line are kept.
const LINE_CHARS: usize = 2_000;
/// How many bytes of a line are looked at. More than are kept, so that a secret at the cut is seen whole.
const LINE_BYTES: usize = 16 * 1024;

/// Where bytes came from. Each has its own unfinished line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    overlong: bool,
}

/// Collects the last lines of both streams, in the order in which they were finished. Blank lines are left out.
#[derive(Debug)]
pub(crate) struct Tail {
    redactor: Redactor,
    lines: VecDeque<String>,
    unfinished: [Line; 2],
    last_out: Option<String>,
}

impl Tail {
    pub(crate) fn new(redactor: &Redactor) -> Self {
        Self { redactor: redactor.clone(), lines: VecDeque::new(), unfinished: Default::default(), last_out: None }
    }

    /// Takes what was read. A carriage return ends a line too: it is how progress is painted.
    pub(crate) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).peekable();
        while let Some(piece) = pieces.next() {
            let line = &mut self.unfinished[stream as usize];
            let room = LINE_BYTES - line.bytes.len();
            line.overlong |= piece.len() > room;
            line.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
            if pieces.peek().is_some() {
                self.finish_line(stream);
            }
        }
    }

    /// Adds a remark of our own.
    pub(crate) fn remark(&mut self, text: &str) {
        self.finish_line(Stream::Out);
        self.finish_line(Stream::Err);
        self.keep(text.to_owned());
    }

    /// The lines, oldest first, and the last line of standard output, which some commands answer with.
    pub(crate) fn finish(mut self) -> (Vec<String>, Option<String>) {
        self.finish_line(Stream::Err);
        self.finish_line(Stream::Out);
        (self.lines.into(), self.last_out)
    }

    fn finish_line(&mut self, stream: Stream) {
        let Line { bytes, overlong } = mem::take(&mut self.unfinished[stream as usize]);
        let text = self.redactor.redact(&printable(&String::from_utf8_lossy(&bytes)));
        let text = text.trim_end();
        if text.trim_start().is_empty() {
            return;
        }
        let text = match text.char_indices().nth(LINE_CHARS) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            // So little is left of so much that the end of what was looked at shows: it may be half a secret.
            None if overlong => "(a long line, left out)".to_owned(),
            None => text.to_owned(),
        };
        if stream == Stream::Out {
            self.last_out = Some(text.clone());
        }
        self.keep(text);
    }

    fn keep(&mut self, line: String) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// The end of a tail for an error. The last line comes first, and each one before it after it: errors are shortened
/// from their end, and the line that says why stands last in most outputs.
pub(crate) fn last_words(tail: &[String]) -> String {
    const BEFORE: usize = 4;
    match tail.split_last() {
        None => "(it printed nothing)".to_owned(),
        Some((last, [])) => format!("\"{last}\""),
        Some((last, before)) => {
            let before: Vec<&str> = before.iter().rev().take(BEFORE).map(String::as_str).collect();
            format!("\"{last}\" (before that: {})", before.join(" | "))
        }
    }
}

/// The text without terminal escapes (ECMA-48) and other control characters, and without the marks that turn the
/// direction of writing (Unicode UAX 9), which make a text read as something else than it is.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // CSI: parameters up to a final byte.
                Some('[') => while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
                // OSC, DCS, SOS, PM, APC: a string up to BEL or ESC \.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                // A character set: one more character.
                Some('(' | ')' | '*' | '+' | '#' | '%') => {
                    chars.next();
                }
                _ => {}
            },
            '\t' => out.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runbook_core::Secret;

    use super::*;

    fn tail_of(pieces: &[(Stream, &[u8])], secrets: &[Secret]) -> Vec<String> {
        let mut tail = Tail::new(&Redactor::new(secrets));
        pieces.iter().for_each(|(stream, bytes)| tail.push(*stream, bytes));
        tail.finish().0
    }

    #[test]
    fn the_last_lines_of_both_streams_are_kept_in_order() {
        let pieces: &[(Stream, &[u8])] =
            &[(Stream::Out, b"one\ntw"), (Stream::Err, b"three\n"), (Stream::Out, b"o\n\n  \nlast")];
        assert_eq!(tail_of(pieces, &[]), ["one", "three", "two", "last"]);
        let many: String = (0..500).map(|n| format!("{n}\n")).collect();
        let kept = tail_of(&[(Stream::Out, many.as_bytes())], &[]);
        assert_eq!((kept.len(), kept[0].as_str(), kept[49].as_str()), (50, "450", "499"));
    }

    #[test]
    fn the_last_line_is_told_first() {
        let lines = |words: &str| -> Vec<String> { words.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(last_words(&lines("")), "(it printed nothing)");
        assert_eq!(last_words(&lines("boom")), "\"boom\"");
        assert_eq!(last_words(&lines("1 2 3 4 5 boom")), "\"boom\" (before that: 5 | 4 | 3 | 2)");
    }

    #[test]
    fn secrets_do_not_survive_colours_pieces_or_cuts() {
        let secrets = [Secret::new("hunter2-and-more")];
        assert_eq!(tail_of(&[(Stream::Out, b"a hunter2-a"), (Stream::Out, b"nd-more b")], &secrets), ["a *** b"]);
        assert_eq!(tail_of(&[(Stream::Err, b"hunter2\x1b[31m-and-\x1b[0mmore")], &secrets), ["***"]);
        let at_the_cut = format!("{}hunter2-and-more", "x".repeat(LINE_CHARS - 4));
        assert!(!tail_of(&[(Stream::Out, at_the_cut.as_bytes())], &secrets)[0].contains("hunt"));
        let shrinking = "hunter2-and-more".repeat(2_000);
        assert!(!tail_of(&[(Stream::Out, shrinking.as_bytes())], &secrets)[0].contains("hunt"));
    }

    #[test]
    fn what_is_kept_can_be_read() {
        let text = b"\x1b]0;title\x07\x1b[1;31mred\x1b[0m\tand \xff \x1b(Bplain\x07\rdone \xe2\x80\xaetxt";
        assert_eq!(tail_of(&[(Stream::Out, text)], &[]), ["red and \u{fffd} plain", "done txt"]);
        let long = tail_of(&[(Stream::Out, "ä".repeat(3_000).as_bytes())], &[]);
        assert_eq!(long[0].chars().count(), LINE_CHARS + 1);
    }

    proptest! {
        #[test]
        fn anything_is_bounded_and_printable(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..30)) {
            let mut tail = Tail::new(&Redactor::default());
            pieces.iter().for_each(|piece| tail.push(Stream::Out, piece));
            let (lines, _) = tail.finish();
            prop_assert!(lines.len() <= LINES);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= LINE_CHARS + 1 && !line.contains(char::is_control)));
        }
    }
}
