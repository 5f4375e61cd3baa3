//! A host as configured, and the addresses behind it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use runbook_core::ports::ProbeError;

/// How many addresses of one name are tried. A name with more has others that answer for the rest.
const MAX_ADDRESSES: usize = 8;

/// A host: an address, this machine, or a name to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// An address; nothing is looked up.
    Address(IpAddr),
    /// `localhost` or a name below it: loopback without a look-up (RFC 6761, section 6.3).
    Localhost(String),
    /// A name, in lower case.
    Name(String),
}

impl Host {
    /// Reads a host as it stands in a URL; an IPv6 address may be in brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse() {
            return Ok(Self::Address(address));
        }
        if text.is_empty() {
            return Err("the host is missing".to_owned());
        }
        if !text.is_ascii() {
            return Err(format!("the host `{text}` must be written in its ASCII form (`xn--…`)"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
            return Err(format!("`{text}` is not a host"));
        }
        let name = text.to_ascii_lowercase();
        let rooted = name.strip_suffix('.').unwrap_or(&name);
        if rooted == "localhost" || rooted.ends_with(".localhost") {
            return Ok(Self::Localhost(name));
        }
        Ok(Self::Name(name))
    }

    /// Reads `host` or `host:port`.
    pub(crate) fn with_port(text: &str) -> Result<(Self, Option<u16>), String> {
        let after_brackets = text.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match text[after_brackets..].split_once(':') {
            Some((before, port)) => (&text[..after_brackets + before.len()], port),
            None => (text, ""),
        };
        let port = match port {
            "" => None,
            "0" => return Err("port 0 cannot be connected to".to_owned()),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| format!("{digits} is not a port: a number from 1 to 65535"))?)
            }
            other => return Err(format!("`{other}` is not a port: a number from 1 to 65535")),
        };
        Ok((Self::parse(host)?, port))
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.to_canonical().is_loopback(),
            Self::Localhost(_) => true,
            Self::Name(_) => false,
        }
    }

    /// Whether a connection to it ends at this machine: the unspecified address leads there too, by whatever interface.
    pub(crate) fn ends_here(&self) -> bool {
        self.is_loopback() || matches!(self, Self::Address(address) if address.to_canonical().is_unspecified())
    }

    /// Whether [`Host::addresses`] has to ask a resolver.
    pub(crate) fn needs_lookup(&self) -> bool {
        matches!(self, Self::Name(_))
    }

    /// The addresses to try, in order.
    ///
    /// # Errors
    /// When the name cannot be looked up: nothing was measured then.
    pub(crate) async fn addresses(&self, port: u16) -> Result<Vec<SocketAddr>, ProbeError> {
        let name = match self {
            Self::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
            Self::Localhost(_) => {
                let both: [IpAddr; 2] = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
                return Ok(both.map(|address| SocketAddr::new(address, port)).to_vec());
            }
            Self::Name(name) => name,
        };
        let found = tokio::net::lookup_host((name.as_str(), port)).await.map_err(|error| ProbeError {
            message: format!("failed to look up the name `{name}`; check its spelling and this machine's resolver"),
            source: Some(Box::new(error)),
        })?;
        let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
        if addresses.is_empty() {
            return Err(ProbeError::new(format!("the name `{name}` has no address")));
        }
        Ok(addresses)
    }
}

/// As in a URL: an IPv6 address in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Localhost(name) | Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_in_a_url() {
        assert_eq!(Host::parse("[::1]").unwrap().to_string(), "[::1]");
        assert_eq!(Host::parse("127.0.0.1").unwrap(), Host::Address(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(Host::parse("API.Example.").unwrap(), Host::Name("api.example.".into()));
        assert!(Host::parse("LOCALHOST").unwrap().is_loopback());
        assert!(Host::parse("[::ffff:127.0.0.1]").unwrap().is_loopback());
        assert!(!Host::parse("localhost.example").unwrap().is_loopback());
        for wrong in ["", "a b", "bücher.example", "a/b", "[::1", "user@host"] {
            assert!(Host::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_are_read_behind_hosts() {
        let read = |text: &str| Host::with_port(text).map(|(host, port)| (host.to_string(), port));
        assert_eq!(read("[::1]:80"), Ok(("[::1]".to_owned(), Some(80))));
        assert_eq!(read("h:65535"), Ok(("h".to_owned(), Some(65535))));
        assert_eq!(read("h:"), Ok(("h".to_owned(), None)));
        for wrong in ["h:0", "h:65536", "h:+1", "h:1:2", "[::1]x", ":80"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn localhost_is_both_families_without_a_lookup() {
        let addresses = Host::parse("localhost").unwrap().addresses(80).await.unwrap();
        assert_eq!(addresses, ["[::1]:80".parse().unwrap(), "127.0.0.1:80".parse().unwrap()]);
    }

    /// `.invalid` never exists (RFC 6761, section 6.4).
    #[tokio::test]
    async fn a_name_that_does_not_exist_is_not_the_targets_fault() {
        let error = Host::parse("no-such-service.invalid").unwrap().addresses(80).await.unwrap_err();
        assert!(error.to_string().contains("failed to look up the name `no-such-service.invalid`"), "{error}");
    }
}
