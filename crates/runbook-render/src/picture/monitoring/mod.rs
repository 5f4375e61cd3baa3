//! The picture of the monitoring report: what its templates see.
//!
//! `model` holds the fields that templates name; `build` makes them from a report, `card` a service's part of it, `run` that
//! of the newest run; `detail` says what is left out first.

mod build;
mod card;
mod detail;
mod model;
mod run;

pub(crate) use detail::{HTML, MARKDOWN, MonitoringDetail};
pub use model::{
    CardPicture, MonitoringPicture, NewestRunPicture, NotePicture, ReleasePicture, StepPicture, TallyPicture,
};
