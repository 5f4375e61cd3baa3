//! Where everything that people and programs see is written: `format` says what was asked for, `progress` shows what
//! happens, `paint` colours and draws carets, and `documents` are what stands at the end.

mod documents;
mod format;
mod paint;
mod progress;

pub(crate) use documents::Output;
pub(crate) use format::{Format, Verbosity};
