//! The routes, a file per page of GitHub's documentation. Each is a function of the state and the request.

mod actions;
mod checks;
mod comments;
mod deployments;
mod desk;
mod issues;
mod labels;
mod pulls;
mod refs;
mod repository;
mod router;

pub(super) use issues::next_number;
pub(super) use router::{page, route};
