//! How far a measurement came, and how long each part took; kept outside of the future that the deadline may drop.

use std::time::Duration;

use runbook_core::{Phases, ports::ProbeError};

use super::Stop;
use crate::{
    evidence::Limit,
    transport::{Deadline, Host, Step, Trace},
};

/// The part of a measurement that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probes) enum At {
    /// Before anything.
    Start,
    /// Looking the name up.
    Lookup,
    /// Opening the connection.
    Connect,
    /// Agreeing on TLS.
    Tls,
    /// Saying who asks.
    Login,
    /// The question is sent, the answer has not begun.
    Query,
    /// Reading the answer.
    Answer,
    /// The answer is complete.
    End,
}

/// The clock of one measurement.
#[derive(Debug)]
pub(in crate::probes) struct Progress {
    at: At,
    trace: Trace,
    deadline: Deadline,
}

impl Progress {
    pub(in crate::probes) fn start(deadline: Deadline) -> Self {
        Self { at: At::Start, trace: Trace::start(), deadline }
    }

    pub(in crate::probes) fn enter(&mut self, at: At) {
        self.at = at;
        self.trace.enter(match at {
            // The login is no part that others have; the total holds it.
            At::Start | At::Login | At::End => Step::Idle,
            At::Lookup => Step::Lookup,
            At::Connect => Step::Connect,
            At::Tls => Step::Tls,
            At::Query => Step::FirstByte,
            At::Answer => Step::Body,
        });
    }

    pub(in crate::probes) fn phases(&self) -> Phases {
        self.trace.phases()
    }

    pub(in crate::probes) fn elapsed_ms(&self) -> f64 {
        self.trace.elapsed_ms()
    }

    /// What is left until the deadline, at least a millisecond: for the server's own limit, where 0 would mean none.
    pub(in crate::probes) fn remaining(&self) -> Duration {
        self.deadline.left().max(Duration::from_millis(1))
    }

    /// What it means that the time is over.
    pub(in crate::probes) fn late(&self, host: &Host) -> Stop {
        let limit = Limit(self.deadline.limit());
        Stop::Down(match self.at {
            At::Lookup => {
                return ProbeError::new(format!("failed to look up the name `{host}` within {limit}")).into();
            }
            At::Start | At::Connect => format!("no answer within {limit}"),
            At::Tls => format!("connected, but TLS was not agreed on within {limit}"),
            At::Login => format!("connected, but the login was not finished within {limit}"),
            At::Query => format!("connected, but no answer to the question within {limit}"),
            At::Answer | At::End => format!("connected, but the answer was not complete within {limit}"),
        })
    }
}
