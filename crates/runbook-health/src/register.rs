//! Which kinds of probe this crate brings. A new probe is a file (or folder) in `probes/`, a feature, and a line here.

use runbook_core::registry::Registry;

/// Adds the kinds of probe that are compiled in: `http` and `tcp`. A kind of the same name that was registered before
/// is replaced; calling it twice changes nothing.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "http")]
    registry.probe::<crate::HttpProbe>();
    #[cfg(feature = "tcp")]
    registry.probe::<crate::TcpProbe>();
    #[cfg(not(any(feature = "http", feature = "tcp")))]
    let _ = registry;
}
