//! `kind = "tls"`: whether a server finishes a TLS handshake with a certificate that is valid for its name, and until
//! when it is. TLS from the first byte on: a protocol that begins in plain text and switches (STARTTLS) is not spoken.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use runbook_core::{
    Health, Reading,
    config::Period,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    client::TlsStream,
    rustls::{
        ClientConfig, ProtocolVersion, SignatureScheme, client::ResolvesClientCert, pki_types::ServerName,
        sign::CertifiedKey,
    },
};

use super::target::Target;
use crate::{
    condition::{Condition, Number, NumberCondition, Value},
    evidence::{Limit, Millis, Scrubber},
    findings::Findings,
    reach::Reach,
    transport::{
        Certificate, ClientCertificate, Deadline, Fault, Host, Step, Tls, Trace, connect, days_left, handshake_as,
        names, server_name, words_of,
    },
};

/// The port where no other is named: that of `https`.
const DEFAULT_PORT: u16 = 443;

/// How long a server may take to refuse a client certificate, or to close. TLS 1.3 has no word for "accepted": the
/// client's part of the handshake is over before the server has looked (RFC 8446, section 4.4.2.4).
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The least that it must have had of it: a server that had less time has not accepted anybody. A fourth of the timeout
/// is enough, where that is shorter.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// The keys of a `tls` probe. An empty table asks the host of the service's URL.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// The host; by default that of the service's URL.
    pub host: Option<String>,
    /// The port; by default that of the service's URL, or 443.
    pub port: Option<u16>,
    /// The name to ask for, which the certificate must cover; by default the host.
    pub server_name: Option<String>,
    /// How long the whole measurement may take.
    pub timeout: Period,
    /// A PEM file with the certificates to trust instead of the machine's, relative to `runbook.toml`.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the certificate to show when the server asks for one, and those between it and its authority;
    /// relative to `runbook.toml`.
    pub client_cert_file: Option<PathBuf>,
    /// A PEM file with that certificate's private key, relative to `runbook.toml`.
    pub client_key_file: Option<PathBuf>,
    /// What is expected beside a certificate that is trusted, for this name, and not expired.
    pub expect: TlsExpectSettings,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            server_name: None,
            timeout: Period::secs(5),
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            expect: TlsExpectSettings::default(),
        }
    }
}

/// What is expected of a server's certificate and its TLS.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsExpectSettings {
    /// A condition on how many whole days the certificate is still valid. A warning is never downtime: what fails here
    /// is only degraded.
    pub days_left: Option<NumberCondition>,
    /// A condition on who issued the certificate, such as `C=US, O=Let's Encrypt, CN=R11`.
    pub issuer: Option<Condition>,
    /// More names that the certificate must cover.
    pub names: Vec<String>,
    /// A condition on the version of TLS that was agreed on: `1.2` or `1.3`.
    pub version: Option<Condition>,
}

/// Does a TLS handshake with a service, once, and looks at its certificate. Kind `tls`; see [`TlsSettings`] for its
/// keys.
///
/// The certificate must come from a trusted authority, be valid today, and cover the name. Nothing is sent over the
/// connection. STARTTLS is not spoken.
pub struct TlsProbe {
    host: Host,
    port: u16,
    /// As it was written, for evidence.
    alias: Option<String>,
    name: ServerName<'static>,
    timeout: Duration,
    tls: Tls,
    days_left: Option<NumberCondition>,
    issuer: Option<Condition>,
    names: Vec<(String, ServerName<'static>)>,
    version: Option<Condition>,
    reach: Reach,
    scrubber: Scrubber,
}

impl fmt::Debug for TlsProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsProbe")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl ProbeDefinition for TlsProbe {
    const KIND: &'static str = "tls";
    type Settings = TlsSettings;

    fn build(settings: TlsSettings, scope: &Scope) -> Result<Self, BuildError> {
        let (host, port) = target(&settings, scope)?;
        if settings.timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        let name = match &settings.server_name {
            Some(name) => name_of("server_name", name)?,
            None => server_name(&host).map_err(|error| BuildError::key("host", error.message))?,
        };
        let client = ClientCertificate::build(settings.client_cert_file, settings.client_key_file, scope)?;
        let names = settings.expect.names.into_iter().map(|name| {
            let read = name_of("expect.names", &name)?;
            Ok((name, read))
        });
        Ok(Self {
            reach: Reach::of(scope, &host, settings.host.is_some()),
            host,
            port,
            alias: settings.server_name,
            name,
            timeout: settings.timeout.0,
            tls: Tls::new(settings.ca_file.map(|file| scope.root.join(file))).known_as(client),
            days_left: settings.expect.days_left,
            issuer: settings.expect.issuer,
            names: names.collect::<Result<_, BuildError>>()?,
            version: settings.expect.version,
            scrubber: Scrubber::new(scope.redactor.clone(), []),
        })
    }
}

fn target(settings: &TlsSettings, scope: &Scope) -> Result<(Host, u16), BuildError> {
    if settings.port == Some(0) {
        return Err(BuildError::key("port", "port 0 cannot be connected to"));
    }
    if let Some(host) = &settings.host {
        let host = Host::parse(host).map_err(|problem| BuildError::key("host", problem))?;
        return Ok((host, settings.port.unwrap_or(DEFAULT_PORT)));
    }
    let target = Target::of_service(scope)?;
    let target = target.ok_or_else(|| BuildError::table("the service has no `url`, so the probe needs a `host`"))?;
    Ok((target.host, settings.port.or(target.port).unwrap_or(DEFAULT_PORT)))
}

/// A name as a certificate holds it, or an address.
fn name_of(key: &str, text: &str) -> Result<ServerName<'static>, BuildError> {
    ServerName::try_from(text.to_owned())
        .map_err(|_| BuildError::key(key, format!("{text:?} is no name such as `www.example.com` and no address")))
}

#[async_trait]
impl Probe for TlsProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.check()?;
        let mut deadline = Deadline::after(self.timeout);
        let config = deadline.prepare(self.tls.config()).await?;
        let mut trace = Trace::start();
        let mut ended = match deadline.bound(self.measure(config, &mut trace)).await {
            Ok(ended) => ended,
            Err(_) => Err(deadline.late(self.too_late(trace.step()))),
        };
        if let Ok(shaken) = &mut ended
            && shaken.asked
        {
            let wait = deadline.left().min(MAX_WAIT);
            shaken.is_heard = wait >= MIN_WAIT.min(self.timeout / 4);
            if let Err(fault) = hear_refusal(&mut shaken.stream, wait).await {
                ended = Err(fault);
            }
        }
        let (health, latency_ms, words) = match ended {
            Ok(shaken) => {
                let (health, words) = self.judge(&shaken);
                (health, Some(shaken.latency_ms), words)
            }
            Err(Fault::Target(words)) => (Health::Unhealthy, None, words),
            Err(Fault::Own(error)) => return Err(error),
        };
        let alias = self.alias.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
        let evidence = self.scrubber.line(&format!("tls {}:{}{alias} → {words}", self.host, self.port));
        Ok(Reading {
            latency_ms,
            phases: trace.phases(),
            certificate_not_after: trace.certificate_not_after(),
            ..Reading::new(health, evidence)
        })
    }

    fn limit(&self) -> Duration {
        crate::transport::limit_of(self.timeout)
    }
}

/// A handshake that was finished.
struct Shaken {
    stream: TlsStream<TcpStream>,
    latency_ms: f64,
    /// Whether the server asked for a client certificate.
    asked: bool,
    /// Whether it then had the time to refuse.
    is_heard: bool,
}

impl TlsProbe {
    async fn measure(&self, config: Arc<ClientConfig>, trace: &mut Trace) -> Result<Shaken, Fault> {
        if self.host.needs_lookup() {
            trace.enter(Step::Lookup);
        }
        let addresses = self.host.addresses(self.port).await?;
        trace.enter(Step::Connect);
        let stream = connect(&addresses).await?;
        trace.enter(Step::Tls);
        let mut config = ClientConfig::clone(&config);
        let asked = Arc::new(Asked::before(&config));
        config.client_auth_cert_resolver = Arc::clone(&asked) as Arc<dyn ResolvesClientCert>;
        // No protocol is offered: whatever stands behind TLS, it is not spoken here.
        let stream = handshake_as(Arc::new(config), self.name.clone(), &[], stream).await.map_err(|fault| {
            match fault {
                // Before TLS 1.3, every server words it as it likes.
                Fault::Target(words) if asked.in_vain() => {
                    Fault::Target(format!("{words}; it asked for a client certificate, and there is none"))
                }
                fault => fault,
            }
        })?;
        trace.enter(Step::Idle);
        let latency_ms = trace.elapsed_ms();
        let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        trace.saw_certificate(leaf.and_then(Certificate::read).map(|certificate| certificate.not_after()));
        Ok(Shaken { stream, latency_ms, asked: asked.happened(), is_heard: false })
    }

    fn too_late(&self, step: Step) -> Fault {
        let limit = Limit(self.timeout);
        match step {
            Step::Lookup => {
                ProbeError::new(format!("failed to look up the name `{}` within {limit}", self.host)).into()
            }
            Step::Tls => Fault::Target(format!("connected, but the TLS handshake was not finished within {limit}")),
            _ => Fault::Target(format!("no answer within {limit}")),
        }
    }

    /// The health, and `TLS 1.3 in 12 ms, certificate valid for 63 days`.
    fn judge(&self, shaken: &Shaken) -> (Health, String) {
        let session = shaken.stream.get_ref().1;
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            _ => "of an unknown version",
        };
        let leaf = session.peer_certificates().and_then(|chain| chain.first());
        let certificate = leaf.and_then(Certificate::read);
        let days = certificate.as_ref().map(|read| days_left(read.not_after(), Timestamp::now()));

        let mut findings = Findings::default();
        // Before TLS 1.3, the handshake ends only when the server has looked.
        if shaken.asked && !shaken.is_heard && version != "1.2" {
            let words = "expected the client to be accepted, but the server had no time left to refuse it";
            findings.add(Health::Unknown, words.to_owned());
        }
        if let Some(condition) = &self.version {
            let value = Value::Untyped(version.into());
            findings.judge(Health::Unhealthy, "TLS version", condition, &value, &self.scrubber);
        }
        if let Some(condition) = &self.issuer {
            let value = match &certificate {
                Some(certificate) => Value::Text(certificate.issuer().into()),
                None => Value::Unreadable("the certificate cannot be read".into()),
            };
            findings.judge(Health::Unhealthy, "issuer", condition, &value, &self.scrubber);
        }
        for (written, name) in &self.names {
            match certificate.as_ref().map(|certificate| certificate.covers(name)) {
                Some(Ok(())) => {}
                Some(Err(others)) => findings.add(
                    Health::Unhealthy,
                    format!("expected a certificate for {written}, found {}", self.scrubber.quote(&names(&others))),
                ),
                None => findings.add(
                    Health::Unknown,
                    format!("expected a certificate for {written}, but the certificate cannot be read"),
                ),
            }
        }
        if let Some(condition) = &self.days_left {
            let truth = condition.judge(days.map(|days| Number::Whole(days.into())));
            findings.add_truth(truth, Health::Degraded, |_| match days {
                Some(_) => format!("expected days left {condition}"),
                None => format!("expected days left {condition}, but the certificate cannot be read"),
            });
        }
        let (health, findings) = findings.verdict();
        let valid = match days {
            Some(1) => ", certificate valid for 1 day".to_owned(),
            Some(days) => format!(", certificate valid for {days} days"),
            None => String::new(),
        };
        (health, format!("TLS {version} in {}{valid}{findings}", Millis(shaken.latency_ms)))
    }
}

/// A server that asked for a client certificate and refuses the one that it got, or none, says so after the handshake.
/// The probe says that it is done and listens until the server refuses, closes, greets, or was silent for so long. A
/// reset is a refusal without a word.
async fn hear_refusal(stream: &mut TlsStream<TcpStream>, wait: Duration) -> Result<(), Fault> {
    let refusal = async {
        // A server that is gone already has closed; what it said before is read all the same.
        let unsaid = stream.shutdown().await.err();
        let unheard = stream.read(&mut [0; 256]).await.err()?;
        Some((unheard, unsaid))
    };
    let Ok(Some((unheard, unsaid))) = timeout(wait, refusal).await else { return Ok(()) };
    if let Some(words) = words_of(&unheard) {
        return Err(Fault::Target(words));
    }
    // The system tells of a reset only once, to whoever comes first.
    let is_reset =
        |error: io::Error| matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted);
    if is_reset(unheard) || unsaid.is_some_and(is_reset) {
        return Err(Fault::target("TLS failed: the server asked for a client certificate and reset the connection"));
    }
    Ok(())
}

/// Notes whether the server asked for a client certificate, and shows the one that there is.
#[derive(Debug)]
struct Asked {
    resolver: Arc<dyn ResolvesClientCert>,
    happened: AtomicBool,
}

impl Asked {
    fn before(config: &ClientConfig) -> Self {
        Self { resolver: Arc::clone(&config.client_auth_cert_resolver), happened: AtomicBool::new(false) }
    }

    fn happened(&self) -> bool {
        self.happened.load(Ordering::Relaxed)
    }

    /// It asked, and there was none to show.
    fn in_vain(&self) -> bool {
        self.happened() && !self.resolver.has_certs()
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.happened.store(true, Ordering::Relaxed);
        self.resolver.resolve(issuers, schemes)
    }

    fn has_certs(&self) -> bool {
        self.resolver.has_certs()
    }
}
