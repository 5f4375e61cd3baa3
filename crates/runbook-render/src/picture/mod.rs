//! The picture: what a template sees. A view's facts as words, shortened to a level of detail, not yet escaped.
//!
//! `model` holds the fields that templates name, `build` and `service` make them from a view, `detail` says what is left
//! out first. The picture of the monitoring report stands in `monitoring`.

mod build;
mod detail;
mod model;
mod monitoring;
mod service;

pub(crate) use detail::{CHAT, Detail, DocumentDetail, PAGE};
pub use model::{
    CommandPicture, Picture, RollbackPicture, RunPicture, ServicePicture, StagePicture, StatusPicture, VerdictPicture,
};
pub use monitoring::{
    CardPicture, MonitoringPicture, NewestRunPicture, NotePicture, ReleasePicture, StepPicture, TallyPicture,
};
pub(crate) use monitoring::{HTML, MARKDOWN, MonitoringDetail};
pub(crate) use service::hours;
