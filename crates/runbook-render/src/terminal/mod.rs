//! Lines for people at a terminal: text with a tone, which the face turns into colours or not.
//!
//! `line` is what they are made of; `summary` tells a run or an environment, `series` a service over time, `doctor` what a
//! doctor found.

mod doctor;
mod line;
mod series;
mod summary;

pub use doctor::terminal_doctor;
pub use line::{Line, Span, Tone};
pub use series::terminal_series;
pub use summary::{terminal_report, terminal_status};
