//! Tells a registry which kinds this crate brings.

use runbook_core::registry::Registry;

use crate::{CommandCi, CommandDeployer, CommandProbe, LocalProcessDeployer};

/// Registers probes and CI of kind `command`, and deployers of the kinds `command` and `process`.
pub fn register(registry: &mut Registry) {
    registry.probe::<CommandProbe>().ci::<CommandCi>().deployer::<CommandDeployer>().deployer::<LocalProcessDeployer>();
}
