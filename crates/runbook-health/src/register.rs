//! Which kinds of probe this crate brings. A new probe is a file (or folder) in `probes/`, a feature, and a line here.

use runbook_core::registry::Registry;

/// Adds the kinds of probe that are compiled in, such as `http`. A kind of the same name that was registered before
/// is replaced; calling it twice changes nothing.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "dns")]
    registry.probe::<crate::DnsProbe>();
    #[cfg(feature = "grpc")]
    registry.probe::<crate::GrpcProbe>();
    #[cfg(feature = "http")]
    registry.probe::<crate::HttpProbe>();
    #[cfg(feature = "icmp")]
    registry.probe::<crate::IcmpProbe>();
    #[cfg(feature = "mysql")]
    registry.probe::<crate::MySqlProbe>();
    #[cfg(feature = "postgres")]
    registry.probe::<crate::PostgresProbe>();
    #[cfg(feature = "redis")]
    registry.probe::<crate::RedisProbe>();
    #[cfg(feature = "tcp")]
    registry.probe::<crate::TcpProbe>();
    #[cfg(feature = "tls")]
    registry.probe::<crate::TlsProbe>();
    // With no kind compiled in, nothing above names it.
    let _ = registry;
}
