//! Who is asked: a server that is named, which is itself measured, or this machine's resolver, which is not.

use std::net::SocketAddr;

use hickory_resolver::{config::ProtocolConfig, system_conf::read_system_conf};
use runbook_core::ports::ProbeError;
use tokio::task::spawn_blocking;

use crate::transport::Host;

/// Where DNS servers listen.
pub(super) const PORT: u16 = 53;

/// How many of the machine's servers are asked: as many as its own resolver asks (resolv.conf(5), `MAXNS`).
const MAX_SERVERS: usize = 3;

/// The server to ask.
#[derive(Debug, Clone)]
pub(super) enum Server {
    /// The probe names it.
    Named(Host, u16),
    /// The machine's resolver.
    Machine,
}

impl Server {
    /// Whether the server's own name has to be looked up first.
    pub(super) fn needs_lookup(&self) -> bool {
        matches!(self, Self::Named(host, _) if host.needs_lookup())
    }

    /// Its addresses, in the order in which they are asked. The machine's settings are read anew each time: a network
    /// that changes changes them.
    ///
    /// # Errors
    /// When they cannot be found; nothing was measured then.
    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, ProbeError> {
        match self {
            Self::Named(host, port) => host.addresses(*port).await,
            // The file is read beside the runtime's thread.
            Self::Machine => spawn_blocking(machine).await.map_err(|error| unreadable(Box::new(error)))?,
        }
    }
}

fn machine() -> Result<Vec<SocketAddr>, ProbeError> {
    let (config, _) = read_system_conf().map_err(|error| unreadable(Box::new(error)))?;
    let addresses = config.name_servers().iter().filter_map(|server| {
        let udp = server.connections.iter().find(|connection| matches!(connection.protocol, ProtocolConfig::Udp))?;
        Some(SocketAddr::new(server.ip, udp.port))
    });
    Ok(addresses.take(MAX_SERVERS).collect())
}

fn unreadable(source: Box<dyn std::error::Error + Send + Sync>) -> ProbeError {
    ProbeError {
        message: "failed to find this machine's resolver (/etc/resolv.conf); name a `server`".to_owned(),
        source: Some(source),
    }
}
