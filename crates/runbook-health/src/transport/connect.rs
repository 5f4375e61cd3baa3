//! Opening one TCP connection to a host with several addresses: in turn, the next one without waiting for a slow one
//! (RFC 8305, section 5).

use std::{net::SocketAddr, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use runbook_core::ports::ProbeError;
use tokio::{net::TcpStream, time::timeout};

use super::Fault;

/// How long an attempt may be alone: the "connection attempt delay" that RFC 8305 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// The first connection that is accepted. It has no deadline of its own. A dropped future closes all attempts.
///
/// # Errors
/// When all addresses failed; a fault of the target, where one was measured.
pub(crate) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    connect_to_one(addresses).await.map(|(stream, _)| stream)
}

/// As [`connect`], with the address that accepted.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_to_one(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Fault> {
    if let [only] = addresses {
        return attempt(*only).await;
    }
    let mut waiting = addresses.iter().copied();
    let mut running: FuturesUnordered<_> = waiting.next().map(attempt).into_iter().collect();
    let mut fault: Option<Fault> = None;
    while !running.is_empty() {
        let ended =
            if waiting.len() == 0 { Ok(running.next().await) } else { timeout(HEAD_START, running.next()).await };
        match ended {
            Ok(Some(Ok(connected))) => return Ok(connected),
            Ok(Some(Err(failed))) => {
                fault = Some(match fault {
                    Some(earlier) => earlier.or_measured(failed),
                    None => failed,
                });
            }
            Ok(None) | Err(_) => {}
        }
        running.extend(waiting.next().map(attempt));
    }
    Err(fault.unwrap_or_else(|| ProbeError::new("there is no address to connect to").into()))
}

async fn attempt(address: SocketAddr) -> Result<(TcpStream, SocketAddr), Fault> {
    let stream =
        TcpStream::connect(address).await.map_err(|error| Fault::of_io(error, &format!("connect to {address}")))?;
    if is_connected_to_itself(&stream, address.port()) {
        return Err(Fault::target("connection refused"));
    }
    // A probe writes once and waits; Nagle's delay would only be measured. Without it the probe still works.
    let _ = stream.set_nodelay(true);
    Ok((stream, address))
}

/// When nobody listens on a port of this machine, the system may choose that very port to connect from; both ends are
/// then one socket (RFC 9293, section 3.5, simultaneous open), and a dead service would look open. Both are asked of the
/// socket: this machine has other names than loopback, such as `0.0.0.0`, `::ffff:127.0.0.1` and its own address.
fn is_connected_to_itself(stream: &TcpStream, port: u16) -> bool {
    // The far end is asked only where the port can be the same.
    stream.local_addr().is_ok_and(|local| local.port() == port && stream.peer_addr().is_ok_and(|peer| peer == local))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        // Bound and not listening: nobody else gets the port, and nobody answers there.
        let held = tokio::net::TcpSocket::new_v4().unwrap();
        held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = held.local_addr().unwrap();
        assert_eq!(connect(&[closed, open]).await.unwrap().peer_addr().unwrap(), open);
        let Err(Fault::Target(words)) = connect(&[closed]).await else { panic!("refused is measured") };
        assert_eq!(words, "connection refused");
        assert!(matches!(connect(&[]).await, Err(Fault::Own(_))));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_to_itself_is_not_a_service() {
        // Nothing is sent: the system only says from which address it would be (RFC 5737 keeps this one free).
        let network = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let own = network.connect("192.0.2.1:9").and_then(|()| network.local_addr()).map(|own| own.ip().to_string());
        let mut ends = vec![("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "0.0.0.0")];
        ends.extend(own.as_deref().ok().map(|own| (own, own)));
        // A machine may have no IPv6.
        if tokio::net::TcpSocket::new_v6().is_ok() {
            ends.push(("::ffff:127.0.0.1", "::ffff:127.0.0.1"));
        }
        for (from, to) in ends {
            let at = |ip: &str, port: u16| SocketAddr::new(ip.parse().unwrap(), port);
            let is_v6 = at(from, 0).is_ipv6();
            let new = if is_v6 { tokio::net::TcpSocket::new_v6() } else { tokio::net::TcpSocket::new_v4() };
            let socket = new.unwrap();
            socket.bind(at(from, 0)).unwrap();
            let port = socket.local_addr().unwrap().port();
            assert!(is_connected_to_itself(&socket.connect(at(to, port)).await.unwrap(), port), "{to}");
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        assert!(!is_connected_to_itself(&TcpStream::connect(open).await.unwrap(), open.port()));
    }

    /// A listener that accepts nobody and whose queue is full drops what comes: the first address stays silent.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_silent_address_does_not_use_up_the_deadline() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = socket.listen(1).unwrap();
        let silent = full.local_addr().unwrap();
        let mut held = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(100), TcpStream::connect(silent)).await {
            held.push(stream.unwrap());
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let stream = timeout(Duration::from_secs(2), connect(&[silent, open])).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    }
}
