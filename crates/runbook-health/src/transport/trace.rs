//! Where a measurement stands and how long each part took; kept outside of the future that a deadline may drop.

use std::time::Instant;

use jiff::Timestamp;
use runbook_core::Phases;

/// The part of a measurement that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Between parts.
    Idle,
    /// Looking the name up.
    Lookup,
    /// Opening the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The request is sent, the answer has not begun.
    FirstByte,
    /// Reading the answer.
    Body,
}

/// The clock of one measurement.
#[derive(Debug)]
pub(crate) struct Trace {
    started: Instant,
    since: Instant,
    step: Step,
    phases: Phases,
    certificate_not_after: Option<Timestamp>,
}

impl Trace {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self { started: now, since: now, step: Step::Idle, phases: Phases::default(), certificate_not_after: None }
    }

    /// Ends the current part and begins the next. A part that happens again (after a redirect) is added up.
    pub(crate) fn enter(&mut self, step: Step) {
        let now = Instant::now();
        let elapsed = now.duration_since(self.since).as_secs_f64() * 1000.0;
        let part = match self.step {
            Step::Idle => None,
            Step::Lookup => Some(&mut self.phases.dns_ms),
            Step::Connect => Some(&mut self.phases.connect_ms),
            Step::Tls => Some(&mut self.phases.tls_ms),
            Step::FirstByte => Some(&mut self.phases.first_byte_ms),
            Step::Body => Some(&mut self.phases.body_ms),
        };
        if let Some(part) = part {
            *part = Some(part.unwrap_or_default() + elapsed);
        }
        self.since = now;
        self.step = step;
    }

    /// The part under way: after a deadline, the one that took too long.
    pub(crate) fn step(&self) -> Step {
        self.step
    }

    /// The parts that ended.
    pub(crate) fn phases(&self) -> Phases {
        self.phases
    }

    /// Notes when a certificate that a server showed ends to be valid. Of several (after a redirect) the first to end
    /// counts: with it the way is broken.
    pub(crate) fn saw_certificate(&mut self, not_after: Option<Timestamp>) {
        self.certificate_not_after = [self.certificate_not_after, not_after].into_iter().flatten().min();
    }

    /// When the first of the certificates ends to be valid; `None` when none was shown.
    pub(crate) fn certificate_not_after(&self) -> Option<Timestamp> {
        self.certificate_not_after
    }

    /// Milliseconds since the start.
    pub(crate) fn elapsed_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }
}
