//! The registry: which kinds of stage, probe, deployer, CI and notifier there are, and how each is built from its
//! table of the configuration.
//!
//! A face registers the kinds of its adapters; a Rust developer registers kinds of their own the same way.

mod definition;
mod kinds;
mod scope;

pub use definition::{
    BuildError, CiDefinition, DeployerDefinition, NotifierDefinition, ProbeDefinition, StageDefinition,
};
pub use kinds::{BuiltProbe, Registry};
pub use scope::{Lookup, Ports, Scope, ServiceScope};
