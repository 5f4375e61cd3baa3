//! The rules, a file for each subject: pure functions from what was read to findings.

pub(crate) mod core;
pub(crate) mod declared;
pub(crate) mod direction;
pub(crate) mod fronts;
pub(crate) mod length;
pub(crate) mod licences;
pub(crate) mod machine;
mod roles;
pub(crate) mod templates;
pub(crate) mod variables;
pub(crate) mod versions;
