//! `kind = "dns"`: one question to one DNS server, and what is expected of its answer.
//!
//! `settings` is what people write, `build` checks and prepares, `servers` finds who is asked, `exchange` sends one
//! question over UDP or TCP, `answer` finds the records in what came back, `expect` judges, `probe` measures.
//!
//! The messages are read and written by `hickory`; the exchange is our own, because a resolver caches, repeats and
//! appends search domains, and a measurement must do none of that.

mod answer;
mod build;
mod exchange;
mod expect;
mod probe;
mod servers;
mod settings;

pub use probe::DnsProbe;
pub use settings::{DnsExpectSettings, DnsProtocol, DnsSettings, DnsType};
