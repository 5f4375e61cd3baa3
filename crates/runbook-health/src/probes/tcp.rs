//! `kind = "tcp"`: whether a port accepts connections, and what it says.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use regex::bytes::Regex;
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

use crate::{
    condition::bytes_pattern,
    evidence::{Limit, Millis, Scrubber},
    reach::Reach,
    transport::{Fault, Host, Step, Trace, connect},
};

/// How many bytes of an answer are looked at.
const MAX_ANSWER: usize = 16 * 1024;

/// The keys of a `tcp` probe. An empty table connects to the host and port of the service's URL.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TcpSettings {
    /// The host; by default that of the service's URL.
    pub host: Option<String>,
    /// The port; by default that of the service's URL.
    pub port: Option<u16>,
    /// How long the whole measurement may take.
    pub timeout: Period,
    /// Text to send once connected; a line ends with `\r\n` or `\n`, as the service wants it.
    pub send: Option<String>,
    /// How the answer begins, or `~ ` and a regular expression that it must match somewhere in its first 16 KiB.
    pub expect: Option<String>,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self { host: None, port: None, timeout: Period::secs(5), send: None, expect: None }
    }
}

/// Opens a TCP connection to a service, once. With `expect` it waits for what the service says, with `send` after
/// asking for it. Kind `tcp`; see [`TcpSettings`] for its keys.
pub struct TcpProbe {
    host: Host,
    port: u16,
    timeout: Duration,
    send: Vec<u8>,
    expect: Option<Expected>,
    reach: Reach,
    scrubber: Scrubber,
}

impl fmt::Debug for TcpProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpProbe")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("timeout", &self.timeout)
            .field("expect", &self.expect)
            .finish_non_exhaustive()
    }
}

/// What the service must say.
#[derive(Debug)]
enum Expected {
    Beginning(Vec<u8>),
    Match(Regex),
}

impl Expected {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(pattern) = text.strip_prefix("~ ") {
            return bytes_pattern(pattern).map(Self::Match).map_err(|error| error.to_string());
        }
        let sign = text.split_once(' ').map(|(sign, _)| sign);
        if sign.is_some_and(|sign| matches!(sign, "=" | "!=" | "<" | "<=" | ">" | ">=")) {
            return Err("an answer over TCP has no end to compare: write how it begins, or `~ ` and a regular \
                        expression"
                .to_owned());
        }
        if text.is_empty() {
            return Err("an empty text would be met by every answer; leave the key out".to_owned());
        }
        Ok(Self::Beginning(text.as_bytes().to_vec()))
    }

    /// Whether the answer so far is enough; `None` while more of it could change that.
    fn judge(&self, answer: &[u8]) -> Option<bool> {
        match self {
            Self::Beginning(wanted) if answer.len() >= wanted.len() => Some(answer.starts_with(wanted)),
            Self::Beginning(wanted) => (!wanted.starts_with(answer)).then_some(false),
            Self::Match(regex) => regex.is_match(answer).then_some(true),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning(wanted) => write!(f, "an answer that begins with {:?}", String::from_utf8_lossy(wanted)),
            Self::Match(regex) => write!(f, "an answer ~ {regex}"),
        }
    }
}

impl ProbeDefinition for TcpProbe {
    const KIND: &'static str = "tcp";
    type Settings = TcpSettings;

    fn build(settings: TcpSettings, scope: &Scope) -> Result<Self, BuildError> {
        let (host, port) = target(&settings, scope)?;
        if settings.timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        let expect = settings.expect.as_deref().map(Expected::parse).transpose();
        Ok(Self {
            reach: Reach::of(scope, &host, settings.host.is_some()),
            host,
            port,
            timeout: settings.timeout.0,
            send: settings.send.unwrap_or_default().into_bytes(),
            expect: expect.map_err(|problem| BuildError::key("expect", problem))?,
            scrubber: Scrubber::new(scope.redactor.clone(), []),
        })
    }
}

fn target(settings: &TcpSettings, scope: &Scope) -> Result<(Host, u16), BuildError> {
    if settings.port == Some(0) {
        return Err(BuildError::key("port", "port 0 cannot be connected to"));
    }
    let host = settings.host.as_deref().map(Host::parse).transpose();
    let host = host.map_err(|problem| BuildError::key("host", problem))?;
    if let (Some(host), Some(port)) = (&host, settings.port) {
        return Ok((host.clone(), port));
    }
    let url = scope.service.as_ref().and_then(|service| service.url.as_deref());
    let url = url.ok_or_else(|| BuildError::table("the service has no `url`, so the probe needs `host` and `port`"))?;
    let (url_host, url_port) = host_and_port_of(url)
        .map_err(|problem| BuildError::table(format!("the service's `url` names no host to connect to: {problem}")))?;
    let port = settings.port.or(url_port);
    let port = port.ok_or_else(|| BuildError::key("port", "the service's `url` names no port, so the probe must"))?;
    Ok((host.unwrap_or(url_host), port))
}

/// Host and port of a URL of any scheme, such as `postgres://user@db:5432/app`.
fn host_and_port_of(url: &str) -> Result<(Host, Option<u16>), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (host, port) = Host::with_port(authority.rsplit_once('@').map_or(authority, |(_, server)| server))?;
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    Ok((host, port.or(usual)))
}

#[async_trait]
impl Probe for TcpProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.check()?;
        let mut trace = Trace::start();
        let mut answer = Vec::new();
        let ended = match timeout(self.timeout, self.measure(&mut trace, &mut answer)).await {
            Ok(ended) => ended,
            Err(_) => Err(self.too_late(trace.step(), &answer)),
        };
        let (health, latency_ms, words) = match ended {
            Ok(()) => {
                trace.enter(Step::Idle);
                let latency_ms = trace.elapsed_ms();
                (Health::Healthy, Some(latency_ms), format!("open in {}", Millis(latency_ms)))
            }
            Err(Fault::Target(words)) => (Health::Unhealthy, None, words),
            Err(Fault::Own(error)) => return Err(error),
        };
        let evidence = self.scrubber.line(&format!("tcp {}:{} → {words}", self.host, self.port));
        Ok(Reading { latency_ms, phases: trace.phases(), ..Reading::new(health, evidence) })
    }

    fn limit(&self) -> Duration {
        crate::transport::limit_of(self.timeout)
    }
}

impl TcpProbe {
    async fn measure(&self, trace: &mut Trace, answer: &mut Vec<u8>) -> Result<(), Fault> {
        if self.host.needs_lookup() {
            trace.enter(Step::Lookup);
        }
        let addresses = self.host.addresses(self.port).await?;
        trace.enter(Step::Connect);
        let mut stream = connect(&addresses).await?;
        trace.enter(if self.expect.is_some() { Step::FirstByte } else { Step::Idle });
        stream.write_all(&self.send).await.map_err(|error| Fault::of_io(error, "send"))?;
        match &self.expect {
            Some(expected) => self.listen(&mut stream, expected, trace, answer).await,
            None => Ok(()),
        }
    }

    async fn listen(
        &self,
        stream: &mut TcpStream,
        expected: &Expected,
        trace: &mut Trace,
        answer: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let mut stream = stream.take(MAX_ANSWER as u64);
        loop {
            let read = stream.read_buf(answer).await.map_err(|error| Fault::of_io(error, "read the answer"))?;
            if trace.step() == Step::FirstByte {
                trace.enter(Step::Body);
            }
            match expected.judge(answer) {
                Some(true) => return Ok(()),
                None if read > 0 => {}
                Some(false) | None => return Err(Fault::Target(self.unmet(expected, answer))),
            }
        }
    }

    fn unmet(&self, expected: &Expected, answer: &[u8]) -> String {
        if answer.is_empty() {
            return format!("open, but closed without a word; expected {expected}");
        }
        format!("open; expected {expected}, found {}", self.scrubber.quote(&String::from_utf8_lossy(answer)))
    }

    fn too_late(&self, step: Step, answer: &[u8]) -> Fault {
        let limit = Limit(self.timeout);
        match (step, &self.expect) {
            (Step::Lookup, _) => {
                ProbeError::new(format!("failed to look up the name `{}` within {limit}", self.host)).into()
            }
            (Step::FirstByte | Step::Body, Some(expected)) if answer.is_empty() => {
                Fault::Target(format!("open, but silent for {limit}; expected {expected}"))
            }
            (Step::FirstByte | Step::Body, Some(expected)) => {
                Fault::Target(format!("{} within {limit}", self.unmet(expected, answer)))
            }
            _ => Fault::Target(format!("no answer within {limit}")),
        }
    }
}
