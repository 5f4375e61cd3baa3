//! One measurement over HTTP: ask, follow redirects as far as allowed, read the body as far as allowed, judge.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use hyper::{body::Bytes, http::response::Parts};
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
};
use tokio::task::spawn_blocking;

use super::{
    address::{Address, Scheme},
    expect::{Body, Expect, Found},
    redirect,
    request::Request,
};
use crate::{
    evidence::{Limit, Millis, Scrubber},
    reach::Reach,
    transport::{Answer, Call, Deadline, Family, Fault, Step, Tls, Trace, Version, send},
};

/// From how many bytes on a body is looked through beside the runtime's thread, for which the other probes wait.
const LARGE: usize = 256 * 1024;

/// Asks a service over HTTP or HTTPS, once, over a connection of its own. Kind `http`; see [`HttpSettings`] for its
/// keys, and the crate's page for what counts as unhealthy and what as unknown.
///
/// No proxy is used and no compression is asked for. A bad certificate is never accepted; `ca_file` names the
/// certificates to trust. Headers, body, secrets and the client certificate are for the configured origin only, never for
/// where a redirect leads: one that would take a body elsewhere is not followed.
///
/// [`HttpSettings`]: crate::HttpSettings
pub struct HttpProbe {
    pub(super) request: Request,
    /// How evidence begins: method and address, scrubbed.
    pub(super) asked: String,
    pub(super) reach: Reach,
    pub(super) tls: Tls,
    pub(super) version: Option<Version>,
    pub(super) family: Family,
    pub(super) scrubber: Scrubber,
    pub(super) timeout: Duration,
    pub(super) redirects: u8,
    pub(super) max_body: u64,
    pub(super) expect: Arc<Expect>,
}

impl fmt::Debug for HttpProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProbe")
            .field("method", &self.request.method)
            .field("address", &self.request.address)
            .field("timeout", &self.timeout)
            .field("expect", &self.expect)
            .finish_non_exhaustive()
    }
}

/// How far a measurement came; kept outside of the future that the deadline may drop.
#[derive(Debug, Default)]
struct Progress {
    status: Option<u16>,
    redirected_to: Option<Address>,
    redirects: u8,
    /// Why the last redirect was not followed, in words that follow its status.
    stayed: Option<String>,
}

#[async_trait]
impl Probe for HttpProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.check()?;
        if let Some(words) = &self.request.missing {
            return Err(ProbeError::new(words.clone()));
        }
        let mut deadline = Deadline::after(self.timeout);
        if self.request.address.scheme == Scheme::Https && !self.tls.is_ready() {
            // On the heap: it happens once.
            Box::pin(deadline.prepare(self.tls.config())).await?;
        }

        let mut trace = Trace::start();
        let mut progress = Progress::default();
        let ended = match deadline.bound(self.measure(&mut trace, &mut progress)).await {
            Ok(ended) => ended,
            Err(_) => Err(deadline.late(self.too_late(trace.step(), &progress))),
        };
        match ended {
            Ok((head, body)) => self.judge(found(head, body, &trace), &progress).await,
            Err(Fault::Target(words)) => Ok(Reading {
                phases: trace.phases(),
                certificate_not_after: trace.certificate_not_after(),
                ..Reading::new(Health::Unhealthy, self.evidence(self.scrubber.line(&words), &progress))
            }),
            Err(Fault::Own(error)) => Err(error),
        }
    }

    fn limit(&self) -> Duration {
        crate::transport::limit_of(self.timeout)
    }
}

impl HttpProbe {
    async fn measure(&self, trace: &mut Trace, progress: &mut Progress) -> Result<(Parts, Body), Fault> {
        let mut with_method = true;
        loop {
            let address = progress.redirected_to.as_ref();
            let mut answer = self.ask(address, with_method, trace).await?;
            progress.status = Some(answer.head.status.as_u16());
            let Some(next) = self.follow(&answer.head, &mut with_method, progress)? else {
                let body = self.read(&mut answer).await?;
                trace.enter(Step::Idle);
                return Ok((answer.head, body));
            };
            trace.enter(Step::Idle);
            progress.redirects += 1;
            progress.redirected_to = Some(next);
            progress.status = None;
        }
    }

    /// Where to ask next; `None` when this answer is the one to judge.
    fn follow(&self, head: &Parts, with_method: &mut bool, progress: &mut Progress) -> Result<Option<Address>, Fault> {
        if progress.redirects >= self.redirects {
            return Ok(None);
        }
        let from = progress.redirected_to.as_ref().unwrap_or(&self.request.address);
        let Some(next) = redirect::target(head, from)? else { return Ok(None) };
        *with_method &= redirect::keeps_method(head.status, &self.request.method);
        if *with_method && !self.request.may_be_repeated_at(&next) {
            let next = self.scrubber.line(&next.to_string());
            progress.stayed = Some(format!("; not followed to {next}, another origin, which must not get the body"));
            return Ok(None);
        }
        Ok(Some(next))
    }

    /// Asks the configured address, or where a redirect led.
    async fn ask(&self, elsewhere: Option<&Address>, with_method: bool, trace: &mut Trace) -> Result<Answer, Fault> {
        let own = &self.request.address;
        let address = elsewhere.unwrap_or(own);
        let tls = match address.scheme {
            Scheme::Http => None,
            Scheme::Https if own.same_origin(address) => Some(self.tls.config().await?),
            Scheme::Https => Some(self.tls.stranger().await?),
        };
        let family = elsewhere.is_none().then_some(&self.family);
        let call = Call { host: &address.host, port: address.port, tls, version: self.version, family };
        send(call, self.request.to(address, with_method)?, trace).await
    }

    /// Reads the body to its end or to the limit. It is kept only where a condition needs it; it is read in any case,
    /// since an answer that breaks off is not whole.
    async fn read(&self, answer: &mut Answer) -> Result<Body, Fault> {
        let is_kept = self.expect.needs_body();
        let mut kept = Kept::default();
        let mut seen = 0_u64;
        let status = answer.head.status.as_u16();
        while let Some(piece) = answer.next().await.map_err(|fault| match fault {
            Fault::Target(words) => Fault::Target(format!("{status}, but {words}")),
            own @ Fault::Own(_) => own,
        })? {
            seen = seen.saturating_add(piece.len() as u64);
            if seen > self.max_body {
                return Ok(Body::TooLarge(self.max_body));
            }
            if is_kept {
                kept.push(piece);
            }
        }
        Ok(Body::Whole(kept.into_bytes()))
    }

    fn too_late(&self, step: Step, progress: &Progress) -> Fault {
        let limit = Limit(self.timeout);
        let words = match (step, progress.status) {
            (Step::Lookup, _) => {
                let host = &progress.redirected_to.as_ref().unwrap_or(&self.request.address).host;
                return ProbeError::new(format!("failed to look up the name `{host}` within {limit}")).into();
            }
            (Step::Tls, _) => format!("connected, but the TLS handshake was not finished within {limit}"),
            (Step::FirstByte, _) => format!("connected, but no answer within {limit}"),
            (Step::Body, Some(status)) => format!("{status}, but the answer was not complete within {limit}"),
            (Step::Idle | Step::Connect | Step::Body, _) => format!("no answer within {limit}"),
        };
        Fault::Target(words)
    }

    async fn judge(&self, found: Found, progress: &Progress) -> Result<Reading, ProbeError> {
        let Found { status, latency_ms, phases, certificate_not_after, .. } = found;
        let (health, findings) = if found.body.len() > LARGE {
            let (expect, scrubber) = (Arc::clone(&self.expect), self.scrubber.clone());
            spawn_blocking(move || expect.judge(&found, &scrubber)).await.map_err(|error| ProbeError {
                message: "failed to judge the answer".to_owned(),
                source: Some(Box::new(error)),
            })?
        } else {
            self.expect.judge(&found, &self.scrubber)
        };
        // An answer as expected leaves no words from outside to be cleaned.
        let findings = if findings.is_empty() { findings } else { self.scrubber.line(&findings) };
        let stayed = progress.stayed.as_deref().unwrap_or_default();
        let words = format_args!("{status} in {}{stayed}{findings}", Millis(latency_ms));
        Ok(Reading {
            latency_ms: Some(latency_ms),
            phases,
            certificate_not_after,
            ..Reading::new(health, self.evidence(words, progress))
        })
    }

    /// `GET http://localhost:8000/health → 200 in 1.2 ms`. The words are clean already.
    fn evidence(&self, words: impl fmt::Display, progress: &Progress) -> String {
        let asked = &self.asked;
        match &progress.redirected_to {
            None => format!("{asked} → {words}"),
            Some(last) => {
                let plural = if progress.redirects == 1 { "" } else { "s" };
                let last = self.scrubber.line(&last.to_string());
                format!("{asked} → {} redirect{plural} → {last} → {words}", progress.redirects)
            }
        }
    }
}

fn found(head: Parts, body: Body, trace: &Trace) -> Found {
    Found {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
        latency_ms: trace.elapsed_ms(),
        phases: trace.phases(),
        certificate_not_after: trace.certificate_not_after(),
    }
}

/// A body's pieces; the usual single one is not copied.
#[derive(Default)]
struct Kept {
    first: Bytes,
    all: Vec<u8>,
}

impl Kept {
    fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.into() }
    }
}
