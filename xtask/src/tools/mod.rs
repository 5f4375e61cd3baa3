//! What several commands use: the checkout with its cargo, other programs and those that serve, Python, arguments.

mod arguments;
mod checkout;
mod program;
mod python;
mod server;
mod summary;

pub(crate) use arguments::{Format, Misuse, format_and_rest};
pub(crate) use checkout::Checkout;
pub(crate) use program::{output, program, replace, status, text};
pub(crate) use python::environment;
pub(crate) use server::Server;
pub(crate) use summary::Summary;
