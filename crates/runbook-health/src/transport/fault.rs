//! Whose fault it is when nothing came back: the target's, which is a measurement, or this machine's, which is none.

use std::io::{self, ErrorKind};

use runbook_core::ports::ProbeError;

/// Why there was no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Measured of the target, in words that follow `→`.
    Target(String),
    /// Not measured: something is missing on this side.
    Own(ProbeError),
}

impl Fault {
    pub(crate) fn target(words: impl Into<String>) -> Self {
        Self::Target(words.into())
    }

    /// Sorts an error of the operating system while `doing` something. Only what is known to come from the target
    /// counts against it: everything else is this side's.
    pub(crate) fn of_io(error: io::Error, doing: &str) -> Self {
        Sorted::of(&error, doing).caused_by(error)
    }

    /// Of two attempts on the same target, the one that says more: something measured outweighs what was not.
    pub(crate) fn or_measured(self, other: Self) -> Self {
        if matches!(self, Self::Target(_)) { self } else { other }
    }
}

/// An error of the operating system that was sorted while it lies inside of another one, which is then kept whole.
#[derive(Debug)]
pub(super) enum Sorted {
    /// The target's.
    Target(&'static str),
    /// This side's, in words.
    Own(String),
}

impl Sorted {
    pub(super) fn of(error: &io::Error, doing: &str) -> Self {
        target_words(error.kind()).map_or_else(|| Self::Own(own_message(error, doing)), Self::Target)
    }

    /// The fault, with everything that is known of the cause.
    pub(super) fn caused_by(self, cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
        match self {
            Self::Target(words) => Fault::target(words),
            Self::Own(message) => Fault::Own(ProbeError { message, source: Some(Box::new(cause)) }),
        }
    }
}

impl From<ProbeError> for Fault {
    fn from(error: ProbeError) -> Self {
        Self::Own(error)
    }
}

fn target_words(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::NotConnected => {
            "connection reset"
        }
        ErrorKind::UnexpectedEof => "the connection was closed before the answer was complete",
        ErrorKind::TimedOut => "connection timed out",
        _ => return None,
    })
}

fn own_message(error: &io::Error, doing: &str) -> String {
    // A host that is unreachable is a router's word or a missing route here; nothing at the target said it.
    match error.kind() {
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown => {
            format!("failed to {doing}: there is no route from this machine")
        }
        ErrorKind::AddrNotAvailable => {
            format!("failed to {doing}: this machine has no free address or port to do it from")
        }
        ErrorKind::PermissionDenied => format!("failed to {doing}: this machine does not permit it; see its firewall"),
        _ if is_out_of_files(error) => {
            format!("failed to {doing}: too many files are open on this machine; raise its limit")
        }
        _ => format!("failed to {doing}"),
    }
}

/// `EMFILE` and `ENFILE`, which have no [`ErrorKind`]; both numbers are the same on every Unix.
fn is_out_of_files(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_target_did_counts_against_it() {
        let target = |kind: ErrorKind| matches!(Fault::of_io(kind.into(), "connect"), Fault::Target(_));
        for kind in [ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset, ErrorKind::TimedOut] {
            assert!(target(kind), "{kind}");
        }
        for kind in [
            ErrorKind::NetworkUnreachable,
            ErrorKind::HostUnreachable,
            ErrorKind::AddrNotAvailable,
            ErrorKind::PermissionDenied,
            ErrorKind::OutOfMemory,
            ErrorKind::Other,
        ] {
            assert!(!target(kind), "{kind}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn too_many_open_files_is_this_machines_fault() {
        let Fault::Own(error) = Fault::of_io(io::Error::from_raw_os_error(24), "connect to 127.0.0.1:80") else {
            panic!("counted against the target");
        };
        assert_eq!(
            error.to_string(),
            "failed to connect to 127.0.0.1:80: too many files are open on this machine; raise its limit"
        );
    }
}
