//! `kind = "icmp"`: whether a host answers one echo request, as `ping` asks it, without privileges.

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use runbook_core::{
    Health, Reading,
    config::Period,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};
use tokio::time::timeout;

use super::target::Target;
use crate::{
    evidence::{Limit, Millis, Scrubber},
    reach::Reach,
    transport::{Fault, Host, Step, Trace},
};

/// What an echo request carries: as many bytes as `ping` sends.
const PAYLOAD: [u8; 56] = *b"a runbook asks whether this host is there, once, kindly.";

/// The keys of an `icmp` probe. An empty table pings the host of the service's URL.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IcmpSettings {
    /// The host; by default that of the service's URL.
    pub host: Option<String>,
    /// Which of the host's addresses to ask; by default the first one that this machine can send to.
    pub family: Option<IcmpFamily>,
    /// How long the whole measurement may take. One echo request is sent, and none again.
    pub timeout: Period,
}

impl Default for IcmpSettings {
    fn default() -> Self {
        Self { host: None, family: None, timeout: Period::secs(5) }
    }
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IcmpFamily {
    /// `127.0.0.1`
    Ipv4,
    /// `::1`
    Ipv6,
}

impl IcmpFamily {
    fn contains(self, address: IpAddr) -> bool {
        match self {
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

impl fmt::Display for IcmpFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// Sends one echo request (RFC 792, RFC 4443) to a host and waits for the reply. Kind `icmp`; see [`IcmpSettings`] for
/// its keys.
///
/// No reply in time is unhealthy. A name that cannot be looked up, no route from here, and a machine that does not
/// permit it are unknown: only the unprivileged kind of socket is used, which Linux grants to the groups in the sysctl
/// `net.ipv4.ping_group_range`. A host that answers is up; that says nothing of the services on it, and a firewall that
/// drops echo requests looks like a host that is down.
///
/// A dropped future closes its socket.
pub struct IcmpProbe {
    host: Host,
    family: Option<IcmpFamily>,
    timeout: Duration,
    reach: Reach,
    scrubber: Scrubber,
}

impl fmt::Debug for IcmpProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IcmpProbe")
            .field("host", &self.host)
            .field("family", &self.family)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl ProbeDefinition for IcmpProbe {
    const KIND: &'static str = "icmp";
    type Settings = IcmpSettings;

    fn build(settings: IcmpSettings, scope: &Scope) -> Result<Self, BuildError> {
        if settings.timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        let host = match &settings.host {
            Some(text) => Host::parse(text).map_err(|problem| BuildError::key("host", problem))?,
            None => {
                Target::of_service(scope)?
                    .ok_or_else(|| BuildError::table("the service has no `url`, so the probe needs a `host`"))?
                    .host
            }
        };
        if let (Host::Address(address), Some(family)) = (&host, settings.family)
            && !family.contains(*address)
        {
            return Err(BuildError::key("family", format!("{address} is no {family} address")));
        }
        Ok(Self {
            reach: Reach::of(scope, &host, settings.host.is_some()),
            host,
            family: settings.family,
            timeout: settings.timeout.0,
            scrubber: Scrubber::new(scope.redactor.clone(), []),
        })
    }
}

#[async_trait]
impl Probe for IcmpProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.check()?;
        let mut trace = Trace::start();
        let mut asked = None;
        let ended = match timeout(self.timeout, self.measure(&mut trace, &mut asked)).await {
            Ok(ended) => ended,
            Err(_) => Err(self.too_late(trace.step())),
        };
        let (health, latency_ms, words) = match ended {
            Ok(()) => {
                trace.enter(Step::Idle);
                let latency_ms = trace.elapsed_ms();
                (Health::Healthy, Some(latency_ms), format!("reply in {}", Millis(latency_ms)))
            }
            Err(Fault::Target(words)) => (Health::Unhealthy, None, words),
            Err(Fault::Own(error)) => return Err(error),
        };
        let evidence = self.evidence(asked, &words);
        Ok(Reading { latency_ms, phases: trace.phases(), ..Reading::new(health, evidence) })
    }

    fn limit(&self) -> Duration {
        crate::transport::limit_of(self.timeout)
    }
}

impl IcmpProbe {
    /// The first address that this machine can send to decides.
    async fn measure(&self, trace: &mut Trace, asked: &mut Option<IpAddr>) -> Result<(), Fault> {
        if self.host.needs_lookup() {
            trace.enter(Step::Lookup);
        }
        // ICMP knows no ports; the number is never sent.
        let addresses = self.host.addresses(0).await?;
        let mut fault = None;
        for address in addresses.iter().map(|address| address.ip().to_canonical()) {
            if self.family.is_some_and(|family| !family.contains(address)) {
                continue;
            }
            *asked = Some(address);
            trace.enter(Step::FirstByte);
            match echo(address).await {
                Err(own @ Fault::Own(_)) => fault = fault.or(Some(own)),
                measured => return measured,
            }
        }
        let family = self.family.map(|family| format!("{family} ")).unwrap_or_default();
        Err(fault.unwrap_or_else(|| ProbeError::new(format!("`{}` has no {family}address", self.host)).into()))
    }

    fn too_late(&self, step: Step) -> Fault {
        let limit = Limit(self.timeout);
        match step {
            Step::Lookup => {
                ProbeError::new(format!("failed to look up the name `{}` within {limit}", self.host)).into()
            }
            _ => Fault::Target(format!("no reply within {limit}")),
        }
    }

    /// `icmp api.example.com (192.0.2.7) → reply in 1.2 ms`
    fn evidence(&self, asked: Option<IpAddr>, words: &str) -> String {
        let address = match (&self.host, asked) {
            (Host::Localhost(_) | Host::Name(_), Some(address)) => format!(" ({address})"),
            _ => String::new(),
        };
        self.scrubber.line(&format!("icmp {}{address} → {words}", self.host))
    }
}

/// One request and its reply. Without a deadline of its own.
async fn echo(address: IpAddr) -> Result<(), Fault> {
    let kind = if address.is_ipv4() { ICMP::V4 } else { ICMP::V6 };
    let config = Config::builder().kind(kind).build();
    let client = Client::new(&config).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => not_permitted(),
        _ => Fault::of_io(error, "open an ICMP socket"),
    })?;
    // Where the machine denies the unprivileged socket and this process could have a raw one, the library opens that:
    // it would hear every ICMP packet of the machine.
    if client.get_socket().get_type() != config.sock_type_hint {
        return Err(not_permitted());
    }
    let mut pinger = client.pinger(address, PingIdentifier(next_identifier())).await;
    pinger.timeout(Duration::MAX);
    match pinger.ping(PingSequence(0), &PAYLOAD).await {
        Ok((packet, _)) if is_reply(&packet) => Ok(()),
        // A router's word, like an error of the socket: the host itself said nothing.
        Ok(_) => Err(ProbeError::new(format!("a router says that {address} cannot be reached")).into()),
        Err(SurgeError::IOError(error)) => Err(Fault::of_io(error, &format!("send an echo request to {address}"))),
        Err(error) => {
            let message = format!("failed to ask {address}");
            Err(ProbeError { message, source: Some(Box::new(error)) }.into())
        }
    }
}

fn is_reply(packet: &IcmpPacket) -> bool {
    match packet {
        // RFC 792, "Echo or Echo Reply Message".
        IcmpPacket::V4(packet) => packet.get_icmp_type().0 == 0,
        // RFC 4443, section 4.2.
        IcmpPacket::V6(packet) => packet.get_icmpv6_type().0 == 129,
    }
}

fn not_permitted() -> Fault {
    ProbeError::new(
        "this machine does not permit ICMP without privileges: widen the sysctl `net.ipv4.ping_group_range` (for IPv6 \
         too) so that it contains a group of this user, or ask with a `tcp` probe",
    )
    .into()
}

/// Tells probes of this process apart where the system does not do it itself.
fn next_identifier() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // The lower half is what tells processes apart that were started one after the other.
    let process = (std::process::id() & 0xffff) as u16;
    process.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}
