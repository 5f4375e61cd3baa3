//! What the probes of databases share: settings, the way to the server, TLS, judgement and evidence. What a server says,
//! and what it means, stands beside its own probe.
//!
//! A probe meets whatever listens on a port, also what is no database at all, and it must stay small and whole then: no
//! frame is believed before it is measured, nothing is larger than [`MAX_FRAME`], nothing panics, no task runs beside
//! the measurement. The usual clients are made for servers that their owner trusts: they set memory aside as the server
//! says, take their settings from environment variables, and bring roots of their own. So the three protocols are spoken
//! here, as far as one read-only question needs them.
//!
//! `settings` is what people write, `url` reads addresses, `place` finds out where and as whom to ask, `security` is
//! TLS, `channel` the connection, `progress` how far a measurement came, `stop` why it ended early, `statement` what may
//! be asked in SQL, `answer` what came back, `inquiry` the measurement itself.

mod answer;
mod channel;
mod inquiry;
mod place;
mod progress;
mod security;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod settings;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod statement;
mod stop;
mod url;

pub(super) use answer::{Answer, Expected, MAX_ROWS, Rows, text};
pub(super) use channel::{Channel, MAX_FRAME};
pub(super) use inquiry::{Answered, Inquiry, Protocol};
pub(super) use place::{Login, Place};
pub(super) use progress::{At, Progress};
pub(super) use security::Handshake;
pub use security::TlsMode;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) use settings::Query;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub use settings::QuerySettings;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) use statement::{Dialect, Statement};
pub(super) use stop::{Stop, refused};
