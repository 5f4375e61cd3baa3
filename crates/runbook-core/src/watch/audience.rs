//! Who hears of a watch while it goes on.

use super::Conclusion;
use crate::{
    ports::HistoryError,
    words::{Reading, ServiceId},
};

/// Hears what a watch finds, as it finds it. Nothing here may block.
pub trait Audience: Send + Sync {
    /// A sample was taken.
    fn sampled(&self, service: &ServiceId, reading: &Reading);
    /// A service that was changed is confirmed to be unhealthy, so the watch of all ends.
    fn confirmed(&self, service: &ServiceId, conclusion: &Conclusion);
    /// The history could not be kept.
    fn history_failed(&self, error: &HistoryError);
}

/// Nobody.
impl Audience for () {
    fn sampled(&self, _: &ServiceId, _: &Reading) {}
    fn confirmed(&self, _: &ServiceId, _: &Conclusion) {}
    fn history_failed(&self, _: &HistoryError) {}
}
