//! From settings to a probe: checks what types cannot say, and names the key that is wrong.

use std::net::IpAddr;

use hickory_resolver::proto::rr::Name;
use runbook_core::registry::{BuildError, ProbeDefinition, Scope};

use super::{
    DnsExpectSettings, DnsProbe, DnsSettings, DnsType,
    answer::Record,
    expect::Expect,
    servers::{PORT, Server},
};
use crate::{evidence::Scrubber, probes::target::Target, reach::Reach, transport::Host};

impl ProbeDefinition for DnsProbe {
    const KIND: &'static str = "dns";
    type Settings = DnsSettings;

    fn build(settings: DnsSettings, scope: &Scope) -> Result<Self, BuildError> {
        if settings.timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        let server = match &settings.server {
            None => Server::Machine,
            Some(text) => server(text).map_err(|problem| BuildError::key("server", problem))?,
        };
        let (name, reach) = match &settings.name {
            Some(text) => {
                let reach = match &server {
                    Server::Named(host, _) => Some(Reach::of(scope, host, true)),
                    Server::Machine => None,
                };
                (Ok(name(text).map_err(|problem| BuildError::key("name", problem))?), reach)
            }
            None => name_of_service(scope)?,
        };
        Ok(Self {
            expect: expect(&settings.expect, settings.record_type)?,
            name,
            record_type: settings.record_type,
            server,
            protocol: settings.protocol,
            timeout: settings.timeout.0,
            reach,
            scrubber: Scrubber::new(scope.redactor.clone(), []),
        })
    }
}

/// `host`, `host:port`, or an IPv6 address without brackets.
fn server(text: &str) -> Result<Server, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Server::Named(Host::Address(address), PORT));
    }
    let (host, port) = Host::with_port(text)?;
    Ok(Server::Named(host, port.unwrap_or(PORT)))
}

/// The host of the service's URL. A loopback one is no error of the configuration, since it is what stands there while
/// a variable is not set; there is only nothing to measure then, as the inner `Err` says.
fn name_of_service(scope: &Scope) -> Result<(Result<Name, String>, Option<Reach>), BuildError> {
    let missing = |why: &str| BuildError::table(format!("{why}, so the probe needs a `name`"));
    let target = Target::of_service(scope)?.ok_or_else(|| missing("the service has no `url`"))?;
    let reach = Some(Reach::of(scope, &target.host, false));
    match &target.host {
        host if host.is_loopback() => {
            Ok((Err(format!("`{host}` is this machine and not looked up in DNS; give the probe a `name`")), reach))
        }
        Host::Address(_) => Err(missing("the service's `url` holds an address and no name")),
        Host::Name(text) | Host::Localhost(text) => {
            let found = name(text).map_err(|problem| BuildError::table(format!("the service's `url`: {problem}")))?;
            Ok((Ok(found), reach))
        }
    }
}

fn name(text: &str) -> Result<Name, String> {
    if text.parse::<IpAddr>().is_ok() {
        return Err(format!("`{text}` is an address, and names are looked up"));
    }
    if !text.is_ascii() {
        return Err(format!("the name `{text}` must be written in its ASCII form (`xn--…`)"));
    }
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'*');
    if text.trim_matches('.').is_empty() || !text.bytes().all(is_name) {
        return Err(format!("`{text}` is not a name"));
    }
    let mut name = Name::from_ascii(text).map_err(|error| format!("`{text}` is not a name: {error}"))?;
    name.set_fqdn(true);
    Ok(name)
}

fn expect(settings: &DnsExpectSettings, record_type: DnsType) -> Result<Expect, BuildError> {
    if settings.only && settings.answers.is_empty() {
        return Err(BuildError::key("expect.only", "no others than which? List them in `answers`"));
    }
    let answers = settings.answers.iter().map(|text| record(text, record_type)).collect::<Result<_, _>>();
    Ok(Expect {
        answers: answers.map_err(|problem| BuildError::key("expect.answers", problem))?,
        only: settings.only,
        count: settings.count,
    })
}

fn record(text: &str, record_type: DnsType) -> Result<Record, String> {
    let wrong = |what: &str| format!("{text:?} is not {what}");
    match record_type {
        DnsType::A => {
            text.parse().map(|address| Record::Address(IpAddr::V4(address))).map_err(|_| wrong("an IPv4 address"))
        }
        DnsType::Aaaa => {
            text.parse().map(|address| Record::Address(IpAddr::V6(address))).map_err(|_| wrong("an IPv6 address"))
        }
        DnsType::Cname => name(text).map(Record::Name),
        DnsType::Txt => Ok(Record::Text(text.as_bytes().to_vec())),
    }
}
