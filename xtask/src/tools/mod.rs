//! What several commands use: the checkout with its cargo, other programs, arguments.

mod arguments;
mod checkout;
mod program;
mod summary;

pub(crate) use arguments::{Format, Misuse, format_and_rest};
pub(crate) use checkout::Checkout;
pub(crate) use program::{output, program, replace, status, text};
pub(crate) use summary::Summary;
