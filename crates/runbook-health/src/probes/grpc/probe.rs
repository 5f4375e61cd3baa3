//! One measurement over gRPC: connect, TLS where asked for, one call, judge.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
};
use tokio_rustls::rustls::ClientConfig;
use tonic::{
    Request, Status,
    codegen::http::Uri,
    metadata::{Ascii, MetadataValue},
};
use tonic_health::pb::HealthCheckRequest;

use super::{exchange::check, verdict::Verdict};
use crate::{
    evidence::{Limit, Millis, Scrubber},
    reach::Reach,
    transport::{Deadline, Fault, Host, Step, Tls, Trace, connect, handshake_as, not_after, server_name},
};

/// Asks a server about a service's health (`grpc.health.v1.Health/Check`), once, over a connection of its own. Kind
/// `grpc`; see [`GrpcSettings`] for its keys.
///
/// | what the server says | health |
/// | --- | --- |
/// | `SERVING` | healthy |
/// | `NOT_SERVING`; `NOT_FOUND` or `SERVICE_UNKNOWN` for a service that is named; any status not below | unhealthy |
/// | connection refused or closed, no answer in time, a certificate that is not valid, what is no gRPC | unhealthy |
/// | `UNKNOWN`; `NOT_FOUND` for the server as a whole | unknown |
/// | `UNIMPLEMENTED`: it has no health service | unknown |
/// | `UNAUTHENTICATED`, `PERMISSION_DENIED` | unknown |
///
/// A dropped future closes the connection and leaves no task behind.
///
/// [`GrpcSettings`]: crate::GrpcSettings
pub struct GrpcProbe {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) origin: Uri,
    pub(super) service: String,
    /// `None` without TLS.
    pub(super) tls: Option<Tls>,
    pub(super) login: Login,
    pub(super) timeout: Duration,
    pub(super) reach: Reach,
    pub(super) scrubber: Scrubber,
}

impl fmt::Debug for GrpcProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcProbe")
            .field("origin", &self.origin)
            .field("service", &self.service)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Who asks.
pub(super) enum Login {
    /// Anybody.
    None,
    /// The value of `authorization`.
    Value(MetadataValue<Ascii>),
    /// Nobody knows, in words.
    Missing(String),
}

/// How far a measurement came; kept outside of the future that the deadline may drop.
struct Progress {
    trace: Trace,
    certificate_not_after: Option<Timestamp>,
}

#[async_trait]
impl Probe for GrpcProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.check()?;
        if let Login::Missing(words) = &self.login {
            return Err(ProbeError::new(words.clone()));
        }
        let mut deadline = Deadline::after(self.timeout);
        let config = match &self.tls {
            Some(tls) => Some(deadline.prepare(tls.config()).await?),
            None => None,
        };
        let mut progress = Progress { trace: Trace::start(), certificate_not_after: None };
        let ended = match deadline.bound(self.measure(config, &mut progress)).await {
            Ok(ended) => ended,
            Err(_) => Err(deadline.late(self.too_late(progress.trace.step()))),
        };
        let Progress { trace, certificate_not_after } = progress;
        let reading = |health, words: &str| Reading {
            phases: trace.phases(),
            certificate_not_after,
            ..Reading::new(health, self.line(words))
        };
        let verdict = match ended {
            Ok(Ok(status)) => Verdict::of_answer(status, &self.service),
            Ok(Err(status)) => Verdict::of_status(&status, &self.service, &self.scrubber),
            Err(Fault::Target(words)) => return Ok(reading(Health::Unhealthy, &words)),
            Err(Fault::Own(error)) => return Err(error),
        };
        match verdict {
            Verdict::Measured(health, words) => {
                let latency_ms = trace.elapsed_ms();
                let words = format!("{words} in {}", Millis(latency_ms));
                Ok(Reading { latency_ms: Some(latency_ms), ..reading(health, &words) })
            }
            Verdict::NotMeasured(words) => Err(ProbeError::new(self.line(&words))),
        }
    }

    fn limit(&self) -> Duration {
        crate::transport::limit_of(self.timeout)
    }
}

impl GrpcProbe {
    async fn measure(
        &self,
        config: Option<Arc<ClientConfig>>,
        progress: &mut Progress,
    ) -> Result<Result<i32, Status>, Fault> {
        let trace = &mut progress.trace;
        if self.host.needs_lookup() {
            trace.enter(Step::Lookup);
        }
        let addresses = self.host.addresses(self.port).await?;
        trace.enter(Step::Connect);
        let stream = connect(&addresses).await?;
        let answer = match config {
            None => {
                trace.enter(Step::FirstByte);
                check(stream, self.origin.clone(), self.request()).await
            }
            Some(config) => {
                trace.enter(Step::Tls);
                // Without `h2` a server may choose HTTP/1.1 (RFC 9113, section 3.2).
                let stream = handshake_as(config, server_name(&self.host)?, &[b"h2"], stream).await?;
                let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                progress.certificate_not_after = shown.and_then(not_after);
                trace.enter(Step::FirstByte);
                check(stream, self.origin.clone(), self.request()).await
            }
        }?;
        trace.enter(Step::Idle);
        Ok(answer)
    }

    fn request(&self) -> Request<HealthCheckRequest> {
        let mut request = Request::new(HealthCheckRequest { service: self.service.clone() });
        if let Login::Value(value) = &self.login {
            request.metadata_mut().insert("authorization", value.clone());
        }
        request
    }

    fn too_late(&self, step: Step) -> Fault {
        let limit = Limit(self.timeout);
        let words = match step {
            Step::Lookup => {
                return ProbeError::new(format!("failed to look up the name `{}` within {limit}", self.host)).into();
            }
            Step::Tls => format!("connected, but the TLS handshake was not finished within {limit}"),
            Step::FirstByte | Step::Body => format!("connected, but no answer within {limit}"),
            Step::Idle | Step::Connect => format!("no answer within {limit}"),
        };
        Fault::Target(words)
    }

    /// `grpc localhost:50051 payments.v1.Payments → SERVING in 1.2 ms`
    fn line(&self, words: &str) -> String {
        let space = if self.service.is_empty() { "" } else { " " };
        self.scrubber.line(&format!("grpc {}:{}{space}{} → {words}", self.host, self.port, self.service))
    }
}
