//! One measurement of a database: connect, log in, ask, judge, say good-bye.

use std::{
    fmt::{self, Display},
    future::Future,
    time::Duration,
};

use runbook_core::{
    Health, Reading,
    config::Period,
    ports::ProbeError,
    registry::{BuildError, Scope},
};

use super::{
    Answer, At, Channel, Expected, Handshake, Login, Place, Progress, Stop, TlsMode, answer::shown, security::Security,
};
use crate::{evidence::Scrubber, reach::Reach, transport::Deadline};

/// How one kind of database is asked.
pub(in crate::probes) trait Protocol: Sized + 'static {
    /// The kind, as evidence begins.
    const KIND: &'static str;
    /// Its name, for sentences.
    const NAME: &'static str;
    /// The schemes of its URLs.
    const SCHEMES: &'static [&'static str];
    /// The port that it usually listens on.
    const PORT: u16;
    /// Whether nobody may ask without a name.
    const NEEDS_USER: bool;
    /// TLS, when nobody says anything. [`TlsMode::Prefer`] only where the protocol can negotiate it.
    const TLS: TlsMode;
    /// What is asked; shown in evidence.
    type Question: Display + Send + Sync;

    /// Asks over a connection of its own. Dropping the future closes it.
    fn ask(
        inquiry: &Inquiry<Self>,
        login: &Login,
        tls: Option<Handshake>,
        progress: &mut Progress,
    ) -> impl Future<Output = Result<Answered, Stop>> + Send;
}

/// An answer, and the connection that it came over.
pub(in crate::probes) struct Answered {
    pub(in crate::probes) answer: Answer,
    pub(in crate::probes) channel: Channel,
    /// What the protocol says at the end.
    pub(in crate::probes) goodbye: Vec<u8>,
}

/// A question to one server, checked and ready.
pub(in crate::probes) struct Inquiry<P: Protocol> {
    pub(in crate::probes) question: P::Question,
    pub(in crate::probes) scrubber: Scrubber,
    login: Result<Login, String>,
    security: Security,
    expected: Expected,
    timeout: Duration,
    reach: Option<Reach>,
}

impl<P: Protocol> Inquiry<P> {
    pub(in crate::probes) fn build(
        place: Place,
        question: P::Question,
        expected: Expected,
        timeout: Period,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        if timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        if expected.max_latency.is_some_and(|limit| limit.is_zero()) {
            return Err(BuildError::key("max_latency", "no answer comes within 0"));
        }
        let found = place.find::<P>(scope)?;
        Ok(Self {
            question,
            scrubber: Scrubber::new(scope.redactor.clone(), &found.secrets),
            login: found.login,
            security: found.security,
            expected,
            timeout: timeout.0,
            reach: found.reach,
        })
    }

    /// Whether a server that offers no TLS is asked all the same.
    pub(in crate::probes) fn may_be_plain(&self) -> bool {
        matches!(self.security.mode, TlsMode::Off | TlsMode::Prefer)
    }

    /// How long a sample may take at most.
    pub(in crate::probes) fn limit(&self) -> Duration {
        crate::transport::limit_of(self.timeout)
    }

    /// Takes one sample.
    pub(in crate::probes) async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.as_ref().map_or(Ok(()), Reach::check)?;
        let login = self.login.as_ref().map_err(|words| ProbeError::new(words.clone()))?;
        let mut deadline = Deadline::after(self.timeout);
        let tls = deadline.prepare(self.security.handshake()).await?;
        let mut progress = Progress::start(deadline);
        let ended = match deadline.bound(P::ask(self, login, tls, &mut progress)).await {
            Ok(ended) => ended,
            Err(_) => Err(deadline.late(progress.late(&login.host))),
        };
        match ended {
            Ok(answered) => {
                progress.enter(At::End);
                let reading = self.judge(&answered.answer, login, &progress);
                answered.channel.farewell(&answered.goodbye, deadline.left()).await;
                Ok(reading)
            }
            Err(Stop::Down(words)) => {
                Ok(Reading { phases: progress.phases(), ..Reading::new(Health::Unhealthy, self.line(login, &words)) })
            }
            Err(Stop::Unclear(words)) => Err(ProbeError::new(self.line(login, &words))),
            Err(Stop::Own(error)) => Err(error),
        }
    }

    fn judge(&self, answer: &Answer, login: &Login, progress: &Progress) -> Reading {
        let latency_ms = progress.elapsed_ms();
        let (health, findings) = self.expected.judge(answer, latency_ms, &self.scrubber);
        let words = shown(&self.question.to_string(), answer, latency_ms, &self.scrubber);
        Reading {
            latency_ms: Some(latency_ms),
            phases: progress.phases(),
            ..Reading::new(health, self.line(login, &format!("{words}{findings}")))
        }
    }

    /// `postgres db:5432/app → SELECT 1 = 1 in 3.1 ms`
    fn line(&self, login: &Login, words: &str) -> String {
        let (host, port) = (&login.host, login.port);
        let database = login.database.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
        self.scrubber.line(&format!("{} {host}:{port}{database} → {words}", P::KIND))
    }
}

impl<P: Protocol> fmt::Debug for Inquiry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.login.as_ref().map(|login| (login.host.to_string(), login.port, &login.database));
        f.debug_struct(P::NAME)
            .field("place", &place)
            .field("question", &self.question.to_string())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
