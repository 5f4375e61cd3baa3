//! The commands that build and start programs of this workspace, a file each.

pub(crate) mod demo;
pub(crate) mod docs;
pub(crate) mod e2e;
pub(crate) mod fuzz;
pub(crate) mod run;
pub(crate) mod test;
