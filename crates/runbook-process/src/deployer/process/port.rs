//! The port that a service listens on, when that is on this machine.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{net::TcpStream, time::Instant};

/// How long a connection to this machine may take.
const CONNECT: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(25);

/// A loopback port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LocalPort(pub(super) u16);

impl LocalPort {
    /// The port of a URL that points at this machine. Another URL, or one that cannot be read, has none: its port
    /// cannot be looked at from here.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']')?;
                (host, after.strip_prefix(':'))
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let is_local = match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address.is_unspecified(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        };
        let port = match port {
            Some(port) => port.parse().ok()?,
            None if scheme.eq_ignore_ascii_case("http") => 80,
            None if scheme.eq_ignore_ascii_case("https") => 443,
            None => return None,
        };
        is_local.then_some(Self(port))
    }

    /// Whether something accepts connections there.
    pub(super) async fn is_open(self) -> bool {
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let connect = TcpStream::connect(SocketAddr::new(address, self.0));
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, connect).await
                && !is_to_itself(&stream)
            {
                return true;
            }
        }
        false
    }

    /// Waits until nothing accepts connections there; `false` when something still does after `limit`.
    pub(super) async fn is_free_within(self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.is_open().await {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }
}

/// A connection from a port to that same port needs no listener (RFC 9293, simultaneous open): it says nothing.
fn is_to_itself(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn only_ports_of_this_machine_are_looked_at() {
        for (url, port) in [
            ("http://localhost:8000", Some(8000)),
            ("http://LOCALHOST:8000/health?x=http://a:1", Some(8000)),
            ("http://127.0.0.1", Some(80)),
            ("https://user:pass@127.1.2.3/x", Some(443)),
            ("http://[::1]:5000/", Some(5000)),
            ("http://0.0.0.0:7860", Some(7860)),
            ("http://example.org:8000", None),
            ("http://localhost.example.org:8000", None),
            ("http://localhost:port", None),
            ("localhost:8000", None),
            ("", None),
        ] {
            assert_eq!(LocalPort::of_url(url).map(|port| port.0), port, "{url}");
        }
    }

    #[tokio::test]
    async fn a_port_is_open_while_somebody_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = LocalPort(listener.local_addr().unwrap().port());
        assert!(port.is_open().await);
        assert!(!port.is_free_within(Duration::from_millis(30)).await);
        drop(listener);
        assert!(port.is_free_within(Duration::from_secs(5)).await);
    }
}
