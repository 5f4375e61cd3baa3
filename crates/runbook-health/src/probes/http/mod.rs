//! `kind = "http"`: one request over HTTP or HTTPS, and what is expected of its answer.
//!
//! `settings` is what people write, `address` reads URLs, `build` checks and prepares, `request` is what is sent,
//! `login` says who sends it, `probe` measures, `redirect` follows, `expect` judges, `json` and `pointer` look into a
//! body.

mod address;
mod build;
mod expect;
mod json;
mod login;
mod pointer;
mod probe;
mod redirect;
mod request;
mod settings;
mod status;

pub use pointer::Pointer;
pub use probe::HttpProbe;
pub use settings::{ExpectSettings, HttpSettings, HttpVersion, LatencySettings};
pub use status::StatusSettings;
