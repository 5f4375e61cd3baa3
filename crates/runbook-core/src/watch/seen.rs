//! What was seen of one service so far, and what it comes to.

use jiff::Timestamp;

use super::{Audience, Conclusion, Confirmation, Observer, conclude};
use crate::words::{Reading, ServiceId};

/// The samples of one service, with what they come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Each sample, oldest first.
    pub samples: Vec<(Timestamp, Reading)>,
    /// What they come to.
    pub conclusion: Conclusion,
    confirmation: Confirmation,
    was_bad: bool,
}

impl Seen {
    /// Before the first sample.
    pub fn nothing(confirmation: Confirmation, was_bad: bool) -> Self {
        Self { samples: Vec::new(), conclusion: conclude([], confirmation, was_bad), confirmation, was_bad }
    }

    /// When the newest sample was taken; `otherwise` when there is none.
    pub fn at(&self, otherwise: Timestamp) -> Timestamp {
        self.samples.last().map_or(otherwise, |(at, _)| *at)
    }

    /// Takes a sample in, tells it, and puts it aside for the history.
    pub(super) async fn take(
        &mut self,
        observer: &Observer,
        service: &ServiceId,
        reading: Reading,
        audience: &dyn Audience,
    ) {
        let at = observer.clock().now();
        audience.sampled(service, &reading);
        if let Err(error) = observer.keep(service, at, &reading).await {
            audience.history_failed(&error);
        }
        self.samples.push((at, reading));
        self.conclusion = conclude(self.samples.iter().map(|(_, reading)| reading), self.confirmation, self.was_bad);
    }
}
