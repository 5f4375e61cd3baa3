//! The connection in packets: three bytes of length, one that counts, and what is inside.

use bytes::Bytes;

use crate::probes::database::{Channel, MAX_FRAME, Stop};

/// The head of a packet.
const HEAD: usize = 4;

/// A connection and the number of its next packet.
pub(super) struct Packets {
    pub(super) channel: Channel,
    pub(super) sequence: u8,
}

impl Packets {
    pub(super) fn over(channel: Channel) -> Self {
        Self { channel, sequence: 0 }
    }

    /// The next packet. An error of the server is a packet like others.
    pub(super) async fn next(&mut self) -> Result<Bytes, Stop> {
        match self.next_if_small().await? {
            Some(packet) => Ok(packet),
            None => Err(foreign()),
        }
    }

    /// The next packet; `None` when it is larger than what is read. Nothing can be read after it.
    pub(super) async fn next_if_small(&mut self) -> Result<Option<Bytes>, Stop> {
        self.channel.fill(HEAD).await?;
        let &[low, middle, high, sequence] = self.channel.buffer().first_chunk().ok_or_else(foreign)?;
        let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        // It counts up within one exchange, so whoever does not count speaks another protocol.
        if sequence != self.sequence {
            return Err(foreign());
        }
        if length + HEAD > MAX_FRAME {
            return Ok(None);
        }
        self.channel.fill(HEAD + length).await?;
        self.sequence = sequence.wrapping_add(1);
        let mut packet = self.channel.buffer().split_to(HEAD + length);
        Ok(Some(packet.split_off(HEAD).freeze()))
    }

    /// Goes on with the exchange.
    pub(super) async fn send(&mut self, content: &[u8]) -> Result<(), Stop> {
        let packet = packet(self.sequence, content);
        self.sequence = self.sequence.wrapping_add(1);
        self.channel.send(&packet).await
    }

    /// Begins an exchange.
    pub(super) async fn command(&mut self, command: Command, argument: &str) -> Result<(), Stop> {
        self.sequence = 0;
        self.send(&command.content(argument)).await
    }
}

/// What a client may want ("Command Phase").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Command {
    Quit = 1,
    Query = 3,
}

impl Command {
    fn content(self, argument: &str) -> Vec<u8> {
        let mut content = vec![self as u8];
        content.extend_from_slice(argument.as_bytes());
        content
    }

    /// As a whole packet.
    pub(super) fn packet(self, argument: &str) -> Vec<u8> {
        packet(0, &self.content(argument))
    }
}

/// What is sent here is far shorter than the 16 MiB that one packet holds: queries, names and passwords are checked.
fn packet(sequence: u8, content: &[u8]) -> Vec<u8> {
    let [low, middle, high, ..] = content.len().to_le_bytes();
    let mut packet = vec![low, middle, high, sequence];
    packet.extend_from_slice(content);
    packet
}

/// Somebody else listens there.
pub(super) fn foreign() -> Stop {
    Stop::down("the answer is not MySQL's protocol")
}
