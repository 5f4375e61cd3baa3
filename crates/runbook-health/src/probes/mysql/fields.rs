//! Reading the fields of a packet. Nothing is read beyond its end.

/// What is left of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'p>(&'p [u8]);

impl<'p> Fields<'p> {
    pub(super) fn of(packet: &'p [u8]) -> Self {
        Self(packet)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'p [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A number of this many bytes, the lowest first.
    pub(super) fn number(&mut self, length: usize) -> Option<u64> {
        Some(self.take(length)?.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// The bytes before a NUL, which is passed over.
    pub(super) fn until_nul(&mut self) -> Option<&'p [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let taken = self.take(end)?;
        self.take(1)?;
        Some(taken)
    }

    /// A number that says itself how long it is ("length-encoded integer").
    pub(super) fn length(&mut self) -> Option<u64> {
        match self.byte()? {
            short @ ..=0xfa => Some(short.into()),
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            _ => None,
        }
    }

    /// Bytes with their length before them.
    pub(super) fn counted(&mut self) -> Option<&'p [u8]> {
        let length = usize::try_from(self.length()?).ok()?;
        self.take(length)
    }

    pub(super) fn rest(self) -> &'p [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_read_in_turn() {
        let mut fields = Fields::of(b"\x01\x02\x00name\x00\xfc\x02\x00ab\xfd\x01\x00\x00c");
        assert_eq!((fields.byte(), fields.number(2)), (Some(1), Some(2)));
        assert_eq!(fields.until_nul(), Some(b"name".as_slice()));
        assert_eq!(fields.counted(), Some(b"ab".as_slice()));
        assert_eq!(fields.counted(), Some(b"c".as_slice()));
        assert_eq!((fields.byte(), fields.rest()), (None, b"".as_slice()));
    }

    proptest! {
        #[test]
        fn no_packet_is_read_beyond_its_end(packet: Vec<u8>, lengths: Vec<usize>) {
            let mut fields = Fields::of(&packet);
            for length in lengths {
                let _ = (fields.take(length), fields.counted(), fields.until_nul(), fields.number(length % 9));
                prop_assert!(fields.rest().len() <= packet.len());
            }
        }
    }
}
