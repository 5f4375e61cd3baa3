//! A connection of this machine's that fails, for tests: it takes what is written, and then cannot be read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use runbook_core::{engine::with_causes, ports::ProbeError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the system says.
pub(super) const CAUSE: &str = "the machine has no memory left";

#[derive(Debug, Default)]
pub(super) struct Failing {
    is_written: bool,
    reader: Option<Waker>,
}

/// An error with everything that it says of its causes.
pub(super) fn causes(error: &ProbeError) -> String {
    with_causes(error)
}

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_written {
            return Poll::Ready(Err(io::Error::other(CAUSE)));
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Failing {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_written = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
