//! What `forge-service` is made of: the release that it was started from, and the answers that follow from it.

pub mod answer;
pub mod release;
