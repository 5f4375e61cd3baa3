//! The picture: what a template sees. A view's facts as words, shortened to a level of detail, not yet escaped.
//!
//! `model` holds the fields that templates name, `build` makes them from a view, `detail` says what is left out first.

mod build;
mod detail;
mod model;

pub(crate) use detail::{CHAT, Detail, DocumentDetail, PAGE};
pub use model::{
    CommandPicture, Picture, RollbackPicture, RunPicture, ServicePicture, StagePicture, StatusPicture, VerdictPicture,
};
