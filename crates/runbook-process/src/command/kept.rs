//! Standard output as a command printed it, up to a limit: what conditions look at. What people read is the tail.

/// The beginning of a command's standard output.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    limit: usize,
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Kept {
    /// Keeps this many bytes.
    pub(crate) fn up_to(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.limit - self.bytes.len();
        self.is_cut |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// All of the output, without the white space around it.
    ///
    /// # Errors
    /// Why it cannot be compared with anything, in words that follow "but".
    pub(crate) fn text(&self) -> Result<&str, String> {
        if self.is_cut {
            return Err(format!("it is longer than {} bytes", self.limit));
        }
        std::str::from_utf8(&self.bytes).map(str::trim).map_err(|_| "it is not UTF-8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn what_was_cut_or_is_no_text_cannot_be_compared() {
        let mut kept = Kept::up_to(4);
        kept.push(b" a");
        kept.push(b"b\n");
        assert_eq!(kept.text().unwrap(), "ab");
        kept.push(b"");
        assert!(kept.text().is_ok(), "nothing more is nothing lost");
        kept.push(b"c");
        assert_eq!(kept.text().unwrap_err(), "it is longer than 4 bytes");
        assert_eq!(kept.bytes.len(), 4);
        let mut kept = Kept::up_to(4);
        kept.push(&[0xff]);
        assert_eq!(kept.text().unwrap_err(), "it is not UTF-8");
    }
}
