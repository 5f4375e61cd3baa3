//! One measurement over HTTP: ask, follow redirects as far as allowed, read the body as far as allowed, judge.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use hyper::{body::Bytes, http::response::Parts};
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
};
use tokio::time::timeout;

use super::{
    address::{Address, Scheme},
    expect::{Body, Expect, Found},
    redirect,
    request::Request,
};
use crate::{
    evidence::{Limit, Millis, Scrubber},
    reach::Reach,
    transport::{Answer, Call, Family, Fault, Step, Tls, Trace, Version, send},
};

/// Asks a service over HTTP or HTTPS, once, over a connection of its own. Kind `http`; see [`HttpSettings`] for its
/// keys, and the crate's page for what counts as unhealthy and what as unknown.
///
/// No proxy is used and no compression is asked for. A bad certificate is never accepted; `ca_file` names the
/// certificates to trust. Secrets and the client certificate are for the configured origin only, never for where a
/// redirect leads.
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
    pub(super) expect: Expect,
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
}

#[async_trait]
impl Probe for HttpProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.check()?;
        if let Some(words) = &self.request.missing {
            return Err(ProbeError::new(words.clone()));
        }
        if self.request.address.scheme == Scheme::Https && !self.tls.is_ready() {
            self.prepare().await?;
        }

        let mut trace = Trace::start();
        let mut progress = Progress::default();
        let ended = match timeout(self.timeout, self.measure(&mut trace, &mut progress)).await {
            Ok(ended) => ended,
            Err(_) => Err(self.too_late(trace.step(), &progress)),
        };
        match ended {
            Ok((head, body)) => Ok(self.judge(&head, &body, &trace, &progress)),
            Err(Fault::Target(words)) => Ok(Reading {
                phases: trace.phases(),
                certificate_not_after: trace.certificate_not_after(),
                ..Reading::new(Health::Unhealthy, self.evidence(self.scrubber.line(&words), &progress))
            }),
            Err(Fault::Own(error)) => Err(error),
        }
    }
}

impl HttpProbe {
    /// Reads the certificates before the clock starts: it is no part of the service's latency.
    async fn prepare(&self) -> Result<(), ProbeError> {
        match timeout(self.timeout, self.tls.config()).await {
            Ok(prepared) => prepared.map(|_| ()),
            Err(_) => Err(ProbeError::new(format!("failed to read the certificates within {}", Limit(self.timeout)))),
        }
    }

    async fn measure(&self, trace: &mut Trace, progress: &mut Progress) -> Result<(Parts, Body), Fault> {
        let mut with_method = true;
        loop {
            let address = progress.redirected_to.as_ref();
            let mut answer = self.ask(address, with_method, trace).await?;
            progress.status = Some(answer.head.status.as_u16());
            let next = if progress.redirects < self.redirects {
                redirect::target(&answer.head, address.unwrap_or(&self.request.address))?
            } else {
                None
            };
            let Some(next) = next else {
                let body = self.read(&mut answer).await?;
                trace.enter(Step::Idle);
                return Ok((answer.head, body));
            };
            trace.enter(Step::Idle);
            with_method &= redirect::keeps_method(answer.head.status, &self.request.method);
            progress.redirects += 1;
            progress.redirected_to = Some(next);
            progress.status = None;
        }
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

    fn judge(&self, head: &Parts, body: &Body, trace: &Trace, progress: &Progress) -> Reading {
        let latency_ms = trace.elapsed_ms();
        let status = head.status.as_u16();
        let found = Found {
            status,
            headers: &head.headers,
            body,
            latency_ms,
            phases: trace.phases(),
            certificate_not_after: trace.certificate_not_after(),
        };
        let (health, findings) = self.expect.judge(&found, &self.scrubber);
        // An answer as expected leaves no words from outside to be cleaned.
        let findings = if findings.is_empty() { findings } else { self.scrubber.line(&findings) };
        let words = format_args!("{status} in {}{findings}", Millis(latency_ms));
        Reading {
            latency_ms: Some(latency_ms),
            phases: found.phases,
            certificate_not_after: found.certificate_not_after,
            ..Reading::new(health, self.evidence(words, progress))
        }
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
