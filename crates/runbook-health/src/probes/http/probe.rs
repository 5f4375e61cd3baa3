//! One measurement over HTTP: ask, follow redirects as far as allowed, read the body as far as allowed, judge.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method,
    body::Bytes,
    header::{AUTHORIZATION, HOST, HeaderValue},
    http::response::Parts,
};
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
};
use tokio::time::timeout;

use super::{
    address::{Address, Scheme},
    expect::{Body, Expect, Found},
    redirect,
};
use crate::{
    evidence::{Limit, Millis, Scrubber},
    reach::Reach,
    transport::{Answer, Fault, Step, Tls, Trace, send},
};

/// Asks a service over HTTP or HTTPS, once, over a connection of its own. Kind `http`; see [`HttpSettings`] for its
/// keys, and the crate's page for what counts as unhealthy and what as unknown.
///
/// No proxy is used and no compression is asked for. A bad certificate is never accepted; `ca_file` names the
/// certificates to trust. Secrets are sent to the configured origin only, never where a redirect leads.
///
/// [`HttpSettings`]: crate::HttpSettings
pub struct HttpProbe {
    pub(super) request: Request,
    pub(super) reach: Reach,
    pub(super) tls: Tls,
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

/// What is asked.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) address: Address,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) login: Login,
}

/// Who asks.
pub(super) enum Login {
    /// Anybody.
    None,
    /// The value of `Authorization`.
    Value(HeaderValue),
    /// Nobody knows, in words.
    Missing(String),
}

impl Login {
    /// `source` is named when the value cannot be sent.
    pub(super) fn of(value: &str, source: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                Self::Value(value)
            }
            Err(_) => Self::Missing(format!("{source} has a character that no header may hold, such as a line break")),
        }
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
        if let Login::Missing(words) = &self.request.login {
            return Err(ProbeError::new(words.clone()));
        }
        self.prepare().await?;

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
                ..Reading::new(Health::Unhealthy, self.evidence(&words, &progress))
            }),
            Err(Fault::Own(error)) => Err(error),
        }
    }
}

impl HttpProbe {
    /// Reads the trusted certificates before the clock starts: it is no part of the service's latency.
    async fn prepare(&self) -> Result<(), ProbeError> {
        if self.request.address.scheme == Scheme::Http {
            return Ok(());
        }
        match timeout(self.timeout, self.tls.config()).await {
            Ok(prepared) => prepared.map(|_| ()),
            Err(_) => {
                Err(ProbeError::new(format!("failed to read the trusted certificates within {}", Limit(self.timeout))))
            }
        }
    }

    async fn measure(&self, trace: &mut Trace, progress: &mut Progress) -> Result<(Parts, Body), Fault> {
        let mut address = self.request.address.clone();
        let mut with_method = true;
        loop {
            let mut answer = self.ask(&address, with_method, trace).await?;
            progress.status = Some(answer.head.status.as_u16());
            let next =
                if progress.redirects < self.redirects { redirect::target(&answer.head, &address)? } else { None };
            let Some(next) = next else {
                let body = self.read(&mut answer).await?;
                trace.enter(Step::Idle);
                return Ok((answer.head, body));
            };
            trace.enter(Step::Idle);
            with_method &= redirect::keeps_method(answer.head.status, &self.request.method);
            progress.redirects += 1;
            progress.redirected_to = Some(next.clone());
            progress.status = None;
            address = next;
        }
    }

    async fn ask(&self, address: &Address, with_method: bool, trace: &mut Trace) -> Result<Answer, Fault> {
        let tls = match address.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(self.tls.config().await?),
        };
        let request = self.request.to(address, with_method)?;
        send(&address.host, address.port, tls, request, trace).await
    }

    /// Reads the body to its end or to the limit. It is kept only where a condition needs it; it is read in any case,
    /// since an answer that breaks off is not whole.
    async fn read(&self, answer: &mut Answer) -> Result<Body, Fault> {
        let is_kept = self.expect.needs_body();
        let mut kept = Vec::new();
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
                kept.extend_from_slice(&piece);
            }
        }
        Ok(Body::Whole(kept))
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
        let found = Found { status, headers: &head.headers, body, latency_ms };
        let verdict = self.expect.judge(&found, &self.scrubber);
        let words = format!("{status} in {}{}", Millis(latency_ms), verdict.findings);
        Reading {
            latency_ms: Some(latency_ms),
            phases: trace.phases(),
            ..Reading::new(verdict.health, self.evidence(&words, progress))
        }
    }

    /// `GET http://localhost:8000/health → 200 in 1.2 ms`
    fn evidence(&self, words: &str, progress: &Progress) -> String {
        let Request { method, address, .. } = &self.request;
        let line = match &progress.redirected_to {
            None => format!("{method} {address} → {words}"),
            Some(last) => {
                let plural = if progress.redirects == 1 { "" } else { "s" };
                format!("{method} {address} → {} redirect{plural} → {last} → {words}", progress.redirects)
            }
        };
        self.scrubber.line(&line)
    }
}

impl Request {
    /// The request as it is sent to `address`, which is the configured one or where a redirect led. Another origin
    /// gets none of the configured headers and no authorization.
    fn to(&self, address: &Address, with_method: bool) -> Result<hyper::Request<Full<Bytes>>, ProbeError> {
        let is_own = self.address.same_origin(address);
        let method = if with_method { self.method.clone() } else { Method::GET };
        let body = if with_method { self.body.clone() } else { Bytes::new() };
        let mut request = hyper::Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = address.target();
        let host = HeaderValue::from_str(&address.authority()).map_err(|error| ProbeError {
            message: format!("`{}` cannot be sent as a host", address.host),
            source: Some(Box::new(error)),
        })?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        if is_own {
            headers.extend(self.headers.clone());
            if let Login::Value(value) = &self.login {
                headers.insert(AUTHORIZATION, value.clone());
            }
        } else {
            for name in [hyper::header::USER_AGENT, hyper::header::ACCEPT] {
                headers.extend(self.headers.get(&name).map(|value| (name, value.clone())));
            }
        }
        Ok(request)
    }
}
