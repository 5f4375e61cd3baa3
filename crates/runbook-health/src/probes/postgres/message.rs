//! Reading what a server says, one message at a time, none before it is known to be small and of a kind that there is.

use bytes::BytesMut;
use postgres_protocol::message::backend::{self, Header, Message};
use runbook_core::ports::ProbeError;

use super::refusal;
use crate::probes::database::{Channel, MAX_FRAME, Stop};

/// Every kind of message that a server may send to this probe.
const KINDS: &[u8] = b"RSKZTDCENA123nIst";

/// The next message that means something here. An error of the server is an `Err`; notices and settings are passed over.
pub(super) async fn next(channel: &mut Channel) -> Result<Message, Stop> {
    loop {
        channel.fill(5).await?;
        let header = Header::parse(channel.buffer()).ok().flatten().ok_or_else(foreign)?;
        if !KINDS.contains(&header.tag()) {
            return Err(foreign());
        }
        let length = usize::try_from(header.len()).map_err(|_| foreign())?.saturating_add(1);
        if length > MAX_FRAME {
            return Err(match header.tag() {
                backend::DATA_ROW_TAG => Stop::unclear("a row is larger than 64 KiB; let the query give less"),
                _ => foreign(),
            });
        }
        channel.fill(length).await?;
        match Message::parse(channel.buffer()) {
            Ok(Some(Message::ErrorResponse(error))) => return Err(refusal::stop(&error)),
            Ok(Some(Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_))) => {}
            Ok(Some(message)) => return Ok(message),
            Ok(None) | Err(_) => return Err(foreign()),
        }
    }
}

/// Somebody else listens there.
pub(super) fn foreign() -> Stop {
    Stop::down("the answer is not PostgreSQL's protocol")
}

/// Writes messages. The codec refuses a text with the character NUL.
pub(super) fn write(write: impl FnOnce(&mut BytesMut) -> std::io::Result<()>) -> Result<BytesMut, Stop> {
    let mut bytes = BytesMut::new();
    match write(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Stop::Own(ProbeError {
            message: "user, password, database or query cannot be sent".to_owned(),
            source: Some(Box::new(error)),
        })),
    }
}
