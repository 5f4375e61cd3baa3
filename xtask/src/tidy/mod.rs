//! `cargo xtask tidy`: what the architecture promises, held by reading the tree and cargo's own account of it.
//!
//! Each rule is a pure function from what was read to findings, in a file of `rules` with a test that shows it fail.

mod check;
mod finding;
mod graph;
mod rules;
mod rust;
mod tree;

pub(crate) use check::start;
