//! Reading what a server says (RESP, version 2), as far as it is looked at.

use bytes::BytesMut;

use super::refusal;
use crate::probes::database::{Channel, MAX_FRAME, Stop};

/// The longest text that is read.
const MAX_TEXT: usize = 64 * 1024;

/// The longest line: a status, an error or a number.
const MAX_LINE: usize = 1024;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// A line, such as `OK`.
    Status(String),
    Whole(i64),
    /// Bytes; `None` when there is no such thing.
    Text(Option<Vec<u8>>),
    /// How many elements a list has; what they are is not read, so nothing can be read after it.
    List(Option<usize>),
}

/// The next answer. An error of the server, a line that begins with a code such as `WRONGPASS`, is an `Err`.
pub(super) async fn next(channel: &mut Channel) -> Result<Reply, Stop> {
    let line = line(channel).await?;
    let (kind, rest) = line.split_first().ok_or_else(foreign)?;
    let words = || String::from_utf8_lossy(rest).into_owned();
    let number = || std::str::from_utf8(rest).ok().and_then(|digits| digits.parse::<i64>().ok()).ok_or_else(foreign);
    match kind {
        b'+' => Ok(Reply::Status(words())),
        b'-' => Err(refusal::stop(&words())),
        b':' => Ok(Reply::Whole(number()?)),
        b'*' => Ok(Reply::List(length(number()?)?)),
        b'$' => match length(number()?)? {
            None => Ok(Reply::Text(None)),
            Some(length) if length > MAX_TEXT => {
                Err(Stop::unclear("the answer is larger than 64 KiB; ask for less of it, as with GETRANGE"))
            }
            Some(length) => {
                channel.fill(length + 2).await?;
                let mut text = channel.buffer().split_to(length + 2);
                if text.split_off(length).as_ref() != b"\r\n" {
                    return Err(foreign());
                }
                Ok(Reply::Text(Some(text.to_vec())))
            }
        },
        _ => Err(foreign()),
    }
}

/// `None` for -1, which stands for nothing.
fn length(number: i64) -> Result<Option<usize>, Stop> {
    match number {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| foreign()),
    }
}

/// A line without its end.
async fn line(channel: &mut Channel) -> Result<BytesMut, Stop> {
    let mut seen = 0;
    loop {
        if let Some(end) = channel.buffer()[seen..].windows(2).position(|two| two == b"\r\n") {
            let mut line = channel.buffer().split_to(seen + end + 2);
            line.truncate(seen + end);
            return Ok(line);
        }
        let length = channel.buffer().len();
        if length > MAX_LINE {
            return Err(foreign());
        }
        // The end may be half there.
        seen = length.saturating_sub(1);
        channel.fill((length + 1).min(MAX_FRAME)).await?;
    }
}

/// Somebody else listens there.
pub(super) fn foreign() -> Stop {
    Stop::down("the answer is not Redis' protocol")
}
